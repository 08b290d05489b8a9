/* mint.h: certificates with any defect wanted, made on the spot, for tests. */
#ifndef PGCERT_FAKE_MINT_H
#define PGCERT_FAKE_MINT_H

#include "base/cert.h"
#include "base/key.h"

#include <assert.h>
#include <string.h>

#include <openssl/x509v3.h>

/* One that is to be made. */
struct mint {
    const char *cn;
    const char *names; /* subjectAltName as OpenSSL's configuration has it: "DNS:a,IP:127.0.0.1" */
    const char *usage; /* extendedKeyUsage: "serverAuth"; NULL: none */
    bool ca;
    int64_t from_s, until_s; /* Unix seconds */
    const EVP_MD *digest;    /* NULL: SHA-256 */
};

/* A certificate and its key. */
struct minted {
    X509 *cert;
    EVP_PKEY *key;
};

static inline void
mint_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    assert(extension != NULL);
    assert(X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static inline void
mint_name(X509 *cert, const char *cn)
{
    X509_NAME *name = X509_NAME_new();

    assert(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1,
                                      0) == 1);
    assert(X509_set_subject_name(cert, name) == 1);
    X509_NAME_free(name);
}

/* issuer NULL: signed by itself. The key is the caller's still. */
static inline X509 *
mint_with_key(const struct mint *m, EVP_PKEY *key, const struct minted *issuer)
{
    static long serial = 1000;
    X509 *cert = X509_new();

    assert(cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1);
    assert(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial) == 1);
    assert(ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)m->from_s) != NULL);
    assert(ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)m->until_s) != NULL);
    mint_name(cert, m->cn);
    assert(X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer->cert : cert)) == 1);
    assert(X509_set_pubkey(cert, key) == 1);
    mint_extension(cert, NID_basic_constraints, m->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (m->names != NULL)
        mint_extension(cert, NID_subject_alt_name, m->names);
    if (m->usage != NULL)
        mint_extension(cert, NID_ext_key_usage, m->usage);
    assert(X509_sign(cert, issuer ? issuer->key : key, m->digest ? m->digest : EVP_sha256()) > 0);
    return cert;
}

static inline struct minted
mint(const struct mint *m, const struct minted *issuer)
{
    struct err e = {0};
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);

    assert(key != NULL);
    return (struct minted){.cert = mint_with_key(m, key, issuer), .key = key};
}

static inline void
minted_done(struct minted *m)
{
    X509_free(m->cert);
    EVP_PKEY_free(m->key);
    *m = (struct minted){0};
}

static inline void
mint_add_cert(struct str *pem, X509 *cert)
{
    struct chain one = {.certs = {cert}, .count = 1};
    struct err e = {0};

    assert(chain_to_pem(&one, pem, &e));
}

static inline void
mint_add_key(struct str *pem, const EVP_PKEY *key)
{
    struct err e = {0};

    assert(key_to_pem(key, pem, &e));
}

#endif
