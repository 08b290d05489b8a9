/* acme.c: one order, from its creation or where an earlier run left it, to the chain. */
#include "acme/acme.h"

#include "acme/alias.h"
#include "acme/authz.h"
#include "acme/challenge.h"
#include "acme/client.h"
#include "acme/dns01.h"
#include "acme/jws.h"
#include "acme/order.h"
#include "acme/persist.h"
#include "acme/preferred.h"
#include "acme/problem.h"
#include "acme/profile.h"
#include "acme/propagate.h"
#include "acme/publish.h"
#include "acme/records.h"
#include "acme/saved.h"
#include "acme/session.h"
#include "base/cert.h"
#include "base/csr.h"
#include "base/file.h"
#include "base/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define POLL_FIRST_MS 12
#define POLL_LONGEST_MS 5000
#define PATIENCE_MS (5 * 60 * 1000) /* for the server's checks and its signature */

/* clang-format off */
const struct option acme_options[] = {
    {.name = "directory",   .type = OPTION_URL,    .offset = offsetof(struct acme_issuer, directory),   .required = true,   .help = "URL of the ACME server's directory"},
    {.name = "rehearsal",   .type = OPTION_URL,    .offset = offsetof(struct acme_issuer, rehearsal),   .help = "URL of the directory of a server that gives certificates for tests, as pgcert renew --rehearse wants them"},
    {.name = "fallback",    .type = OPTION_TEXT,   .offset = offsetof(struct acme_issuer, fallback),    .help = "which [issuer NAME] is tried when this one has answered with a failure three times in a row, or when the time gets short"},
    {.name = "contact",     .type = OPTION_LIST,   .offset = offsetof(struct acme_issuer, contact),     .help = "who is told of problems: mailto:NAME@EXAMPLE.ORG ..."},
    {.name = "agree_terms", .type = OPTION_YES_NO, .offset = offsetof(struct acme_issuer, agree_terms), .standard = "no",   .help = "yes: its terms of service are agreed to"},
    {.name = "challenge",   .type = OPTION_WORD,   .offset = offsetof(struct acme_issuer, challenge),   .standard = "dns-01", .words = challenge_words, .help = "how a name is proved: by a record for each order (dns-01), by one whose name is this account's own (dns-account-01), by one that is published once (dns-persist-01)"},
    {.name = "dns",         .type = OPTION_TEXT,   .offset = offsetof(struct acme_issuer, dns),         .required = true,   .help = "which [dns NAME] section publishes the challenges"},
    {.name = "preferred_chain", .type = OPTION_TEXT, .offset = offsetof(struct acme_issuer, preferred_chain), .help = "of several chains, the one whose topmost issuer has this common name, or whose root has this SHA-256 fingerprint; default: the one that is offered first"},
    {.name = "profile",     .type = OPTION_TEXT,   .offset = offsetof(struct acme_issuer, profile),     .help = "which of the issuer's profiles to order; default: the issuer's own default"},
    {.name = "eab_kid",     .type = OPTION_TEXT,   .offset = offsetof(struct acme_issuer, eab_kid),     .help = "external account binding: the identifier that the issuer gave you"},
    {.name = "eab_hmac_file", .type = OPTION_PATH, .offset = offsetof(struct acme_issuer, eab_hmac_file), .help = "external account binding: the file with the key that the issuer gave you, in base64url"},
    {.name = "eab_algorithm", .type = OPTION_WORD, .offset = offsetof(struct acme_issuer, eab_algorithm), .standard = "HS256", .words = jws_hmac_words, .help = "external account binding: how it is signed"},
    {.name = "ca_file",     .type = OPTION_PATH,   .offset = offsetof(struct acme_issuer, ca_file),     .help = "roots to trust for the ACME server's own https, besides the system's"},
    {.name = "trust_file",  .type = OPTION_PATH,   .offset = offsetof(struct acme_issuer, trust_file),  .help = "roots in which issued chains may end, besides the system's"},
    {0},
};
/* clang-format on */

/* One run of one order. */
struct issue {
    const struct acme_job *job;
    const struct acme_issuer *issuer;
    struct client *client;
    struct clock *clock;
    bool is_expected;       /* to publish something yet */
    bool is_ours;           /* what fails now is none of the issuer's business */
    struct records records; /* what is published now */
    struct str csr_der;     /* of the order: the stored one when it is resumed */
    struct err *warning;    /* borrowed: what goes wrong beside it */
    int64_t wait_ms;        /* before the next question */
    int64_t deadline_ms;
};

/* Several warnings become one sentence. */
static void
warn(struct err *warning, const struct err *e)
{
    if (warning->code == ERR_NONE)
        *warning = *e;
    else
        (void)err_wrap(warning, "%s; also", e->text);
}

/* ---- the order of an earlier run ---- */

/* Picks up the order of an interrupted run; without one that is still good the order stays empty.
 * False when that cannot be found out now: a new order would cost what the old one has earned. */
static bool
resume(struct issue *i, struct order *o, struct err *e)
{
    struct err why = {0};
    own_answer struct answer a = {0};
    own_str struct str csr_der = {0};
    own_mem char *url = saved_find(i->job, &csr_der);

    if (url == NULL)
        return true;
    if (!client_post(i->client, url, "", &a, &why) || a.json == NULL) {
        if (err_is_temporary(&why)) {
            *e = why;
            return err_wrap(e, "resume the order of an earlier run");
        }
        log_debug("the order of an earlier run is not used: %s", why.text);
        return true;
    }
    o->url = TAKE(url);
    if (!order_fill(o, a.json, &why) || o->status == ORDER_INVALID) {
        order_done(o);
        return true;
    }
    str_done(&i->csr_der);
    i->csr_der = csr_der;
    csr_der = (struct str){0};
    log_debug("resuming the order %s of an earlier run", o->url);
    return true;
}

/* ---- a new order ---- */

/* RFC 8555 section 7.4 */
static char *
order_payload(const struct list *names, const char *profile, const char *replaces)
{
    own_json struct json_t *object = json_new_object();
    own_json struct json_t *array = json_new_array();

    if (object == NULL || array == NULL)
        return NULL;
    for (size_t n = 0; n < names->count; n++) {
        struct json_t *identifier = json_new_object();

        if (identifier == NULL)
            return NULL;
        json_put_text(identifier, "type", "dns");
        json_put_text(identifier, "value", names->items[n]);
        json_add(array, identifier);
    }
    json_put(object, "identifiers", TAKE(array));
    if (profile != NULL)
        json_put_text(object, "profile", profile);
    if (replaces != NULL)
        json_put_text(object, "replaces", replaces);
    return json_encode(object);
}

/* An account that the server has forgotten is registered anew, once. */
static bool
post_order(struct issue *i, const char *payload, struct answer *a, struct err *e)
{
    own_mem char *kid = strdup(i->client->kid);

    if (kid == NULL)
        return err_memory(e);
    if (client_call(i->client, "newOrder", payload, a, e))
        return true;
    if (!problem_is(a->json, "accountDoesNotExist"))
        return false;
    return session_register_again(i->client, i->job->access, kid, e) &&
           client_call(i->client, "newOrder", payload, a, e);
}

/* RFC 9773 section 5: a server that has renewalInfo would like to know. */
static bool
wants_replaces(struct issue *i)
{
    struct err ignored = {0};

    return i->job->replaces != NULL && client_meta(i->client, &ignored) != NULL &&
           json_member_text(i->client->directory, "renewalInfo") != NULL;
}

/* It was replaced already, this account never had it, or the server fails to find it, as Pebble
 * says by serverInternal: an order like any other will do. */
static bool
is_about_replaces(const struct answer *a)
{
    return problem_is(a->json, "alreadyReplaced") || problem_is(a->json, "malformed") ||
           problem_is(a->json, "unauthorized") || problem_is(a->json, "serverInternal");
}

static bool
order(struct issue *i, const char *replaces, struct answer *a, struct err *e)
{
    own_mem char *payload = order_payload(i->job->names, i->issuer->profile, replaces);

    return payload == NULL ? err_memory(e) : post_order(i, payload, a, e);
}

static bool
begin(struct issue *i, struct order *o, struct err *e)
{
    own_answer struct answer a = {0};
    bool replaces = false;
    bool good = false;

    if (!profile_check(i->client, i->issuer, e))
        return false;
    replaces = wants_replaces(i);
    good = order(i, replaces ? i->job->replaces : NULL, &a, e);
    if (!good && replaces && is_about_replaces(&a)) {
        log_debug("ordering again without 'replaces': %s", e->text);
        good = order(i, NULL, &a, e);
    }
    if (!good)
        return err_wrap(e, "order");
    if (a.location == NULL || a.json == NULL)
        return err_set(e, ERR_PROTOCOL,
                       "order: the answer is no order, or has no Location that is an https URL");
    if (!order_is_for(a.json, i->job->names))
        return err_set(e, ERR_PROTOCOL, "order: the answer is an order for other names");
    o->url = TAKE(a.location);
    return order_fill(o, a.json, e) && saved_write(i->job, o->url, &i->csr_der, e);
}

/* ---- the steps of the order ---- */

static bool
add_record(struct issue *i, const struct authz *of,
           const unsigned char thumbprint[static THUMBPRINT_SIZE], struct err *e)
{
    enum acme_challenge type = (enum acme_challenge)i->issuer->challenge;
    own_mem char *fqdn = challenge_fqdn(type, of->name, i->client->kid, e);
    own_mem char *key_authorization = NULL;
    char print[B64URL_SIZE(THUMBPRINT_SIZE)];
    char value[DNS01_TXT_SIZE];

    if (fqdn == NULL || !dns01_txt(value, of->token, thumbprint, e))
        return false;
    b64url_encode(print, thumbprint, THUMBPRINT_SIZE);
    key_authorization = str_format("%s.%s", of->token, print);
    if (key_authorization == NULL ||
        !records_add_txt(&i->records,
                         &(struct dns_txt){fqdn, value, of->name, of->token, key_authorization}))
        return err_memory(e);
    return true;
}

static bool
collect_records(struct issue *i, const struct authzs *all, struct err *e)
{
    unsigned char thumbprint[THUMBPRINT_SIZE];

    if (!jws_thumbprint(i->client->key, thumbprint, e))
        return false;
    for (size_t n = 0; n < all->count; n++)
        if (!all->items[n].is_valid && !add_record(i, &all->items[n], thumbprint, e))
            return false;
    return true;
}

/* Those who wait for company need not wait for this order any more. */
static void
forgo(struct issue *i)
{
    if (i->is_expected)
        publish_forgo(i->job->dns);
    i->is_expected = false;
}

/* RFC 8555 section 7.5.1: an empty object says that the server may look now. */
static bool
answer_challenges(struct issue *i, const struct authzs *all, struct err *e)
{
    struct clock *clock = i->clock;
    int64_t deadline_ms = clock->steady_ms(clock) + PATIENCE_MS;

    for (size_t n = 0; n < all->count; n++) {
        own_answer struct answer a = {0};

        if (clock->steady_ms(clock) > deadline_ms)
            return err_set(e, ERR_TIMEOUT, "the issuer has taken %zu of %zu answers in time", n,
                           all->count);
        if (!all->items[n].is_valid &&
            !client_post(i->client, all->items[n].challenge, "{}", &a, e))
            return err_wrap(e, "%s", all->items[n].name);
    }
    return true;
}

/* Until all can see them. What fails here is none of the issuer's business. */
static bool
publish(struct issue *i, const struct authzs *all, struct err *e)
{
    const struct acme_job *job = i->job;

    if (!collect_records(i, all, e))
        return false;
    if (i->records.count == 0)
        return true;
    progress_say(job->progress, "publishing %zu record%s", i->records.count,
                 i->records.count == 1 ? "" : "s");
    i->is_ours = true;
    if (!alias_apply(job->dns, &i->records, e))
        return false;
    forgo(i);
    if (!records_publish(&i->records, job->dns, job->journal_path, e) ||
        !propagate_wait(job->dns, i->records.items, i->records.count, job->progress, e))
        return false;
    i->is_ours = false;
    return true;
}

/* Somebody else has published it, or has not; the order waits for that. */
static bool
look(struct issue *i, const struct authzs *all, struct err *e)
{
    progress_say(i->job->progress, "looking for the records");
    i->is_ours = true;
    if (!persist_check(i->client, i->job->dns, all, e))
        return false;
    i->is_ours = false;
    return true;
}

static bool
answer(struct order *o, void *self, struct err *e)
{
    struct issue *i = self;
    own_authzs struct authzs all = {.type = (enum acme_challenge)i->issuer->challenge};

    if (!authzs_get(&all, i->client, &o->authorizations, i->job->names, e) ||
        !(all.type == ACME_DNS_PERSIST ? look(i, &all, e) : publish(i, &all, e)))
        return false;
    forgo(i);
    i->deadline_ms = i->clock->steady_ms(i->clock) + PATIENCE_MS; /* from now on it is its turn */
    return answer_challenges(i, &all, e);
}

/* Sleeps before the next question: the server's advice, else a pause that doubles. */
static bool
wait_a_while(struct issue *i, const struct order *o, struct err *e)
{
    struct clock *clock = i->clock;
    int64_t advice_ms = o->retry_at_s == 0 ? 0 : (o->retry_at_s - clock->now_s(clock)) * 1000;
    int64_t pause_ms = i->wait_ms > advice_ms ? i->wait_ms : advice_ms;

    if (clock->steady_ms(clock) + pause_ms > i->deadline_ms) {
        (void)err_set(e, advice_ms > 0 ? ERR_BUSY : ERR_TIMEOUT,
                      "the issuer is not done yet; the order will be resumed");
        e->retry_at_s = o->retry_at_s;
        e->is_answer = true;
        return false;
    }
    progress_sleep(i->job->progress, clock, pause_ms,
                   o->status == ORDER_PENDING ? "waiting for the issuer to check the records"
                                              : "waiting for the issuer to sign");
    i->wait_ms = i->wait_ms * 2 > POLL_LONGEST_MS ? POLL_LONGEST_MS : i->wait_ms * 2;
    return true;
}

/* What every request about the order brings. */
static bool
renew_order(struct issue *i, struct order *o, const struct answer *a, struct err *e)
{
    enum order_status before = o->status;

    if (a->json == NULL)
        return err_set(e, ERR_PROTOCOL, "the answer is no order");
    if (!order_fill(o, a->json, e))
        return false;
    o->retry_at_s = a->retry_at_s;
    if (o->status != before)
        i->wait_ms = POLL_FIRST_MS;
    return true;
}

static bool
poll_order(struct order *o, void *self, struct err *e)
{
    struct issue *i = self;
    own_answer struct answer a = {0};

    return wait_a_while(i, o, e) && client_post(i->client, o->url, "", &a, e) &&
           renew_order(i, o, &a, e);
}

/* RFC 8555 section 7.4 */
static bool
finalize(struct order *o, void *self, struct err *e)
{
    struct issue *i = self;
    own_answer struct answer a = {0};
    own_str struct str payload = {0};

    if (!str_addf(&payload, "{\"csr\":\"") ||
        !b64url_add(&payload, i->csr_der.text, i->csr_der.size) || !str_addf(&payload, "\"}"))
        return err_memory(e);
    if (client_post(i->client, o->finalize, payload.text, &a, e))
        return renew_order(i, o, &a, e);
    if (!problem_is(a.json, "orderNotReady"))
        return false;
    /* it has not made up its mind yet, or it has our request already and its answer was lost */
    log_debug("%s", e->text);
    o->is_finalized = false;
    return poll_order(o, i, e);
}

/* RFC 8555 section 9.1: there is nothing but certificates. What else stands between them, a private
 * key even, is not handed on. What cannot be read is told by who looks at the certificate. */
static bool
keep_certificates(struct str *chain_pem, struct err *e)
{
    own_chain struct chain chain = {0};
    own_str struct str pem = {0};
    struct err ignored = {0};

    if (!chain_from_pem(&chain, chain_pem->text, chain_pem->size, &ignored))
        return true;
    if (!chain_to_pem(&chain, &pem, e))
        return false;
    str_done(chain_pem);
    *chain_pem = pem;
    pem = (struct str){0};
    return true;
}

/* RFC 8555 section 7.4.2 */
static bool
download(struct order *o, void *self, struct err *e)
{
    struct issue *i = self;
    own_answer struct answer a = {0};
    struct err missed = {0};

    if (!client_post(i->client, o->certificate, "", &a, e))
        return false;
    if (a.body.size == 0)
        return err_set(e, ERR_PROTOCOL, "the certificate '%s' is empty", o->certificate);
    o->chain_pem = a.body;
    a.body = (struct str){0};
    if (i->issuer->preferred_chain != NULL &&
        !preferred_choose(i->client, i->issuer, &a.alternates, &o->chain_pem, &missed))
        warn(i->warning, &missed);
    return keep_certificates(&o->chain_pem, e);
}

static bool
refuse(struct order *o, void *self, struct err *e)
{
    struct issue *i = self;

    if (o->error != NULL)
        return problem_tell(o->error, 0, 0, e);
    return authzs_explain(i->client, &o->authorizations, e);
}

/* ---- the whole ---- */

/* Account, order, chain. */
static bool
run(struct issue *i, struct order *o, struct err *e)
{
    const struct acme_job *job = i->job;
    const struct order_ports ports = {i, answer, poll_order, finalize, download, refuse};
    struct err unsaid = {0};

    if (!str_add(&i->csr_der, job->csr_der->text, job->csr_der->size))
        return err_memory(e);
    if (!session_open_account(i->client, job->access, &unsaid, e))
        return false;
    if (unsaid.code != ERR_NONE)
        warn(i->warning, &unsaid);
    i->is_ours = true;
    if (i->issuer->challenge != ACME_DNS_PERSIST && job->dns->provider->open != NULL &&
        !job->dns->provider->open(job->dns, e))
        return false;
    i->is_ours = false;
    return resume(i, o, e) && (o->url != NULL || begin(i, o, e)) && order_run(o, &ports, e);
}

/* What is left to do whether or not there is a chain. */
static void
tidy(struct issue *i, const struct order *o, struct err *warning)
{
    const struct acme_job *job = i->job;
    struct err e = {0};

    if (i->records.count > 0 && !records_remove(&i->records, job->dns, job->journal_path, &e)) {
        /* after a failure this is one more of its consequences; the journal knows in any case */
        (void)err_wrap(&e, "the next run will try again");
        if (o->chain_pem.size > 0)
            warn(warning, &e);
        else
            log_debug("%s", e.text);
    }
    if (o->chain_pem.size == 0 && !i->is_ours)
        i->client->directory_at_s = 0; /* it may be why: the next run reads it again */
    if (o->status == ORDER_INVALID && o->url != NULL && !acme_forget(job, &e))
        log_debug("the order is not forgotten: %s", e.text);
}

/* Was it the issuer's answer that ended it, and not our disk, our name server, or no connection? */
static bool
is_answered(const struct issue *i, const struct err *e)
{
    return !i->is_ours && (e->is_answer || e->code == ERR_PROTOCOL || e->code == ERR_REFUSED);
}

bool
acme_issue(const struct acme_job *job, struct str *chain_pem, struct err *warning, struct err *e)
{
    struct clock *clock = job->access->clock;
    struct issue i = {.job = job,
                      .issuer = job->access->issuer,
                      .client = job->client,
                      .clock = clock,
                      .warning = warning,
                      .wait_ms = POLL_FIRST_MS};
    struct order o = {0};
    bool good = false;

    publish_expect(job->dns);
    i.is_expected = true;
    i.deadline_ms = clock->steady_ms(clock) + PATIENCE_MS + job->dns->config.timeout_s * 1000;
    good = run(&i, &o, e);
    forgo(&i);
    if (good && !str_add(chain_pem, o.chain_pem.text, o.chain_pem.size))
        good = err_memory(e);
    if (!good) {
        e->is_answer = is_answered(&i, e);
        e->is_ours = i.is_ours;
    }
    tidy(&i, &o, warning);
    order_done(&o);
    records_done(&i.records);
    str_done(&i.csr_der);
    return good;
}

bool
acme_forget(const struct acme_job *job, struct err *e)
{
    return file_remove(AT_FDCWD, job->order_path, e);
}
