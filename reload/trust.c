/* trust.c: would a file of CAs and CRLs let in whom it should, and refuse whom it should? */
#include "reload/trust.h"

#include "base/file.h"
#include "base/pem.h"
#include "reload/tls.h"

#include <stdio.h>
#include <sys/mman.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define CAS_MAX 4096
#define CRL_LEAST_S 300 /* one that ends sooner is not worth a reload */
#define PATH_SIZE 32

void
trust_done(struct trust *t)
{
    sk_X509_pop_free(t->cas, X509_free);
    sk_X509_CRL_pop_free(t->crls, X509_CRL_free);
    *t = (struct trust){0};
}

/* ---- reading ---- */

static bool
take(struct trust *t, X509_INFO *info)
{
    if (info->x509 != NULL) {
        if (sk_X509_push(t->cas, info->x509) <= 0)
            return false;
        info->x509 = NULL;
    }
    if (info->crl != NULL) {
        if (sk_X509_CRL_push(t->crls, info->crl) <= 0)
            return false;
        info->crl = NULL;
    }
    return true;
}

static bool
read_all(struct trust *t, const struct str *pem, struct err *e)
{
    BIO *bio = BIO_new_mem_buf(pem->text, (int)pem->size);
    STACK_OF(X509_INFO) *all =
        bio == NULL ? NULL : PEM_X509_INFO_read_bio(bio, NULL, pem_no_passphrase, NULL);
    bool good = true;

    BIO_free(bio);
    if (all == NULL)
        return err_set(e, ERR_INPUT, "the CAs and CRLs for clients are damaged: %s", tls_reason());
    for (int i = 0; good && i < sk_X509_INFO_num(all); i++)
        good = take(t, sk_X509_INFO_value(all, i));
    sk_X509_INFO_pop_free(all, X509_INFO_free);
    return good || err_memory(e);
}

bool
trust_read(struct trust *t, const struct str *pem, struct err *e)
{
    t->cas = sk_X509_new_null();
    t->crls = sk_X509_CRL_new_null();
    if (t->cas == NULL || t->crls == NULL)
        return err_memory(e);
    if (pem->size == 0 || pem->size > INT32_MAX)
        return err_set(e, ERR_INPUT, "the CAs and CRLs for clients have %zu bytes", pem->size);
    if (!read_all(t, pem, e))
        return false;
    return (sk_X509_num(t->cas) > 0 && sk_X509_num(t->cas) <= CAS_MAX) ||
           err_set(e, ERR_INPUT, "there are %d CAs for clients, and not 1 to %d",
                   sk_X509_num(t->cas), CAS_MAX);
}

/* ---- each CA and its CRL ---- */

/* The CRL which that CA has signed; NULL. */
static X509_CRL *
find_crl(const struct trust *t, X509 *ca)
{
    EVP_PKEY *key = X509_get0_pubkey(ca);

    for (int i = 0; i < sk_X509_CRL_num(t->crls); i++) {
        X509_CRL *crl = sk_X509_CRL_value(t->crls, i);

        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) == 0 &&
            X509_CRL_verify(crl, key) == 1)
            return crl;
    }
    ERR_clear_error();
    return NULL;
}

static bool
check_ca(const struct trust *t, X509 *ca, int64_t now_s, struct err *e)
{
    own_mem char *name = cert_subject(ca);
    const char *who = name == NULL ? "a CA" : name;
    X509_CRL *crl = find_crl(t, ca);
    time_t now = (time_t)now_s, later = (time_t)now_s + CRL_LEAST_S;

    if (X509_check_ca(ca) != 1)
        return err_set(e, ERR_INPUT, "'%s' is not the certificate of a CA", who);
    if (cert_not_before(ca) > now_s || cert_not_after(ca) <= now_s)
        return err_set(e, ERR_INPUT, "'%s' is not valid now, so no client of its would be let in",
                       who);
    if (crl == NULL)
        return err_set(e, ERR_INPUT,
                       "there is no CRL of '%s', and without it every client of its is refused",
                       who);
    if (X509_CRL_get0_nextUpdate(crl) == NULL ||
        X509_cmp_time(X509_CRL_get0_nextUpdate(crl), &later) <= 0 ||
        X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &now) > 0)
        return err_set(
            e, ERR_INPUT,
            "the CRL of '%s' does not hold now and for 5 minutes more, and an expired one "
            "locks every client out; try: pgcert ca crl",
            who);
    return true;
}

/* ---- as PostgreSQL has it ---- */

/* By name, as PostgreSQL loads it; the file is in memory. */
static bool
load(X509_STORE *store, const struct str *pem, struct err *e)
{
    own_fd int fd = memfd_create("pgcert", MFD_CLOEXEC);
    char path[PATH_SIZE];

    if (fd < 0 || !file_write_all(fd, pem->text, pem->size))
        return err_errno(e, "make a file in memory");
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ERR_clear_error();
    if (!tls_has_ca(pem) || X509_STORE_load_locations(store, path, NULL) != 1)
        return err_set(e, ERR_INPUT, "PostgreSQL would not load this file: %s", tls_reason());
    return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1 ||
           err_crypto(e, "set up a store of CAs");
}

/* What a server would say to that client; X509_V_OK: it is let in. */
static int
judge(X509_STORE *store, const struct pair *client, int64_t now_s)
{
    own_store_ctx X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    int said = X509_V_ERR_UNSPECIFIED;

    for (size_t i = 1; chain != NULL && i < client->chain.count; i++)
        if (sk_X509_push(chain, client->chain.certs[i]) <= 0)
            chain = (sk_X509_free(chain), NULL);
    if (chain != NULL && ctx != NULL &&
        X509_STORE_CTX_init(ctx, store, client->chain.certs[0], chain) == 1 &&
        X509_STORE_CTX_set_default(ctx, "ssl_client") == 1) {
        X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
        (void)X509_verify_cert(ctx);
        said = X509_STORE_CTX_get_error(ctx);
    }
    sk_X509_free(chain);
    ERR_clear_error();
    return said;
}

bool
trust_check(const struct trust *t, const struct str *pem, const struct pair *accepted,
            const struct pair *refused, int64_t now_s, struct err *e)
{
    own_trust X509_STORE *store = X509_STORE_new();
    int said = 0;

    for (int i = 0; i < sk_X509_num(t->cas); i++)
        if (!check_ca(t, sk_X509_value(t->cas, i), now_s, e))
            return false;
    if (store == NULL)
        return err_memory(e);
    if (!load(store, pem, e))
        return false;
    said = judge(store, accepted, now_s);
    if (said != X509_V_OK)
        return err_set(e, ERR_INPUT, "with these CAs and CRLs a good client would be refused: %s",
                       X509_verify_cert_error_string(said));
    said = judge(store, refused, now_s);
    return said == X509_V_ERR_CERT_REVOKED ||
           err_set(e, ERR_INPUT,
                   "with these CAs and CRLs a revoked client would not be refused as such: %s",
                   X509_verify_cert_error_string(said));
}
