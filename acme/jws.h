/* jws.h: signed requests (RFC 7515 as RFC 8555 section 6.2 narrows it). The key of an
 * account is P-256 where we make it; one that was imported, and a certificate's, which may sign its
 * own revocation, may also be P-384 or RSA. */
#ifndef PGCERT_ACME_JWS_H
#define PGCERT_ACME_JWS_H

#include "base/err.h"
#include "base/str.h"

#include <openssl/evp.h>

#define THUMBPRINT_SIZE 32 /* bytes of SHA-256 */

/* HMAC algorithms (RFC 7518 section 3.2), in the order of jws_hmac_words. */
enum jws_hmac { JWS_HS256, JWS_HS384, JWS_HS512 };

/* "HS256" ..., NULL-ended: the words of the setting eab_algorithm. */
extern const char *const jws_hmac_words[];

/*
 * Makes the flattened JWS of one request, signed with ES256, ES384 or RS256 as the key is.
 *
 * Takes:  key      P-256, P-384 or RSA
 *         kid      the account's URL; NULL: the public key itself is put in ("jwk")
 *         nonce    from the server; NULL: none, inside of another JWS (RFC 8555 section 7.3.5)
 *         url      of the request
 *         payload  JSON text; "" is POST-as-GET (RFC 8555 section 6.3)
 * Gives:  body     the JSON text, appended
 * Errors: ERR_INTERNAL
 */
MUST_USE bool jws_sign(EVP_PKEY *key, const char *kid, const char *nonce, const char *url,
                       const char *payload, struct str *body, struct err *e);

/*
 * Makes a JWS in the compact form, as which a JWT is sent.
 *
 * Takes:  header, claims  JSON text; the header names the algorithm of the key
 * Gives:  token           appended
 * Errors: ERR_INTERNAL
 * Source: RFC 7515 section 7.1, RFC 7519 section 7.1
 */
MUST_USE bool jws_compact(EVP_PKEY *key, const char *header, const char *claims, struct str *token,
                          struct err *e);

/* A shared key that somebody gave us a name for. */
struct jws_secret {
    enum jws_hmac algorithm;
    const char *kid;
    const struct str *key; /* bytes */
};

/* The same with a shared key and without a nonce. Source: RFC 8555 section 7.3.4 */
MUST_USE bool jws_sign_hmac(const struct jws_secret *secret, const char *url, const char *payload,
                            struct str *body, struct err *e);

/* Appends the public key as canonical JSON. Source: RFC 7638 section 3.2, RFC 7518 section 6 */
MUST_USE bool jws_jwk(EVP_PKEY *key, struct str *jwk, struct err *e);

/* SHA-256 over the canonical JWK. Source: RFC 7638 */
MUST_USE bool jws_thumbprint(EVP_PKEY *key, unsigned char thumbprint[static THUMBPRINT_SIZE],
                             struct err *e);

#endif
