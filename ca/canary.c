/* canary.c: what a server is to trust of clients, and clients by whom that is proved. */
#include "ca/canary.h"
#include "base/cert.h"
#include "base/file.h"
#include "ca/crls.h"
#include "ca/gone.h"
#include "ca/index.h"
#include "ca/share.h"

#include <fcntl.h>
#include <sys/stat.h>

#define CANARY_USER "pgcert-canary"
#define CANARY_CRL_LIVES 2       /* it outlives the CRL with which it was made */
#define CANARY_LEAST_S (10 * 60) /* it is not to end while it proves something */

static const struct canary {
    const char *file;
    bool is_revoked;
} canaries[] = {{"canary.pem", false}, {"canary-revoked.pem", true}};

/* Of a CA that a rollover has taken away. */
static const struct canary retired = {"canary-retired.pem", false};

/* The next one as soon as it is to be trusted: that it is must be known before it signs. */
static struct authority *
issuer_of(const struct ca *ca)
{
    return ca->rollover.phase >= CA_ROLLOVER_TRUSTED ? authority_find_of(ca, CA_CLIENTS, NULL, true)
                                                     : authority_find(ca, CA_CLIENTS, NULL);
}

/* ---- making ---- */

/* Revoked in the index before it is of use to anybody. */
static bool
revoke(struct ca *ca, const X509 *cert, struct err *e)
{
    own_mem char *serial = cert_serial(cert);

    if (serial == NULL)
        return err_memory(e);
    return index_add_revoked(ca->index_path, serial, index_reason_find("superseded"),
                             ca->clock->now_s(ca->clock), e);
}

static bool
write_canary(const struct ca *ca, const char *name, EVP_PKEY *key, const struct chain *chain,
             struct err *e)
{
    own_mem char *path = authority_path(ca->config, name, "");
    own_str struct str pem = {0};

    if (path == NULL)
        return err_memory(e);
    return key_to_pem(key, &pem, e) && chain_to_pem(chain, &pem, e) &&
           file_replace(AT_FDCWD, path, pem.text, pem.size, share_canary_mode(ca->config), e);
}

static bool
make(struct ca *ca, struct authority *issuer, const struct canary *which, struct err *e)
{
    const struct index_entry about = {.name = CANARY_USER};
    own_pkey EVP_PKEY *key = key_generate(KEY_ECDSA_P256, e);
    struct issue i = {.kind = KIND_CANARY, .common_name = CANARY_USER, .public_key = key};
    struct chain chain = {.certs = {NULL, issuer->cert}, .count = 2};
    own_cert X509 *cert = NULL;

    if (key == NULL ||
        !authority_set_times(ca, issuer, CANARY_CRL_LIVES * ca->config->crl_lifetime_s, &i, e))
        return false;
    cert = authority_sign(ca, issuer, &i, &about, e);
    chain.certs[0] = cert;
    return cert != NULL && (!which->is_revoked || revoke(ca, cert, e)) &&
           write_canary(ca, which->file, key, &chain, e);
}

bool
canary_retire(struct ca *ca, struct authority *issuer, struct err *e)
{
    own_mem char *path = authority_path(ca->config, retired.file, "");

    if (path == NULL)
        return err_memory(e);
    if (cert_not_after(issuer->cert) > ca->clock->now_s(ca->clock) && authority_has_key(ca, issuer))
        return make(ca, issuer, &retired, e) || err_wrap(e, "make a canary certificate");
    return file_remove(AT_FDCWD, path, e); /* one of an earlier CA proves nothing of this one */
}

/* ---- reading ---- */

/* Is it good for another half of a CRL's life, or as long as any can be? */
static bool
lasts(const struct ca *ca, const X509 *cert, int64_t now_s)
{
    int64_t last_s = cert_not_after(cert);

    return last_s > now_s + ca->config->crl_lifetime_s / 2 ||
           (last_s == cert_not_after(issuer_of(ca)->cert) && last_s > now_s + CANARY_LEAST_S);
}

/* One that cannot be read is made anew. */
static bool
holds(const struct ca *ca, const struct str *pem)
{
    own_chain struct chain chain = {0};
    struct err ignored = {0};
    int64_t now_s = ca->clock->now_s(ca->clock);

    return chain_from_pem(&chain, pem->text, pem->size, &ignored) && chain.count == 2 &&
           X509_cmp(chain.certs[1], issuer_of(ca)->cert) == 0 &&
           cert_not_before(chain.certs[0]) <= now_s && lasts(ca, chain.certs[0], now_s);
}

static bool
read_canary(const struct ca *ca, const struct canary *which, struct str *pem, struct err *e)
{
    own_mem char *path = authority_path(ca->config, which->file, "");

    str_clear(pem);
    if (path == NULL)
        return err_memory(e);
    return share_is_wanted(ca->config) ? file_read(AT_FDCWD, path, CERT_PEM_MAX, pem, e)
                                       : file_read_secret(path, CERT_PEM_MAX, pem, e);
}

/* Is it of a CA that is none of ours any more, and not refused for being old? */
static bool
is_gone(const struct ca *ca, const struct str *pem)
{
    own_chain struct chain chain = {0};
    struct err ignored = {0};

    if (!chain_from_pem(&chain, pem->text, pem->size, &ignored) || chain.count != 2 ||
        cert_not_after(chain.certs[0]) <= ca->clock->now_s(ca->clock))
        return false;
    for (size_t i = 0; i < ca->count; i++)
        if (X509_cmp(ca->all[i]->cert, chain.certs[1]) == 0)
            return false;
    return true;
}

static bool
add_crls(const struct ca *ca, struct str *pem, struct err *e)
{
    own_mem char *path = authority_path(ca->config, "clients.crl", "");

    if (path == NULL)
        return err_memory(e);
    return file_read(AT_FDCWD, path, CRLS_FILE_MAX, pem, e);
}

/* ---- for those who may read and not sign ---- */

bool
canary_keep(struct ca *ca, bool fresh, struct err *e)
{
    struct err ignored = {0};

    for (size_t i = 0; i < COUNT(canaries) && !fresh; i++) {
        own_str struct str pem = {0};

        fresh = !read_canary(ca, &canaries[i], &pem, &ignored) || !holds(ca, &pem);
    }
    for (size_t i = 0; i < COUNT(canaries) && fresh; i++)
        if (!make(ca, issuer_of(ca), &canaries[i], e))
            return err_wrap(e, "make a canary certificate");
    return true;
}

/* Without the lock the one that is to be refused may be newer than the CRL, which comes after it.
 */
static bool
check_order(const struct ca *ca, struct err *e)
{
    own_mem char *canary = authority_path(ca->config, canaries[1].file, "");
    own_mem char *crl = authority_path(ca->config, "clients.crl", "");
    struct stat first = {0}, then = {0};

    if (canary == NULL || crl == NULL)
        return err_memory(e);
    if (lstat(canary, &first) < 0 || lstat(crl, &then) < 0 ||
        first.st_mtim.tv_sec < then.st_mtim.tv_sec ||
        (first.st_mtim.tv_sec == then.st_mtim.tv_sec &&
         first.st_mtim.tv_nsec <= then.st_mtim.tv_nsec))
        return true;
    return err_set(e, ERR_BUSY, "the CRL '%s' is just being made", crl);
}

static bool
read_canaries(const struct ca *ca, struct ca_client_trust *t, struct err *e)
{
    struct str *const texts[] = {&t->accepted, &t->refused};
    struct err ignored = {0};

    for (size_t i = 0; i < COUNT(canaries); i++)
        if (!read_canary(ca, &canaries[i], texts[i], e))
            return err_wrap(e,
                            "the canary, by which is proved what a server trusts (its owner "
                            "makes it by: pgcert ca crl; the group of '%s' reads it)",
                            ca->config->directory);
    if (!read_canary(ca, &retired, &t->retired, &ignored) || !is_gone(ca, &t->retired))
        str_clear(&t->retired);
    return true;
}

bool
ca_trust_read(const struct ca_config *config, struct clock *clock, struct ca_client_trust *trust,
              struct err *e)
{
    own_ca struct ca *ca = ca_peek(config, clock, e);

    return ca != NULL && check_order(ca, e) && read_canaries(ca, trust, e) &&
           ca_add_pem(ca, CA_PEM_CLIENTS, &trust->pem, e) && add_crls(ca, &trust->pem, e) &&
           gone_add(config, &trust->gone, e);
}

bool
ca_trust_clients(struct ca *ca, bool fresh, struct ca_client_trust *trust, struct err *e)
{
    struct str *const texts[] = {&trust->accepted, &trust->refused};
    struct err ignored = {0};
    bool did = false;

    for (size_t i = 0; i < COUNT(canaries) && !fresh; i++)
        fresh = !read_canary(ca, &canaries[i], texts[i], &ignored) || !holds(ca, texts[i]);
    for (size_t i = 0; i < COUNT(canaries) && fresh; i++)
        if (!make(ca, issuer_of(ca), &canaries[i], e) ||
            !read_canary(ca, &canaries[i], texts[i], e))
            return err_wrap(e, "make a canary certificate");
    if (!read_canary(ca, &retired, &trust->retired, &ignored) || !is_gone(ca, &trust->retired))
        str_clear(&trust->retired);
    if (!ca_add_pem(ca, CA_PEM_CLIENTS, &trust->pem, e))
        return false;
    /* one CA that cannot sign must not keep from servers what the others have revoked */
    if (!ca_refresh(ca, false, &did, &trust->trouble) && !add_crls(ca, &trust->pem, &ignored)) {
        *e = trust->trouble;
        return false;
    }
    return (trust->trouble.code != ERR_NONE || add_crls(ca, &trust->pem, e)) &&
           gone_add(ca->config, &trust->gone, e);
}

void
ca_client_trust_done(struct ca_client_trust *trust)
{
    str_done(&trust->pem);
    str_done(&trust->accepted);
    str_done(&trust->refused);
    str_done(&trust->retired);
    str_done(&trust->gone);
    trust->trouble = (struct err){0};
}
