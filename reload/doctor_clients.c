/* doctor_clients.c: what a server knows of CAs and CRLs: what ends, what is missing. */
#include "base/clock.h"
#include "base/pem.h"
#include "reload/doctor.h"
#include "reload/tls.h"
#include "reload/trust.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_S ((int64_t)24 * 3600)
#define CA_SOON_S (30 * DAY_S)
#define TEXT_MAX ((size_t)4 * 1024 * 1024)

/* A file's certificates and CRLs. Damaged ones are for reload_find_restart() to tell. */
static STACK_OF(X509_INFO) * read_all(const struct str *text)
{
    BIO *bio = text->size == 0 || text->size > TEXT_MAX
                   ? NULL
                   : BIO_new_mem_buf(text->text, (int)text->size);
    STACK_OF(X509_INFO) *all =
        bio == NULL ? NULL : PEM_X509_INFO_read_bio(bio, NULL, pem_no_passphrase, NULL);

    BIO_free(bio);
    ERR_clear_error();
    return all;
}

static void
infos_drop(STACK_OF(X509_INFO) * *all)
{
    sk_X509_INFO_pop_free(*all, X509_INFO_free);
}

#define own_infos __attribute__((cleanup(infos_drop)))

/* The file of a setting of the running server, where it could be read. */
static const struct doctor_file *
file_of(const struct examination *x, const char *setting)
{
    own_mem char *path = doctor_path(x, doctor_setting(&x->facts, setting).now);
    const struct doctor_file *file = doctor_files_find(&x->files, path);

    return file == NULL || file->trouble != 0 ? NULL : file;
}

/* Is it the `i`th file that has CRLs? Those of ssl_crl_dir, and ssl_crl_file; in ssl_ca_file CRLs
 * count as well. */
static bool
may_have_crls(const struct examination *x, const struct doctor_file *file)
{
    const struct doctor_file *named = file_of(x, "ssl_crl_file");
    own_mem char *directory = doctor_path(x, doctor_setting(&x->facts, "ssl_crl_dir").now);
    size_t size = directory == NULL ? 0 : strlen(directory);

    return file->text.size > 0 &&
           (file == named || file == file_of(x, "ssl_ca_file") ||
            (size > 0 && strncmp(file->path, directory, size) == 0 && file->path[size] == '/' &&
             strchr(file->path + size + 1, '/') == NULL));
}

static bool
uses_crls(const struct examination *x)
{
    return doctor_setting(&x->facts, "ssl_crl_file").now[0] != '\0' ||
           doctor_setting(&x->facts, "ssl_crl_dir").now[0] != '\0';
}

/* ---- what ends ---- */

static void
advise_ca(const struct examination *x, const char *path, struct findings *f)
{
    if (x->view.clients_file != NULL && strcmp(path, x->view.clients_file) == 0)
        finding_remedy(f, "pgcert ca rollover, and pgcert renew until it is done");
    else
        finding_remedy(f,
                       "put the CA's successor beside it into '%s', SELECT pg_reload_conf(), and "
                       "then give the clients new certificates",
                       path);
}

static void
find_ca_end(const struct examination *x, const struct doctor_file *file, X509 *ca,
            struct findings *f)
{
    own_mem char *name = cert_subject(ca);
    int64_t left_s = cert_not_after(ca) - x->now_s;
    char when[CLOCK_TEXT_SIZE];

    if (left_s > CA_SOON_S || X509_check_ca(ca) != 1)
        return;
    clock_minute(when, cert_not_after(ca));
    finding_add(f, left_s <= 0 ? FINDING_BAD : FINDING_WARNING, x->target->name,
                left_s <= 0 ? "the CA '%s' in '%s' has ended at %s UTC: all its clients are refused"
                            : "the CA '%s' in '%s' ends at %s UTC, and from then on all its "
                              "clients are refused",
                name == NULL ? "" : name, file->path, when);
    advise_ca(x, file->path, f);
}

static void
advise_crl(const struct examination *x, const char *path, struct findings *f)
{
    if (x->view.clients_file != NULL && strcmp(path, x->view.clients_file) == 0)
        finding_remedy(f, "pgcert renew (it makes the CRL and deploys it); is the timer running?");
    else
        finding_remedy(f,
                       "get the CA's new CRL into '%s', then: SELECT pg_reload_conf(); who makes "
                       "it, and what runs that?",
                       path);
}

/* Warned of with a quarter of its life left: by then whoever makes them should have made another.
 */
static void
find_crl_end(const struct examination *x, const struct doctor_file *file, X509_CRL *crl,
             struct findings *f)
{
    own_mem char *name = cert_name(X509_CRL_get_issuer(crl));
    int64_t from_s = cert_time(X509_CRL_get0_lastUpdate(crl));
    int64_t until_s =
        X509_CRL_get0_nextUpdate(crl) == NULL ? 0 : cert_time(X509_CRL_get0_nextUpdate(crl));
    int64_t left_s = until_s - x->now_s;
    char when[CLOCK_TEXT_SIZE];

    if (!uses_crls(x) || until_s == 0 || left_s > (until_s - from_s) / 4)
        return;
    clock_minute(when, until_s);
    finding_add(f, left_s <= 0 ? FINDING_BAD : FINDING_WARNING, x->target->name,
                left_s <= 0
                    ? "the CRL of '%s' in '%s' has ended at %s UTC: every client that shows a "
                      "certificate is refused, whatever pg_hba.conf says"
                    : "the CRL of '%s' in '%s' ends at %s UTC, and from then on every client that "
                      "shows a certificate is refused",
                name == NULL ? "" : name, file->path, when);
    advise_crl(x, file->path, f);
}

/* What the server presents, also where pgcert does not keep it. */
static void
find_chain_end(const struct examination *x, struct findings *f)
{
    const struct doctor_file *file = file_of(x, "ssl_cert_file");
    own_infos STACK_OF(X509_INFO) *all = file == NULL ? NULL : read_all(&file->text);
    int seen = 0;

    for (int i = 0; i < sk_X509_INFO_num(all); i++) {
        X509 *cert = sk_X509_INFO_value(all, i)->x509;
        bool is_leaf = cert != NULL && seen++ == 0;
        int64_t life_s = cert == NULL ? 0 : cert_not_after(cert) - cert_not_before(cert);
        int64_t left_s = cert == NULL ? 0 : cert_not_after(cert) - x->now_s;
        own_mem char *name = cert == NULL ? NULL : cert_subject(cert);
        char when[CLOCK_TEXT_SIZE];

        /* what is kept is renewed with a third left, or half of a short life */
        if (cert == NULL || left_s > life_s / 8 || left_s > CA_SOON_S)
            continue;
        clock_minute(when, cert_not_after(cert));
        finding_add(f, left_s <= 0 ? FINDING_BAD : FINDING_WARNING, x->target->name,
                    left_s <= 0 ? "%s '%s' in '%s' has ended at %s UTC: clients that verify it do "
                                  "not connect"
                                : "%s '%s' in '%s' ends at %s UTC, and nothing has renewed it",
                    is_leaf ? "the certificate" : "the intermediate CA", name == NULL ? "" : name,
                    file->path, when);
        finding_remedy(f, x->view.uses_file ? "pgcert renew" : "pgcert setup NAME");
    }
}

void
reload_find_expiry(const struct examination *x, struct findings *f)
{
    const struct doctor_file *cas = x->has_files ? file_of(x, "ssl_ca_file") : NULL;

    if (!x->has_files || !doctor_is_on(doctor_setting(&x->facts, "ssl").now))
        return;
    find_chain_end(x, f);
    for (size_t i = 0; i < x->files.count; i++) {
        const struct doctor_file *file = &x->files.items[i];
        own_infos STACK_OF(X509_INFO) *all = may_have_crls(x, file) ? read_all(&file->text) : NULL;

        for (int n = 0; n < sk_X509_INFO_num(all); n++) {
            X509_INFO *one = sk_X509_INFO_value(all, n);

            if (one->crl != NULL)
                find_crl_end(x, file, one->crl, f);
            if (one->x509 != NULL && file == cas)
                find_ca_end(x, file, one->x509, f);
        }
    }
}

/* ---- what is missing, and what is too much ---- */

/* Has somebody a CRL which that CA has signed? */
static bool
has_crl(const struct examination *x, X509 *ca)
{
    bool found = false;

    for (size_t i = 0; i < x->files.count && !found; i++) {
        const struct doctor_file *file = &x->files.items[i];
        own_infos STACK_OF(X509_INFO) *all = may_have_crls(x, file) ? read_all(&file->text) : NULL;

        for (int n = 0; n < sk_X509_INFO_num(all) && !found; n++) {
            X509_CRL *crl = sk_X509_INFO_value(all, n)->crl;

            found = crl != NULL &&
                    X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) == 0 &&
                    X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1;
        }
    }
    ERR_clear_error();
    return found;
}

static void
find_missing_crl(const struct examination *x, const struct doctor_file *file, X509 *ca,
                 struct findings *f)
{
    own_mem char *name = cert_subject(ca);

    if (!uses_crls(x) || X509_check_ca(ca) != 1 || has_crl(x, ca) ||
        doctor_files_have_large(&x->files)) /* it may be in that one */
        return;
    finding_add(f, FINDING_BAD, x->target->name,
                "the server uses CRLs and has none of the CA '%s' in '%s': every client in whose "
                "chain it is is refused",
                name == NULL ? "" : name, file->path);
    if (x->view.clients_file != NULL && strcmp(file->path, x->view.clients_file) == 0)
        finding_remedy(f, "pgcert ca crl && pgcert renew");
    else
        finding_remedy(f, "put a CRL of that CA into ssl_crl_file (of the private CA: clients.crl "
                          "in its directory), then: SELECT pg_reload_conf()");
}

/* Do the system's roots vouch for it, so that it signs for anybody? */
static bool
is_public(X509_STORE *system, X509 *ca, int64_t now_s)
{
    own_store_ctx X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool trusted = false;

    if (ctx != NULL && X509_STORE_CTX_init(ctx, system, ca, NULL) == 1) {
        X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
        trusted = X509_verify_cert(ctx) == 1;
    }
    ERR_clear_error();
    return trusted;
}

/* Does a rule ask for a certificate? */
static const char *
asking_rule(const struct examination *x)
{
    const struct list *all = &x->facts.rules;

    for (size_t i = 0; i + RULE_FIELDS <= all->count; i += RULE_FIELDS)
        if (strcmp(all->items[i + RULE_METHOD], "cert") == 0 ||
            strstr(all->items[i + RULE_OPTIONS], "clientcert=verify") != NULL)
            return all->items[i + RULE_WHERE];
    return NULL;
}

static void
find_public(const struct examination *x, const struct doctor_file *file, X509_STORE *system,
            X509 *ca, struct findings *f)
{
    own_mem char *name = cert_subject(ca);
    const char *rule = asking_rule(x);

    if (rule == NULL || !is_public(system, ca, x->now_s))
        return;
    finding_add(f, FINDING_BAD, x->target->name,
                "ssl_ca_file = '%s' trusts the CA '%s' for clients, which this system trusts for "
                "everybody's servers: whoever gets a certificate there passes %s",
                file->path, name == NULL ? "" : name, rule);
    finding_remedy(f, "let clients in by a CA of your own: pgcert ca init, then pgcert setup "
                      "--mutual-tls NAME; or put the root of that CA alone into ssl_ca_file");
}

void
reload_find_clients(const struct examination *x, struct findings *f)
{
    const struct doctor_file *cas = x->has_files ? file_of(x, "ssl_ca_file") : NULL;
    own_infos STACK_OF(X509_INFO) *all = cas == NULL ? NULL : read_all(&cas->text);
    own_trust X509_STORE *system = NULL;
    struct err why = {0};

    if (all == NULL || !doctor_is_on(doctor_setting(&x->facts, "ssl").now))
        return;
    system = cert_trust(NULL, &why);
    for (int i = 0; i < sk_X509_INFO_num(all); i++) {
        X509 *ca = sk_X509_INFO_value(all, i)->x509;

        if (ca == NULL)
            continue;
        find_missing_crl(x, cas, ca, f);
        if (system != NULL)
            find_public(x, cas, system, ca, f);
    }
}
