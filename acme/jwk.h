/* jwk.h: private keys as JSON Web Keys (RFC 7517), as certbot keeps the one of its account. */
#ifndef PGCERT_ACME_JWK_H
#define PGCERT_ACME_JWK_H

#include "base/err.h"
#include "base/json.h"

#include <openssl/evp.h>

/*
 * Reads a private key: EC on P-256 or P-384, RSA of at most 4096 bits with its primes.
 *
 * Gives:  the key; NULL and `e` on failure
 * Errors: ERR_INPUT  a number is missing or malformed, it is of another kind, or its public half is
 *                    not that of the private one; ERR_SYSTEM
 * Source: RFC 7518 sections 6.2 and 6.3
 */
MUST_USE EVP_PKEY *jwk_key(const struct json_t *jwk, struct err *e);

#endif
