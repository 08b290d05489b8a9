/* dn.c: the whole name by which PostgreSQL knows a client's certificate. */
#include "base/file.h"
#include "ca/ca.h"
#include "ca/name.h"

#include <fcntl.h>

char *
ca_bundle_dn(const char *directory, struct err *e)
{
    own_mem char *path = str_format("%s/postgresql.crt", directory);
    own_str struct str pem = {0};
    own_chain struct chain chain = {0};
    own_mem char *dn = NULL;

    if (path == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    if (!file_read(AT_FDCWD, path, CERT_PEM_MAX, &pem, e))
        return NULL;
    if (!chain_from_pem(&chain, pem.text, pem.size, e)) {
        (void)err_wrap(e, "'%s'", path);
        return NULL;
    }
    dn = cert_dn(X509_get_subject_name(chain.certs[0]));
    if (dn == NULL)
        (void)err_memory(e);
    return TAKE(dn);
}

char *
ca_client_dn(const char *tenant, const char *user, struct err *e)
{
    own_name X509_NAME *name = name_check_user(user, e) ? name_make(tenant, user, e) : NULL;
    own_mem char *dn = name == NULL ? NULL : cert_dn(name);

    if (name != NULL && dn == NULL)
        (void)err_memory(e);
    return TAKE(dn);
}
