/* keyfile.h: a key and its certificates in the forms that other programs read. */
#ifndef PGCERT_CA_KEYFILE_H
#define PGCERT_CA_KEYFILE_H

#include "base/cert.h"

#include <openssl/evp.h>

/* PKCS#8 as DER, not encrypted (RFC 5208), as pgJDBC reads it. Appended. ERR_INTERNAL. */
MUST_USE bool keyfile_pkcs8(EVP_PKEY *key, struct str *der, struct err *e);

/*
 * PKCS#12 (RFC 7292) of a key and its chain, appended.
 *
 * Takes:  chain      the leaf first
 *         name       friendlyName
 *         is_legacy  triple DES and SHA-1, which everything reads; else AES-256 and SHA-256
 * Errors: ERR_INTERNAL
 */
MUST_USE bool keyfile_pkcs12(EVP_PKEY *key, const struct chain *chain, const char *name,
                             const char *password, bool is_legacy, struct str *der, struct err *e);

/* A random password of 24 letters, digits, '-' and '_', appended. ERR_INTERNAL. */
MUST_USE bool keyfile_password(struct str *password, struct err *e);

#endif
