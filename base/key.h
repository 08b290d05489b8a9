/* key.h: private keys (OpenSSL). */
#ifndef PGCERT_BASE_KEY_H
#define PGCERT_BASE_KEY_H

#include "base/err.h"
#include "base/str.h"

#include <openssl/evp.h>

/* In the order of key_type_words. */
enum key_type {
    KEY_ECDSA_P256,
    KEY_ECDSA_P384,
    KEY_RSA_2048,
    KEY_RSA_3072,
    KEY_RSA_4096,
    KEY_ED25519, /* RFC 8410; of no public CA */
};

/* "ecdsa-p256" ..., NULL-ended: the words of the setting key_type. */
extern const char *const key_type_words[];

#define own_pkey __attribute__((cleanup(key_drop)))

/* A new key; NULL and ERR_INTERNAL when OpenSSL fails. */
MUST_USE EVP_PKEY *key_generate(enum key_type type, struct err *e);

/* Reads the first private key in PEM text (PKCS#8, or the traditional forms). Never asks for a
 * passphrase. NULL with ERR_INPUT when there is none, it is encrypted or damaged. */
MUST_USE EVP_PKEY *key_from_pem(const char *pem, size_t size, struct err *e);

/* Appends PKCS#8 PEM. */
MUST_USE bool key_to_pem(const EVP_PKEY *key, struct str *pem, struct err *e);

/* True when it is of that type. */
bool key_is(const EVP_PKEY *key, enum key_type type);

/* The digest that it signs certificates and requests with: SHA-256, with P-384 SHA-384; NULL for
 * Ed25519, which has its own. */
const EVP_MD *key_digest(const EVP_PKEY *key);

void key_drop(EVP_PKEY **key);

#endif
