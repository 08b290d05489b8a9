/* keyfile.h: a key and its certificates in the forms that other programs read. */
#ifndef PGCERT_CA_KEYFILE_H
#define PGCERT_CA_KEYFILE_H

#include "base/cert.h"

#include <openssl/evp.h>

/* PKCS#8 as DER, not encrypted (RFC 5208), as pgJDBC reads it. Appended. ERR_INTERNAL. */
MUST_USE bool keyfile_pkcs8(EVP_PKEY *key, struct str *der, struct err *e);

/*
 * PKCS#8 PEM, encrypted (PBES2: PBKDF2 with SHA-256, AES-256-CBC; RFC 8018) unless the passphrase
 * is empty. Appended.
 *
 * Errors: ERR_INTERNAL
 */
MUST_USE bool keyfile_write(EVP_PKEY *key, const struct str *passphrase, struct str *pem,
                            struct err *e);

/*
 * Reads a private key from PEM, encrypted or not.
 *
 * Errors: ERR_CONFIG  it is encrypted, and the passphrase is empty or another one
 *         ERR_INPUT   it is damaged
 */
MUST_USE EVP_PKEY *keyfile_read(const struct str *pem, const struct str *passphrase, struct err *e);

/* The same bytes as PEM. Appended. ERR_INTERNAL. */
MUST_USE bool keyfile_pkcs8_pem(const struct str *der, struct str *pem, struct err *e);

/* How a PKCS#12 is closed. */
struct keyfile_seal {
    const char *password; /* borrowed */
    bool is_random;       /* of keyfile_password(): 144 bits, which nobody guesses, so that rounds
                             of derivation would only take time */
    bool is_legacy;       /* triple DES and SHA-1, which everything reads; else AES-256, SHA-256 */
};

/*
 * PKCS#12 (RFC 7292) of a key and its chain, appended.
 *
 * Takes:  pkcs8  the key by keyfile_pkcs8()
 *         chain  the leaf first
 *         name   friendlyName
 * Errors: ERR_INTERNAL
 */
MUST_USE bool keyfile_pkcs12(const struct str *pkcs8, const struct chain *chain, const char *name,
                             const struct keyfile_seal *seal, struct str *der, struct err *e);

/* A random password of 24 letters, digits, '-' and '_', appended. ERR_INTERNAL. */
MUST_USE bool keyfile_password(struct str *password, struct err *e);

#endif
