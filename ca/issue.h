/* issue.h: build and sign one certificate (RFC 5280 section 4). */
#ifndef PGCERT_CA_ISSUE_H
#define PGCERT_CA_ISSUE_H

#include "base/err.h"
#include "base/str.h"
#include "ca/kind.h"

#include <openssl/x509.h>

#define ISSUE_SERIAL_SIZE 16
#define ISSUE_SERIAL_TEXT (2 * ISSUE_SERIAL_SIZE + 1)
#define ISSUE_KEY_ID_SIZE 20
#define ISSUE_KEY_ID_TEXT (2 * ISSUE_KEY_ID_SIZE + 1)

/* What is to be signed; all pointers are borrowed. */
struct issue {
    enum kind_id kind;
    const char *organization; /* NULL: none */
    const char *common_name;  /* NULL: none; then there are names */
    const char *permitted;    /* organization of all that it signs; NULL: any name */
    const struct list *names; /* for subjectAltName; NULL: none */
    EVP_PKEY *public_key;
    int64_t not_before_s, not_after_s;
    unsigned char serial[ISSUE_SERIAL_SIZE];
};

#define own_cert __attribute__((cleanup(issue_drop)))

/* A random serial number: positive, 16 octets, the first of them not 0. ERR_INTERNAL. */
MUST_USE bool issue_serial(unsigned char serial[static ISSUE_SERIAL_SIZE], struct err *e);

/*
 * Builds and signs. The CRL of a CA and its certificates are signed with SHA-256, by a P-384 key
 * with SHA-384. What is made for a client does not answer X509_get0_pubkey() until it is encoded
 * and read again.
 *
 * Takes:  issuer      NULL: it signs itself, and issuer_key is the private key of what is signed
 * Errors: ERR_INTERNAL
 * Source: RFC 5280 sections 4.1 and 4.2.1 (4.2.1.10 for `permitted`); RFC 7093 section 2, method 1,
 * for subjectKeyIdentifier
 */
MUST_USE X509 *issue_sign(const struct issue *i, const X509 *issuer, EVP_PKEY *issuer_key,
                          struct err *e);

/* The subjectKeyIdentifier of a certificate of ours in hexadecimal; "" when it has none. */
void issue_key_id(const X509 *cert, char text[static ISSUE_KEY_ID_TEXT]);

/* The authorityKeyIdentifier for what this CA signs; NULL: out of memory, or it has no key id. */
MUST_USE AUTHORITY_KEYID *issue_authority_key_id(const X509 *issuer);

void issue_drop(X509 **cert);

#endif
