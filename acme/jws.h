/* jws.h: signed requests (RFC 7515 as RFC 8555 section 6.2 narrows it) with a P-256 account key. */
#ifndef PGCERT_ACME_JWS_H
#define PGCERT_ACME_JWS_H

#include "base/err.h"
#include "base/str.h"

#include <openssl/evp.h>

#define THUMBPRINT_SIZE 32 /* bytes of SHA-256 */

/*
 * Makes the flattened JWS of one request, signed with ES256.
 *
 * Takes:  key      P-256
 *         kid      the account's URL; NULL: the public key itself is put in ("jwk")
 *         nonce    from the server
 *         url      of the request
 *         payload  JSON text; "" is POST-as-GET (RFC 8555 section 6.3)
 * Gives:  body     the JSON text, appended
 * Errors: ERR_INTERNAL
 */
MUST_USE bool jws_sign(EVP_PKEY *key, const char *kid, const char *nonce, const char *url,
                       const char *payload, struct str *body, struct err *e);

/* SHA-256 over the canonical JWK. Source: RFC 7638 */
MUST_USE bool jws_thumbprint(EVP_PKEY *key, unsigned char thumbprint[static THUMBPRINT_SIZE],
                             struct err *e);

#endif
