/* judge.c: dates, purpose, names, order and trust of a chain. */
#include "reload/judge.h"

#include "base/clock.h"
#include "reload/tls.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* "certificate 'CN=x'", for sentences. */
static const char *
said(const char *name)
{
    return name == NULL || *name == '\0' ? "(no name)" : name;
}

/* ---- dates ---- */

static bool
dates_of_one(const X509 *cert, int64_t now_s, struct err *e)
{
    own_mem char *subject = cert_subject(cert);
    char when[CLOCK_TEXT_SIZE];

    if (cert_not_before(cert) > now_s) {
        clock_text(when, cert_not_before(cert));
        return err_set(e, ERR_INPUT,
                       "the certificate '%s' is not valid before %s; check this machine's clock, "
                       "or wait",
                       said(subject), when);
    }
    if (cert_not_after(cert) < now_s) {
        clock_text(when, cert_not_after(cert));
        return err_set(e, ERR_INPUT, "the certificate '%s' has expired at %s; get a new one",
                       said(subject), when);
    }
    return true;
}

bool
judge_dates(const struct chain *chain, int64_t now_s, int64_t least_s, struct err *e)
{
    char wanted[CLOCK_SPAN_SIZE], left[CLOCK_SPAN_SIZE];
    int64_t left_s = cert_not_after(chain->certs[0]) - now_s;

    for (size_t i = 0; i < chain->count; i++)
        if (!dates_of_one(chain->certs[i], now_s, e))
            return false;
    if (left_s >= least_s)
        return true;
    clock_span(left, left_s * 1000);
    clock_span(wanted, least_s * 1000);
    return err_set(
        e, ERR_INPUT,
        "the certificate is valid for %s more, and at least %s are wanted; get a new one", left,
        wanted);
}

/* ---- purpose, names ---- */

bool
judge_purpose(const struct chain *chain, struct err *e)
{
    if (X509_check_purpose(chain->certs[0], X509_PURPOSE_SSL_SERVER, 0) == 1)
        return true;
    ERR_clear_error();
    return err_set(e, ERR_INPUT,
                   "the certificate is not for servers: its extended key usage lacks serverAuth; "
                   "have it issued as a server certificate");
}

bool
judge_names(const struct chain *chain, const struct list *names, struct err *e)
{
    own_list struct list there = {0};
    own_str struct str text = {0};

    for (size_t i = 0; i < names->count; i++) {
        if (cert_covers(chain->certs[0], names->items[i]))
            continue;
        if (!cert_names(chain->certs[0], &there))
            return err_memory(e);
        for (size_t j = 0; j < there.count; j++)
            if (!str_addf(&text, " %s", there.items[j]))
                return err_memory(e);
        return err_set(e, ERR_INPUT,
                       "the certificate does not cover '%s'; it covers:%s; have it issued for all "
                       "names",
                       names->items[i], text.size > 0 ? text.text : " nothing");
    }
    return true;
}

/* ---- order ---- */

/* Who, if anybody in the chain, issued certificate i? chain->count: nobody. */
static size_t
issuer_of(const struct chain *chain, size_t i)
{
    size_t j = 0;

    while (j < chain->count &&
           (j == i || X509_check_issued(chain->certs[j], chain->certs[i]) != X509_V_OK))
        j++;
    return j;
}

static bool
not_next(const struct chain *chain, size_t i, struct err *e)
{
    own_mem char *subject = cert_subject(chain->certs[i]);
    own_mem char *issuer = cert_issuer(chain->certs[i]);
    size_t j = issuer_of(chain, i);

    if (j < chain->count)
        return err_set(e, ERR_INPUT,
                       "the chain is out of order: certificate %zu, '%s', must follow '%s', which "
                       "it issued; put each issuer after what it issued",
                       j + 1, said(issuer), said(subject));
    return err_set(e, ERR_INPUT,
                   "the chain is incomplete: after '%s' its issuer '%s' is missing; add that "
                   "intermediate certificate",
                   said(subject), said(issuer));
}

bool
judge_order(const struct chain *chain, struct err *e)
{
    for (size_t i = 0; i + 1 < chain->count; i++) {
        X509 *issuer = chain->certs[i + 1];
        own_mem char *subject = NULL;

        if (X509_check_issued(issuer, chain->certs[i]) != X509_V_OK)
            return not_next(chain, i, e);
        if (X509_verify(chain->certs[i], X509_get0_pubkey(issuer)) == 1)
            continue;
        ERR_clear_error();
        subject = cert_subject(chain->certs[i]);
        return err_set(e, ERR_INPUT,
                       "the signature of '%s' is bad: the next certificate of the chain has its "
                       "issuer's name, but did not sign it; get the chain again",
                       said(subject));
    }
    return true;
}

/* ---- trust ---- */

static bool
distrusted(X509_STORE_CTX *ctx, struct err *e)
{
    int reason = X509_STORE_CTX_get_error(ctx);
    X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
    own_mem char *subject = cert == NULL ? NULL : cert_subject(cert);
    own_mem char *issuer = cert == NULL ? NULL : cert_issuer(cert);

    ERR_clear_error();
    if (reason == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
        reason == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
        reason == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE)
        return err_set(
            e, ERR_INPUT,
            "the chain is incomplete or its root is not trusted: the issuer '%s' of '%s' "
            "is neither in it nor a trusted root; add the intermediate certificate, or "
            "name the root in trust_file",
            said(issuer), said(subject));
    if (reason == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)
        return err_set(e, ERR_INPUT,
                       "'%s' is self-signed and not trusted; name it in trust_file if it is to be",
                       said(subject));
    if (reason == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN)
        return err_set(e, ERR_INPUT,
                       "the chain ends in '%s', which is not a trusted root; name it in trust_file "
                       "if it is to be trusted",
                       said(subject));
    return err_set(e, ERR_INPUT, "the chain does not verify: '%s': %s", said(subject),
                   X509_verify_cert_error_string(reason));
}

/* The last one of the chain that was built. */
static X509 *
top_of(X509_STORE_CTX *ctx)
{
    STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(ctx);
    X509 *top = sk_X509_num(built) > 0 ? sk_X509_value(built, sk_X509_num(built) - 1) : NULL;

    return top != NULL && X509_up_ref(top) == 1 ? top : NULL;
}

bool
judge_trust(const struct chain *chain, X509_STORE *trust, int64_t now_s, X509 **root, struct err *e)
{
    own_store_ctx X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *rest = sk_X509_new_null();
    bool trusted = false;

    for (size_t i = 1; rest != NULL && i < chain->count; i++)
        if (sk_X509_push(rest, chain->certs[i]) <= 0)
            break;
    if (ctx == NULL || rest == NULL || sk_X509_num(rest) != (int)chain->count - 1 ||
        X509_STORE_CTX_init(ctx, trust, chain->certs[0], rest) != 1 ||
        X509_STORE_CTX_set_default(ctx, "ssl_server") != 1) {
        sk_X509_free(rest);
        return err_crypto(e, "prepare the verification of a chain");
    }
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)now_s);
    trusted = X509_verify_cert(ctx) == 1 || distrusted(ctx, e);
    if (trusted && root != NULL)
        *root = top_of(ctx);
    sk_X509_free(rest);
    return trusted;
}
