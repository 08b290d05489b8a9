/* tenant.h: the CAs of tenants. */
#ifndef PGCERT_CA_TENANT_H
#define PGCERT_CA_TENANT_H

#include "ca/authority.h"

/* Makes that of a tenant, with its CRL, if there is none: below the present root or the next.
 * Errors as ca_tenant(). */
MUST_USE bool tenant_make(struct ca *ca, const char *name, bool is_next, bool *made, struct err *e);

#endif
