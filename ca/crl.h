/* crl.h: certificate revocation lists (RFC 5280 section 5). */
#ifndef PGCERT_CA_CRL_H
#define PGCERT_CA_CRL_H

#include "ca/index.h"

/* One CRL that is to be made. */
struct crl {
    const struct index *index;
    int64_t number; /* larger than any before it */
    int64_t this_update_s, next_update_s;
    int64_t before_s; /* thisUpdate of the one before it; 0: there was none */
};

/*
 * Makes the CRL of a CA, also an empty one: what it has signed and the index says is revoked. An
 * entry goes when it was in a CRL that was made after the certificate had expired.
 *
 * Takes:  key  of the issuer
 * Gives:  pem  appended
 * Errors: ERR_INTERNAL, ERR_SYSTEM
 * Source: RFC 5280 section 5.1, 5.2.1 (authorityKeyIdentifier), 5.2.3 (cRLNumber), 5.3.1
 *         (reasonCode); section 3.3 for when an entry may go
 */
MUST_USE bool crl_make(const struct crl *crl, const X509 *issuer, EVP_PKEY *key, struct str *pem,
                       struct err *e);

#endif
