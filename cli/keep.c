/* keep.c: obtain, check, store, deploy, prove, record. */
#include "cli/keep.h"

#include "base/csr.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/budget.h"
#include "cli/poll.h"
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A certificate that is about to end is not worth deploying: an hour, or 1/20 of a short life. */
static int64_t
least_validity(const struct generation *g)
{
    int64_t share_s = (g->not_after_s - g->not_before_s) / 20;

    return share_s < 3600 ? share_s : 3600;
}

static struct material
make_material(const struct report *r, const struct str *key_pem, const struct str *chain_pem)
{
    return (struct material){
        .key_pem = key_pem,
        .chain_pem = chain_pem,
        .names = &r->certificate->names,
        .trust_file = r->certificate->issuer->acme.trust_file,
    };
}

bool
keep_material(const struct report *r, struct str *key_pem, struct str *chain_pem,
              struct material *m, struct err *e)
{
    if (!store_read(r->state.directory, r->plan.generation.number, key_pem, chain_pem, e))
        return false;
    *m = make_material(r, key_pem, chain_pem);
    m->valid_for_s = least_validity(&r->plan.generation);
    return true;
}

/* ---- the DNS of earlier runs ---- */

static struct dns *
find_dns(void *user, const char *name)
{
    const struct app *app = user;

    return config_dns(&app->config, name);
}

void
keep_sweep(struct app *app)
{
    own_mem char *records = str_format("%s/records", app->config.settings.state);
    struct err e = {0};

    if (records != NULL)
        file_remove_temporaries(records);
    if (records != NULL && !acme_sweep(records, find_dns, app, &e))
        log_say(LOG_LEVEL_WARNING, "records of an earlier run are still in the DNS: %s", e.text);
}

/* ---- obtain ---- */

/* The paths of one job, owned. */
struct paths {
    char *account, *order, *journal;
};

static void
paths_done(struct paths *p)
{
    free(p->account);
    free(p->order);
    free(p->journal);
}

static bool
find_paths(struct paths *p, const struct app *app, const struct report *r, struct err *e)
{
    const char *base = strrchr(r->state.directory, '/') + 1;

    p->account =
        str_format("%s/accounts/%s", app->config.settings.state, r->certificate->issuer_name);
    p->order = str_format("%s/order.json", r->state.directory);
    p->journal = str_format("%s/records/%s.json", app->config.settings.state, base);
    return (p->account != NULL && p->order != NULL && p->journal != NULL) || err_memory(e);
}

bool
keep_http(struct app *app, struct issuer *issuer, struct err *e)
{
    if (issuer->http == NULL)
        issuer->http = http_new(issuer->acme.ca_file, app->clock, e);
    return issuer->http != NULL;
}

/* Checks the chain with the key, then stores both as the wanted generation. */
static bool
accept_chain(struct app *app, struct report *r, EVP_PKEY *key, const struct str *chain_pem,
             struct err *e)
{
    int64_t now_s = app->clock->now_s(app->clock);
    own_str struct str key_pem = {0};
    struct material m = {0};
    int64_t number = 0;

    if (!key_to_pem(key, &key_pem, e))
        return false;
    m = make_material(r, &key_pem, chain_pem);
    if (!reload_check(&m, app->clock, e))
        return err_wrap(e, "the certificate from [issuer %s] is not acceptable",
                        r->certificate->issuer_name);
    if (!store_add(r->state.directory, r->certificate->issuer_name, &r->certificate->names,
                   &key_pem, chain_pem, now_s, &number, e))
        return false;
    state_set_generation(&r->state, number);
    state_set_attempt(&r->state, &(struct attempt){.at_s = now_s});
    return state_save(&r->state, e);
}

/* The id of what this issuer gave before, to be free()d; NULL: there is none. */
static char *
find_replaced(const struct report *r)
{
    const struct generation *g = &r->plan.generation;
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    struct err ignored = {0};

    if (g->number == 0 || strcmp(g->issuer, r->certificate->issuer_name) != 0 ||
        !store_read(r->state.directory, g->number, &key_pem, &chain_pem, &ignored))
        return NULL;
    return acme_renewal_id(&chain_pem, &ignored);
}

/* Gives in any case whether the issuer answered what failed or succeeded at last. */
static bool
obtain(struct app *app, struct report *r, bool *answered, struct err *e)
{
    struct issuer *issuer = r->certificate->issuer;
    __attribute__((cleanup(paths_done))) struct paths paths = {0};
    own_pkey EVP_PKEY *key = NULL;
    own_str struct str csr_der = {0};
    own_str struct str chain_pem = {0};
    own_mem char *replaces = find_replaced(r);
    struct err warning = {0}, ignored = {0};
    struct acme_job job = {
        .issuer = &issuer->acme,
        .dns = config_dns(&app->config, issuer->acme.dns),
        .clock = app->clock,
        .progress = term_progress(),
        .names = &r->certificate->names,
        .csr_der = &csr_der,
        .replaces = replaces,
        .was_answered = answered,
    };
    bool good = false;

    if (!file_make_directory(r->state.directory, 0700, e))
        return false;
    key = store_next_key(r->state.directory, (enum key_type)r->certificate->key_type, e);
    if (key == NULL || !csr_make(key, &r->certificate->names, &csr_der, e) ||
        !find_paths(&paths, app, r, e) || !keep_http(app, issuer, e))
        return false;
    job.http = issuer->http;
    job.account_dir = paths.account;
    job.order_path = paths.order;
    job.journal_path = paths.journal;
    good = acme_issue(&job, &chain_pem, &warning, e);
    term_clear();
    if (warning.code != ERR_NONE)
        log_say(LOG_LEVEL_WARNING, "%s: %s", r->certificate->name, warning.text);
    if (!good)
        return false;
    good = accept_chain(app, r, key, &chain_pem, e);
    /* the order of a chain that was not acceptable stays: it can be fetched again when trust_file
     * is right, say, and a new one would be charged for */
    if (good && !acme_forget(&job, &ignored))
        log_debug("the order is not forgotten: %s", ignored.text);
    return good;
}

/* Did it cost something there? Its refusals do, and so does what it gave and we do not take. */
static bool
is_charged(const struct err *e, bool was_answered)
{
    return was_answered && (err_is_temporary(e) || e->code == ERR_REFUSED ||
                            e->code == ERR_PROTOCOL || e->code == ERR_INPUT);
}

static void
remember_failure(struct app *app, struct report *r, bool charged, struct err *e)
{
    struct err ignored = {0};

    budget_charge(&r->state, &app->config, r->certificate, app->clock->now_s(app->clock), charged,
                  e);
    if (!state_save(&r->state, &ignored))
        log_debug("the failure is not remembered: %s", ignored.text);
}

bool
keep_obtain(struct app *app, bool force, struct report *r, struct err *e)
{
    int64_t keep = app->config.settings.keep_generations;
    struct err ignored = {0};
    bool answered = false;

    if (!force &&
        !budget_allows(&r->state, &app->config, r->certificate, app->clock->now_s(app->clock), e))
        return false;
    if (!obtain(app, r, &answered, e)) {
        remember_failure(app, r, is_charged(e, answered), e);
        return false;
    }
    plan_done(&r->plan);
    plan_make(&r->plan, r->certificate, &r->state, app->clock->now_s(app->clock));
    if (!store_prune(r->state.directory, keep, r->plan.generation.number, &ignored))
        log_debug("old generations are not removed: %s", ignored.text);
    report_did(r, "renewed");
    return true;
}

/* ---- deploy ---- */

/* Nothing is asked: what was proved last time stands for what is served. */
static void
recall(struct report *r, struct report_target *t)
{
    struct proof proof = state_proof(&r->state, t->name);

    t->served.file = strdup(proof.file);
    (void)snprintf(t->served.deployed_sha256, CERT_SHA256_TEXT, "%s", proof.sha256);
    (void)snprintf(t->served.served_sha256, CERT_SHA256_TEXT, "%s", proof.sha256);
}

bool
keep_deploy(struct app *app, struct report *r, struct report_target *t, const struct material *m,
            struct err *e)
{
    int64_t now_s = app->clock->now_s(app->clock);
    struct target *target = config_target(&app->config, t->name);
    struct err ignored = {0};
    bool good = false;

    if (plan_is_served(&r->plan, &r->state, t->name, m, now_s,
                       app->config.settings.prove_again_s)) {
        recall(r, t);
        return true;
    }
    good = reload_deploy(target, m, app->clock, term_progress(), &t->served, e);
    term_clear();
    if (t->served.did_install)
        report_did(r, "deployed");
    if (good) {
        report_did(r, "proved");
        state_set_proof(&r->state, t->name, t->served.file, t->served.served_sha256,
                        app->clock->now_s(app->clock));
    } else {
        if (t->served.did_install)
            state_set_file(&r->state, t->name, t->served.file);
        state_set_target_error(&r->state, t->name, e->text);
    }
    if (good)
        return state_save(&r->state, e);
    if (!state_save(&r->state, &ignored))
        log_debug("the failure is not remembered: %s", ignored.text);
    return false;
}

static void
trouble(struct report *r, struct err *e)
{
    (void)err_wrap(e, "%s", r->certificate->name);
    app_tell(e);
    report_trouble(r, e);
}

static void
deploy_all(struct app *app, struct report *r)
{
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    struct material m = {0};
    struct err e = {0};

    if (!keep_material(r, &key_pem, &chain_pem, &m, &e)) {
        trouble(r, &e);
        return;
    }
    for (size_t i = 0; i < r->target_count; i++) {
        struct report_target *t = &r->targets[i];

        if (keep_deploy(app, r, t, &m, &t->e))
            continue;
        e = t->e;
        (void)err_wrap(&e, "[target %s]", t->name);
        trouble(r, &e);
    }
}

void
keep_certificate(struct app *app, int what, struct report *r)
{
    bool force = (what & KEEP_FORCE) != 0;
    struct err e = {0};

    if ((what & KEEP_OBTAIN) != 0 && !force && !poll_renewal(app, r, &e)) {
        trouble(r, &e);
        return;
    }
    /* who forces wants a new one, not what an earlier run has ordered */
    store_tidy(r->state.directory, r->plan.is_due && !force);
    if ((what & KEEP_OBTAIN) != 0 && (r->plan.is_due || force) && !keep_obtain(app, force, r, &e))
        trouble(r, &e);
    if ((what & KEEP_DEPLOY) == 0)
        return;
    if (r->plan.generation.number != 0) {
        deploy_all(app, r);
    } else if ((what & KEEP_OBTAIN) == 0) {
        (void)err_set(&e, ERR_INPUT, "nothing is issued yet; try: pgcert renew %s",
                      r->certificate->name);
        trouble(r, &e);
    }
}
