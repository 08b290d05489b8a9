/* tenant.c: an issuing CA for the clients of one tenant. */
#include "base/file.h"
#include "ca/crls.h"
#include "ca/make.h"
#include "ca/name.h"

#include <fcntl.h>
#include <string.h>

/* A name constraint does not tell "ACME" from "acme": the CA of one could sign for the other. */
static bool
check_others(const struct ca *ca, const char *name, struct err *e)
{
    for (size_t i = 0; i < ca->count; i++) {
        const char *other = ca->all[i]->tenant;
        bool same = false;

        if (other == NULL || strcmp(other, name) == 0)
            continue;
        if (!name_is_same_tenant(other, name, &same, e))
            return false;
        if (same)
            return err_set(e, ERR_INPUT,
                           "the tenant '%s': there is '%s', and name constraints do not tell them "
                           "apart",
                           name, other);
    }
    return true;
}

/* What a killed run has left: a CRL of a CA that never was, so that it is not taken for ours. */
static bool
prepare(const struct ca *ca, const struct authority *a, struct err *e)
{
    own_mem char *directory = authority_path(ca->config, AUTHORITY_TENANTS, "");
    own_mem char *crl = authority_path(ca->config, a->name, ".crl");

    if (directory == NULL || crl == NULL)
        return err_memory(e);
    if (!file_make_directory(directory, 0700, e))
        return false;
    file_remove_temporaries(directory);
    return file_remove(AT_FDCWD, crl, e);
}

/* The certificate comes last: a CA is trusted only when its CRL is there. */
static bool
make(struct ca *ca, const char *name, struct err *e)
{
    struct authority *a = NULL;
    struct make m = {0};
    bool did = false;

    if (authority_key(ca, authority_find(ca, CA_ROOT, NULL), e) == NULL)
        return false;
    a = authority_add(ca, CA_TENANT, name, e);
    return a != NULL && prepare(ca, a, e) && make_begin(&m, ca, NULL, e) && make_sign(&m, a, e) &&
           crls_refresh(ca, 0, &did, e) && make_save(&m, a, e);
}

bool
ca_tenant(struct ca *ca, const char *name, bool *made, struct err *e)
{
    bool is_new = authority_find(ca, CA_TENANT, name) == NULL;

    if (!name_check_tenant(name, e) || !check_others(ca, name, e))
        return false;
    if (is_new && !make(ca, name, e))
        return err_wrap(e, "make the CA of the tenant '%s'", name);
    *made = is_new;
    return true;
}
