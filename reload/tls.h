/* tls.h: ownership words for what this room holds of OpenSSL's, and a few things about SSL. */
#ifndef PGCERT_RELOAD_TLS_H
#define PGCERT_RELOAD_TLS_H

#include "base/err.h"
#include "base/own.h"
#include "base/str.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#define own_trust __attribute__((cleanup(tls_trust_drop)))
#define own_store_ctx __attribute__((cleanup(tls_store_ctx_drop)))
#define own_ssl_ctx __attribute__((cleanup(tls_ctx_drop)))
#define own_ssl __attribute__((cleanup(tls_ssl_drop)))

void tls_trust_drop(X509_STORE **store);
void tls_store_ctx_drop(X509_STORE_CTX **ctx);
void tls_ctx_drop(SSL_CTX **ctx);
void tls_ssl_drop(SSL **ssl);

/* OpenSSL's newest queued reason as words, never NULL; empties the queue. */
const char *tls_reason(void);

/* Does SSL_load_client_CA_file(), by which PostgreSQL reads a file of CAs, find a certificate
 * there? That one asks on the terminal when a block is encrypted; this does not, and finds none
 * then. False leaves OpenSSL's reason for tls_reason(). */
bool tls_has_ca(const struct str *pem);

/* Makes a client insist on that name or address, as verify-full does: subjectAltName only, and a
 * wildcard is a whole label. */
MUST_USE bool tls_expect(SSL *ssl, const char *host);

/* True for "192.0.2.1" and "2001:db8::1". */
bool tls_is_address(const char *host);

#endif
