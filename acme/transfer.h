/* transfer.h: an account as a file, from one host to another.
 *
 * What we write is PEM (RFC 7468) with lines before it, which other programs pass over:
 *
 *     directory: https://acme.example/directory
 *     account: https://acme.example/acct/1
 *     (the private key in PKCS#8)
 */
#ifndef PGCERT_ACME_TRANSFER_H
#define PGCERT_ACME_TRANSFER_H

#include "base/err.h"
#include "base/str.h"

#include <openssl/evp.h>

#define TRANSFER_SIZE_MAX (64 * 1024)

/* What a file holds. All is owned. */
struct transfer {
    EVP_PKEY *key;
    char *directory; /* NULL: the file does not say */
    char *account;   /* its URL; NULL: the file does not say */
};

#define own_transfer __attribute__((cleanup(transfer_done)))

/*
 * Reads what transfer_write() writes; a bare private key in PEM, as lego and acme.sh keep it; or a
 * JSON Web Key, as certbot does (private_key.json).
 *
 * Gives:  t  empty before
 * Errors: ERR_INPUT  there is no key, or not one that an account can have
 */
MUST_USE bool transfer_read(struct transfer *t, const struct str *text, struct err *e);

/* Appends the file's text. */
MUST_USE bool transfer_write(const struct transfer *t, struct str *text, struct err *e);

/* Can it be the key of an account: P-256, P-384, or RSA with 2048 to 4096 bits (jws.h)? */
bool transfer_takes_key(const EVP_PKEY *key);

void transfer_done(struct transfer *t);

#endif
