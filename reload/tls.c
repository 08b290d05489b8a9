/* tls.c: drop what OpenSSL made; say what it means. */
#include "reload/tls.h"

#include "base/pem.h"

#include <arpa/inet.h>
#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

void
tls_trust_drop(X509_STORE **store)
{
    X509_STORE_free(*store);
}

void
tls_store_ctx_drop(X509_STORE_CTX **ctx)
{
    X509_STORE_CTX_free(*ctx);
}

void
tls_ctx_drop(SSL_CTX **ctx)
{
    SSL_CTX_free(*ctx);
}

void
tls_ssl_drop(SSL **ssl)
{
    SSL_free(*ssl);
}

const char *
tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return reason != NULL ? reason : "OpenSSL gives no reason";
}

bool
tls_has_ca(const struct str *pem)
{
    BIO *bio =
        pem->size == 0 || pem->size > INT_MAX ? NULL : BIO_new_mem_buf(pem->text, (int)pem->size);
    X509 *first = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, pem_no_passphrase, NULL);
    bool found = first != NULL;

    X509_free(first);
    BIO_free(bio);
    return found;
}

bool
tls_expect(SSL *ssl, const char *host)
{
    if (tls_is_address(host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1;
}

bool
tls_is_address(const char *host)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}
