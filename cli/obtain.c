/* obtain.c: key, request, order, check, store; the stand-in when the issuer fails. */
#include "cli/obtain.h"

#include "base/csr.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/adopt.h"
#include "cli/apart.h"
#include "cli/budget.h"
#include "cli/carrier.h"
#include "cli/keep.h"
#include "cli/seclude.h"
#include "cli/term.h"

#include <stdlib.h>
#include <string.h>

#define FAILURES_BORNE 2 /* in a row, before another issuer is asked */

/* One order of a certificate: where from, and its files; the strings are owned. */
struct order_way {
    struct issuer *issuer; /* borrowed */
    char *order_path, *journal_path;
    bool is_rehearsal;
};

#define own_way __attribute__((cleanup(way_done)))

static void
way_done(struct order_way *w)
{
    free(w->order_path);
    free(w->journal_path);
}

/* An order at a stand-in is another order, and so are the records of a rehearsal. */
static bool
find_way(struct order_way *w, struct app *app, struct issuer *issuer, bool rehearse,
         const struct report *r, struct err *e)
{
    const char *base = strrchr(r->state.directory, '/') + 1;
    bool is_usual = issuer == r->certificate->issuer && !rehearse;
    const char *kind = is_usual ? "" : rehearse ? ".rehearsal" : ".fallback";

    w->issuer = issuer;
    w->is_rehearsal = rehearse;
    w->order_path = store_order(r->state.directory, kind);
    w->journal_path = str_format("%s/records/%s%s.json", app->config.settings.state, base, kind);
    if (w->order_path == NULL || w->journal_path == NULL)
        return err_memory(e);
    if (is_usual)
        store_take_order(r->state.directory, w->order_path);
    return true;
}

/* ---- check, store ---- */

static bool
check(struct app *app, const struct issuer *issuer, const struct material *m, struct err *e)
{
    if (reload_check(m, app->clock, e))
        return true;
    (void)err_wrap(e, "the certificate from [issuer %s] is not acceptable", issuer->name);
    e->is_answer = true;
    return false;
}

bool
obtain_accept(struct app *app, struct report *r, const struct issuer *issuer,
              const struct str *key_pem, const struct str *chain_pem, struct err *e)
{
    const struct material m = {.key_pem = key_pem,
                               .chain_pem = chain_pem,
                               .names = &r->certificate->names,
                               .trust_file = config_trust_file(issuer)};
    int64_t now_s = app->clock->now_s(app->clock);
    int64_t number = 0;

    if (!check(app, issuer, &m, e) ||
        !store_add(r->state.directory, issuer->name, &r->certificate->names, key_pem, chain_pem,
                   now_s, &number, e))
        return false;
    state_set_generation(&r->state, number);
    state_set_attempt(&r->state, &(struct attempt){.at_s = now_s});
    return state_save(&r->state, e);
}

static bool
accept_chain(struct app *app, struct report *r, const struct order_way *w, EVP_PKEY *key,
             const struct str *chain_pem, struct err *e)
{
    own_str struct str key_pem = {0};
    const struct material rehearsed = {.key_pem = &key_pem,
                                       .chain_pem = chain_pem,
                                       .names = &r->certificate->names,
                                       .trust_file = config_trust_file(w->issuer),
                                       .any_root = true};

    if (!key_to_pem(key, &key_pem, e))
        return false;
    return w->is_rehearsal ? check(app, w->issuer, &rehearsed, e)
                           : obtain_accept(app, r, w->issuer, &key_pem, chain_pem, e);
}

/* ---- one order ---- */

/* The id of what this issuer gave before, to be free()d; NULL: there is none. */
static char *
find_replaced(const struct report *r, const struct order_way *w)
{
    const struct generation *g = &r->plan.generation;
    own_str struct str chain_pem = {0};
    struct err ignored = {0};

    if (w->is_rehearsal || g->number == 0 || strcmp(g->issuer, w->issuer->name) != 0 ||
        !store_read_chain(r->state.directory, g->number, &chain_pem, &ignored))
        return NULL;
    return acme_renewal_id(&chain_pem, &ignored);
}

/* What is rehearsed must not use up the key that an order in flight has. */
static EVP_PKEY *
find_key(const struct report *r, const struct order_way *w, struct err *e)
{
    enum key_type type = (enum key_type)r->certificate->key_type;

    return w->is_rehearsal ? key_generate(type, e) : store_next_key(r->state.directory, type, e);
}

static bool
order(struct app *app, struct report *r, const struct order_way *w, struct err *e)
{
    own_pkey EVP_PKEY *key = NULL;
    own_str struct str csr_der = {0};
    own_str struct str chain_pem = {0};
    own_mem char *replaces = find_replaced(r, w);
    struct err warning = {0}, ignored = {0};
    const struct errand errand = {
        .issuer = w->issuer,
        .is_rehearsal = w->is_rehearsal,
        .name = r->certificate->name,
        .order_path = w->order_path,
        .journal_path = w->journal_path,
        .names = &r->certificate->names,
        .csr_der = &csr_der,
        .replaces = replaces,
    };
    const struct acme_job done = {.order_path = w->order_path};
    bool good = false;

    if (!store_make_directory(r->state.directory, e))
        return false;
    key = find_key(r, w, e);
    if (key == NULL || !csr_make(key, &r->certificate->names, &csr_der, e))
        return false;
    good = carrier_issue(app, &errand, &chain_pem, &warning, e);
    term_clear();
    if (warning.code != ERR_NONE)
        log_say(LOG_LEVEL_WARNING, "%s: %s", r->certificate->name, warning.text);
    if (!good)
        return false;
    good = accept_chain(app, r, w, key, &chain_pem, e);
    /* the order of a chain that was not acceptable stays: it can be fetched again when trust_file
     * is right, say, and a new one would be charged for */
    if ((good || w->is_rehearsal) && !acme_forget(&done, &ignored))
        log_debug("the order is not forgotten: %s", ignored.text);
    return good;
}

/* ---- the private CA ---- */

/* Signed here, or by the user whose CA it is, for the same request that a server elsewhere would
 * get. */
static bool
sign(struct app *app, const struct certificate *c, const struct str *csr_der, struct str *chain_pem,
     struct err *e)
{
    own_ca struct ca *ca = NULL;
    own_pkey EVP_PKEY *public_key = NULL;

    if (apart_is(app))
        return apart_sign(app, c->name, csr_der, chain_pem, e);
    ca = ca_open(&app->config.ca, app->clock, e);
    if (ca == NULL)
        return false;
    public_key = ca_request_key(csr_der->text, csr_der->size, e);
    return public_key != NULL && ca_sign_server(ca, &c->names, public_key, chain_pem, e);
}

static bool
obtain_here(struct app *app, struct report *r, struct issuer *issuer, struct err *e)
{
    const struct order_way w = {.issuer = issuer};
    own_pkey EVP_PKEY *key = NULL;
    own_str struct str csr_der = {0};
    own_str struct str chain_pem = {0};

    if (!store_make_directory(r->state.directory, e))
        return false;
    key = find_key(r, &w, e);
    return key != NULL && csr_make(key, &r->certificate->names, &csr_der, e) &&
           sign(app, r->certificate, &csr_der, &chain_pem, e) &&
           accept_chain(app, r, &w, key, &chain_pem, e);
}

static bool
obtain_from(struct app *app, struct report *r, struct issuer *issuer, bool rehearse, struct err *e)
{
    own_way struct order_way w = {0};

    if (issuer->type == ISSUER_CA)
        return obtain_here(app, r, issuer, e);
    if (issuer->type == ISSUER_FILES)
        return adopt_run(app, issuer, false, r, e);
    return find_way(&w, app, issuer, rehearse, r, e) && order(app, r, &w, e);
}

/* ---- failures ---- */

/* Did it cost something there? Its refusals do, and so does what it gave and we do not take. */
static bool
is_charged(const struct err *e)
{
    return e->is_answer && (err_is_temporary(e) || e->code == ERR_REFUSED ||
                            e->code == ERR_PROTOCOL || e->code == ERR_INPUT);
}

static void
remember_failure(struct app *app, struct report *r, struct err *e)
{
    struct err ignored = {0};

    budget_charge(&r->state, &app->config, r->certificate, app->clock->now_s(app->clock),
                  is_charged(e), e);
    if (!state_save(&r->state, &ignored))
        log_debug("the failure is not remembered: %s", ignored.text);
}

bool
obtain_needs_fallback(int64_t failures, int64_t renew_at_s, int64_t not_after_s, int64_t now_s)
{
    return failures > FAILURES_BORNE || now_s >= renew_at_s + (not_after_s - renew_at_s) / 2;
}

/* The one to ask instead, when it matters by now; NULL. */
static struct issuer *
find_stand_in(const struct app *app, const struct report *r, int64_t failures)
{
    const struct certificate *c = r->certificate;
    const struct generation *g = &r->plan.generation;
    bool is_fit = g->number != 0 && state_revoked_at(&r->state, g->sha256) == 0;
    int64_t renew_at_s =
        is_fit ? plan_renew_at(g->not_before_s, g->not_after_s, c->renew_before) : 0;

    if (c->issuer->stand_in == NULL ||
        !obtain_needs_fallback(failures, renew_at_s, is_fit ? g->not_after_s : 0,
                               app->clock->now_s(app->clock)))
        return NULL;
    return c->issuer->stand_in;
}

/* What is ours (a setting, a disk, our name server) would fail with another issuer as well. */
static bool
is_issuers(const struct err *e)
{
    return !e->is_ours && e->code != ERR_CONFIG && e->code != ERR_SYSTEM && e->code != ERR_CREATE &&
           e->code != ERR_PERMISSION;
}

/* Asks the stand-in because of e, which becomes what is to be charged. */
static bool
obtain_instead(struct app *app, struct report *r, struct issuer *other, struct err *e)
{
    struct err second = {0};

    log_say(LOG_LEVEL_WARNING, "%s: [issuer %s] fails, and [issuer %s] is tried instead: %s",
            r->certificate->name, r->certificate->issuer_name, other->name, e->text);
    if (obtain_from(app, r, other, false, &second))
        return true;
    log_say(LOG_LEVEL_WARNING, "%s: [issuer %s] fails, too: %s", r->certificate->name, other->name,
            second.text);
    /* one of the two has counted it, and may have said when to come back */
    e->is_answer = e->is_answer || (is_charged(&second) && err_is_temporary(e));
    if (second.retry_at_s > e->retry_at_s)
        e->retry_at_s = second.retry_at_s;
    return false;
}

static bool
obtain(struct app *app, bool force, struct report *r, struct err *e)
{
    struct issuer *usual = r->certificate->issuer, *other = NULL;

    if (usual->type == ISSUER_FILES)
        return adopt_run(app, usual, force, r, e);
    if (obtain_from(app, r, usual, false, e))
        return true;
    if (is_issuers(e))
        other = find_stand_in(app, r,
                              budget_failures(&r->state, r->certificate) + (e->is_answer ? 1 : 0));
    return other != NULL && obtain_instead(app, r, other, e);
}

/* Too soon for the usual issuer: another one may be asked, once for each of its failures. */
static bool
may_obtain(struct app *app, struct report *r, bool *is_too_soon, struct err *e)
{
    *is_too_soon =
        !budget_allows(&r->state, &app->config, r->certificate, app->clock->now_s(app->clock), e);
    return !*is_too_soon ||
           (budget_failures(&r->state, r->certificate) <= FAILURES_BORNE &&
            find_stand_in(app, r, budget_failures(&r->state, r->certificate)) != NULL);
}

bool
obtain_run(struct app *app, bool force, struct report *r, struct err *e)
{
    int64_t keep = app->config.settings.keep_generations;
    int64_t before = r->plan.generation.number;
    struct err ignored = {0};
    bool is_too_soon = false;

    if ((!force && !may_obtain(app, r, &is_too_soon, e)) || !seclude(app, e))
        return false;
    /* what the usual issuer is owed stays as it is */
    if (is_too_soon && !obtain_instead(app, r, r->certificate->issuer->stand_in, e))
        return false;
    if (!is_too_soon && !obtain(app, force, r, e)) {
        remember_failure(app, r, e);
        return false;
    }
    plan_done(&r->plan);
    plan_make(&r->plan, r->certificate, &r->state, app->clock->now_s(app->clock));
    if (!store_prune(r->state.directory, keep, r->plan.generation.number, &ignored))
        log_debug("old generations are not removed: %s", ignored.text);
    if (r->plan.generation.number != before) /* what another tool keeps may be the same still */
        report_did(r, "renewed");
    return true;
}

bool
obtain_rehearse(struct app *app, struct report *r, struct err *e)
{
    struct issuer *issuer = r->certificate->issuer;

    if (issuer->acme.rehearsal == NULL)
        return err_set(e, ERR_CONFIG,
                       "[issuer %s] has no 'rehearsal': the directory of a server that gives "
                       "certificates for tests",
                       issuer->name);
    return seclude(app, e) && obtain_from(app, r, issuer, true, e);
}
