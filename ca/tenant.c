/* tenant.c: an issuing CA for the clients of one tenant. */
#include "ca/tenant.h"

#include "base/file.h"
#include "ca/crls.h"
#include "ca/make.h"
#include "ca/name.h"
#include "ca/share.h"

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
    own_mem char *directory = authority_path(
        ca->config, a->is_next ? AUTHORITY_NEXT "/" AUTHORITY_TENANTS : AUTHORITY_TENANTS, "");
    own_mem char *crl = authority_path(ca->config, a->name, ".crl");

    if (directory == NULL || crl == NULL)
        return err_memory(e);
    if (!share_directory(directory, e))
        return false;
    file_remove_temporaries(directory);
    return file_remove(AT_FDCWD, crl, e);
}

/* The certificate comes last: a CA is trusted only when its CRL is there. */
bool
tenant_make(struct ca *ca, const char *name, bool is_next, bool *made, struct err *e)
{
    struct authority *a = NULL;
    struct make m = {0};
    bool did = false;

    if (authority_find_of(ca, CA_TENANT, name, is_next) != NULL)
        return true;
    if (authority_key(ca, authority_find_of(ca, CA_ROOT, NULL, is_next), e) == NULL)
        return false;
    a = authority_add(ca, CA_TENANT, name, is_next, e);
    if (a == NULL || !prepare(ca, a, e) ||
        !make_begin(&m, ca, is_next ? ca->rollover.number : 1, NULL, e) || !make_sign(&m, a, e) ||
        !crls_refresh(ca, 0, &did, e) || !make_save(&m, a, e))
        return false;
    *made = true;
    return true;
}

/* During a rollover it needs one that signs now and, before the switch, one that will: none is made
 * when the key of either root is elsewhere. */
static bool
has_next_root(struct ca *ca, struct err *e)
{
    return ca->rollover.phase == CA_ROLLOVER_NONE ||
           authority_key(ca, authority_find_of(ca, CA_ROOT, NULL, true), e) != NULL;
}

bool
ca_tenant(struct ca *ca, const char *name, bool *made, struct err *e)
{
    bool is_rolling = ca->rollover.phase != CA_ROLLOVER_NONE;
    bool did = false;

    if (!name_check_tenant(name, e) || !check_others(ca, name, e))
        return false;
    if (!has_next_root(ca, e) ||
        (!authority_is_switched(ca) && !tenant_make(ca, name, false, &did, e)) ||
        (is_rolling && !tenant_make(ca, name, true, &did, e)))
        return err_wrap(e, "make the CA of the tenant '%s'", name);
    *made = did;
    return true;
}
