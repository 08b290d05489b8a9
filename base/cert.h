/* cert.h: certificates and chains (OpenSSL, RFC 5280). */
#ifndef PGCERT_BASE_CERT_H
#define PGCERT_BASE_CERT_H

#include "base/err.h"
#include "base/str.h"

#include <openssl/x509.h>

#define CERT_CHAIN_MAX 16         /* certificates in a chain */
#define CERT_PEM_MAX (256 * 1024) /* bytes of a PEM file we are willing to read */
#define CERT_SHA256_TEXT 65       /* hexadecimal and NUL */

/* A leaf and its intermediates, in order: [0] is the leaf. */
struct chain {
    X509 *certs[CERT_CHAIN_MAX];
    size_t count;
};

#define own_chain __attribute__((cleanup(chain_done)))

/*
 * Reads every CERTIFICATE block of PEM text, strictly: whatever begins must end, hold valid
 * base64 and DER, and the whole text must be PEM blocks, white space, or text between blocks that
 * has no "-----". Blocks of other types (a private key) are passed over.
 *
 * Gives:  chain  empty before; at least one certificate
 * Errors: ERR_INPUT  and why: truncated, damaged, none at all, too many
 */
MUST_USE bool chain_from_pem(struct chain *chain, const char *pem, size_t size, struct err *e);

/* Appends PEM of all. */
MUST_USE bool chain_to_pem(const struct chain *chain, struct str *pem, struct err *e);

/* For own_x509: frees and makes NULL. */
void cert_drop(X509 **cert);
#define own_x509 __attribute__((cleanup(cert_drop)))

void chain_done(struct chain *chain);

/* SHA-256 over the DER, lower-case hexadecimal. */
MUST_USE bool cert_sha256(const X509 *cert, char text[static CERT_SHA256_TEXT], struct err *e);

/* Unix seconds. */
int64_t cert_time(const ASN1_TIME *at);
int64_t cert_not_before(const X509 *cert);
int64_t cert_not_after(const X509 *cert);

/* The serial number in lower-case hexadecimal; free() it. NULL: out of memory. */
MUST_USE char *cert_serial(const X509 *cert);

/* "C=US, O=Let's Encrypt, CN=E6" (UTF-8, in the order of the certificate); free() it. */
MUST_USE char *cert_name(const X509_NAME *name);
MUST_USE char *cert_subject(const X509 *cert);
MUST_USE char *cert_issuer(const X509 *cert);

/* The name as PostgreSQL 14 and later compare it for clientname=DN: "CN=alice,O=Example", the last
 * part first, all but ASCII escaped; free() it. NULL: out of memory.
 * Source: PostgreSQL src/backend/libpq/be-secure-openssl.c, be_tls_open_server(); RFC 2253 */
MUST_USE char *cert_dn(const X509_NAME *name);

/* Adds the DNS names and IP addresses of subjectAltName (control characters become '?'). */
MUST_USE bool cert_names(const X509 *cert, struct list *names);

/* Does subjectAltName cover the name, as RFC 6125 and libpq do it? "*.example.org" is covered by
 * that very name only. */
bool cert_covers(const X509 *cert, const char *name);

/* Is it a directory of roots under their hashes (openssl-rehash(1)), which OpenSSL looks up lazily?
 */
bool cert_has_hash_links(const char *path);

/* A store of the system's roots (lazily looked up by hash where the system has such a directory)
 * and those in trust_file (NULL: none). NULL and ERR_INPUT, ERR_SYSTEM, ERR_INTERNAL. */
MUST_USE X509_STORE *cert_trust(const char *trust_file, struct err *e);

#endif
