/* gone.c: the CAs that rollovers have taken away; their certificates are in old/NUMBER/. */
#include "ca/gone.h"

#include "base/file.h"
#include "base/pem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define OLD "old"

/* Adds the paths of what is in a directory, below ours, sorted by number and name; nothing where it
 * is not there. */
static bool
list_sorted(const struct ca_config *config, const char *directory,
            int (*is_one)(const struct dirent *), struct list *found, struct err *e)
{
    own_mem char *path = authority_path(config, directory, "");
    struct dirent **entries = NULL;
    int count = path == NULL ? 0 : scandir(path, &entries, is_one, versionsort);
    bool good = path != NULL;

    if (path == NULL)
        return err_memory(e);
    if (count < 0)
        return errno == ENOENT || errno == ENOTDIR || err_errno(e, "open '%s'", path);
    for (int i = 0; i < count; i++) {
        own_mem char *name = str_format("%s/%s", directory, entries[i]->d_name);

        good = good && name != NULL && list_add(found, name);
        free(entries[i]);
    }
    free(entries);
    return good || err_memory(e);
}

/* A number, as ca_rollover_retire() names it. */
static int
is_generation(const struct dirent *entry)
{
    return strspn(entry->d_name, "0123456789") == strlen(entry->d_name);
}

static int
is_cert(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot != NULL && dot != entry->d_name && strcmp(dot, ".crt") == 0;
}

static bool
add_cert(const struct ca_config *config, const char *name, struct str *pem, struct err *e)
{
    own_mem char *path = authority_path(config, name, "");
    own_str struct str text = {0};
    own_chain struct chain chain = {0};
    struct err ignored = {0};
    bool is_there = false;

    if (path == NULL)
        return err_memory(e);
    if (!file_read_if_there(AT_FDCWD, path, CERT_PEM_MAX, &text, &is_there, e))
        return false;
    return !is_there || !chain_from_pem(&chain, text.text, text.size, &ignored) ||
           chain_to_pem(&chain, pem, e);
}

static bool
add_generation(const struct ca_config *config, const char *directory, struct str *pem,
               struct err *e)
{
    own_mem char *clients = str_format("%s/client-ca.crt", directory);
    own_mem char *tenants = str_format("%s/" AUTHORITY_TENANTS, directory);
    own_list struct list all = {0};

    if (clients == NULL || tenants == NULL || !list_add(&all, clients))
        return err_memory(e);
    if (!list_sorted(config, tenants, is_cert, &all, e))
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (!add_cert(config, all.items[i], pem, e))
            return false;
    return true;
}

bool
gone_add(const struct ca_config *config, struct str *pem, struct err *e)
{
    own_list struct list generations = {0};

    if (!list_sorted(config, OLD, is_generation, &generations, e))
        return false;
    for (size_t i = 0; i < generations.count; i++)
        if (!add_generation(config, generations.items[i], pem, e))
            return false;
    return true;
}

static bool
take_id(void *into, X509 *cert, struct err *e)
{
    char id[ISSUE_KEY_ID_TEXT];

    issue_key_id(cert, id);
    X509_free(cert);
    return list_add(into, id) || err_memory(e);
}

/* One by one: rollovers over the years make more of them than a chain may have. */
bool
gone_ids(const struct ca_config *config, struct list *ids, struct err *e)
{
    own_str struct str pem = {0};

    return gone_add(config, &pem, e) &&
           (pem.size == 0 || pem_each_cert(pem.text, pem.size, take_id, ids, e));
}
