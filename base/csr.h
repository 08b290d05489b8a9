/* csr.h: certificate signing requests (PKCS#10, RFC 2986). */
#ifndef PGCERT_BASE_CSR_H
#define PGCERT_BASE_CSR_H

#include "base/err.h"
#include "base/str.h"

#include <openssl/evp.h>

/*
 * Makes a request for names: empty subject, all of them in subjectAltName (RFC 8555
 * section 7.4), signed with SHA-256 (SHA-384 for P-384).
 *
 * Takes:  names  A-labels or IP addresses, at least one
 * Gives:  der    appended
 * Errors: ERR_INTERNAL
 */
MUST_USE bool csr_make(EVP_PKEY *key, const struct list *names, struct str *der, struct err *e);

/* True when both requests (DER) are for the same public key. False also when one is damaged. */
bool csr_same_key(const struct str *a_der, const struct str *b_der);

#endif
