/* pem.h: strict PEM (RFC 7468) of certificates. */
#ifndef PGCERT_BASE_PEM_H
#define PGCERT_BASE_PEM_H

#include "base/err.h"

#include <stddef.h>

#include <openssl/x509.h>

/* Takes a certificate, also when it fails. */
typedef bool pem_take_cert(void *into, X509 *cert, struct err *e);

/*
 * Gives every CERTIFICATE block of PEM text to `take`, in order. Whatever begins must end, hold
 * valid base64 and DER; other blocks and the text between are passed over.
 *
 * Errors: ERR_INPUT  and why: truncated, damaged, none at all; or what `take` said
 */
MUST_USE bool pem_each_cert(const char *pem, size_t size, pem_take_cert *take, void *into,
                            struct err *e);

/* For OpenSSL's readers of PEM, which otherwise ask on the terminal for what a block is encrypted
 * by, and wait: has no passphrase, so that the block cannot be read (pem_password_cb(3)). */
int pem_no_passphrase(char *buffer, int size, int is_writing, void *unused);

#endif
