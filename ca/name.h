/* name.h: names of subjects, checked and made (RFC 5280 section 4.1.2.4). */
#ifndef PGCERT_CA_NAME_H
#define PGCERT_CA_NAME_H

#include "base/err.h"
#include "base/str.h"

#include <openssl/x509.h>

#define NAME_USER_MAX 63                   /* bytes: PostgreSQL's NAMEDATALEN - 1 */
#define NAME_USER_FILE (3 * NAME_USER_MAX) /* bytes of it in the name of a file */
#define NAME_TENANT_FILE 60                /* both, with '@' and an ending, within NAME_MAX */

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

/*
 * The same for a tenant, which is the organization of its clients: at least one character.
 *
 * Errors: ERR_INPUT
 */
MUST_USE bool name_check_tenant(const char *tenant, struct err *e);

/* Are both the same to who checks a name constraint, which takes letters of ASCII for their small
 * ones and several spaces for one (RFC 5280 section 7.1)? ERR_INTERNAL. */
MUST_USE bool name_is_same_tenant(const char *a, const char *b, bool *same, struct err *e);

/* The organization in the subject of a certificate; free() it. NULL: none, or out of memory. */
MUST_USE char *name_organization(const X509 *cert);

/* As part of the name of a file: what cannot stand there as %XX, also '@'; what has more than
 * `most` bytes then, as a digest instead (42 bytes). Appended. False: out of memory. */
MUST_USE bool name_add_file(struct str *file, const char *name, size_t most);

/* A name of O and CN, as UTF8String; NULL for one that is not there. NULL and ERR_INTERNAL. */
MUST_USE X509_NAME *name_make(const char *organization, const char *common_name, struct err *e);

/* The same for a CA, with CN first: of an issuer PostgreSQL shows 63 bytes (pg_stat_ssl.issuer_dn),
 * and behind a long organization all CAs would look the same. */
MUST_USE X509_NAME *name_make_ca(const char *organization, const char *common_name, struct err *e);

void name_drop(X509_NAME **name);

#endif
