/* import_uacme.c: what uacme has: private/key.pem is the account, NAME/cert.pem and
 * private/NAME/key.pem a certificate. Server and hook it is told by the command line.
 *
 * Source: uacme 1.7, uacme(1), section FILES
 */
#include "base/file.h"
#include "cli/import_clients.h"
#include "cli/import_dns.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
read_one(struct import *im, struct import_certificate *c, struct err *e)
{
    own_mem char *key = str_format("%s/private/key.pem", im->directory);
    struct import_account *account = NULL;

    c->server = strdup(im->server == NULL ? import_letsencrypt : im->server);
    if (key == NULL || c->server == NULL ||
        !import_dns_unknown(&c->dns, "uacme does not keep which hook publishes its records"))
        return err_memory(e);
    if (im->server == NULL &&
        !import_note(&im->notes, "which server it is: uacme does not keep that, and its usual one "
                                 "was taken; for another add: --server URL"))
        return err_memory(e);
    return import_set_account(im, c, key, &account, e);
}

static bool
add_one(struct import *im, const char *name, struct err *e)
{
    own_mem char *key = str_format("%s/private/%s/key.pem", im->directory, name);
    own_mem char *chain = str_format("%s/%s/cert.pem", im->directory, name);
    struct import_certificate *c = NULL;

    if (key == NULL || chain == NULL)
        return err_memory(e);
    if (access(chain, F_OK) < 0)
        return true; /* some other directory, or nothing was issued */
    c = import_add_certificate(im, name, e);
    if (c == NULL)
        return false;
    if (read_one(im, c, &c->e))
        import_read_pair(c, key, chain);
    return true;
}

bool
import_uacme(struct import *im, struct err *e)
{
    own_list struct list names = {0};

    if (!file_list(im->directory, import_is_name, &names, e))
        return false;
    for (size_t i = 0; i < names.count; i++)
        if (!add_one(im, names.items[i], e))
            return false;
    return im->certificate_count > 0 ||
           err_set(e, ERR_INPUT, "there is no certificate of uacme: '%s' has no NAME/cert.pem",
                   im->directory);
}
