/* name.h: names of subjects, checked and made (RFC 5280 section 4.1.2.4). */
#ifndef PGCERT_CA_NAME_H
#define PGCERT_CA_NAME_H

#include "base/err.h"

#include <openssl/x509.h>

#define NAME_USER_MAX 63 /* bytes: PostgreSQL's NAMEDATALEN - 1 */

#define own_name __attribute__((cleanup(name_drop)))

/*
 * Can a role of PostgreSQL have that name? It is compared with the common name byte by byte.
 *
 * Errors: ERR_INPUT  empty, more than 63 bytes, not UTF-8, with a control character, or with a
 *                    space at an end
 * Source: PostgreSQL's manual, "Identifiers and Key Words" (NAMEDATALEN) and "Certificate
 *         Authentication"
 */
MUST_USE bool name_check_user(const char *user, struct err *e);

/*
 * The same for the organization: at most 64 characters (ub-organization-name).
 *
 * Errors: ERR_CONFIG
 */
MUST_USE bool name_check_organization(const char *organization, struct err *e);

/* A name of O and CN, as UTF8String; NULL for one that is not there. NULL and ERR_INTERNAL. */
MUST_USE X509_NAME *name_make(const char *organization, const char *common_name, struct err *e);

void name_drop(X509_NAME **name);

#endif
