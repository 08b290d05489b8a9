/* keep.c: obtain, check, store, deploy, prove, record. */
#include "cli/keep.h"

#include "base/file.h"
#include "base/log.h"
#include "cli/adopt.h"
#include "cli/apart.h"
#include "cli/carrier.h"
#include "cli/deliver.h"
#include "cli/event.h"
#include "cli/handover.h"
#include "cli/obtain.h"
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

/* Who has signed the wanted generation. */
static const struct issuer *
signer(const struct report *r)
{
    const struct issuer *usual = r->certificate->issuer;
    const char *name = r->plan.generation.issuer;
    bool is_stand_in =
        usual->stand_in != NULL && name != NULL && strcmp(name, usual->stand_in->name) == 0;

    return is_stand_in ? usual->stand_in : usual;
}

static struct material
make_material(const struct report *r, const struct str *key_pem, const struct str *chain_pem)
{
    return (struct material){
        .key_pem = key_pem,
        .chain_pem = chain_pem,
        .names = &r->certificate->names,
        .trust_file = config_trust_file(signer(r)),
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

static bool
is_journal(const char *name)
{
    size_t size = strlen(name);

    return size > 5 && strcmp(name + size - 5, ".json") == 0;
}

void
keep_sweep(struct app *app)
{
    own_mem char *records = str_format("%s/records", app->config.settings.state);
    own_mem char *orders = str_format("%s/orders", app->config.settings.state);
    own_list struct list journals = {0};
    struct err e = {0};

    if (records == NULL || orders == NULL)
        return;
    file_remove_temporaries(records);
    file_remove_temporaries(orders);
    if (!file_list(records, is_journal, &journals, &e) || journals.count == 0)
        return;
    if (!carrier_start(app, &e) || !carrier_sweep(app, &e))
        log_say(LOG_LEVEL_WARNING, "records of an earlier run are still in the DNS: %s", e.text);
}

bool
keep_needs_network(struct app *app, int what, const struct report *r)
{
    return r->certificate->issuer->type == ISSUER_ACME && (what & KEEP_OBTAIN) != 0 &&
           ((what & KEEP_FORCE) != 0 || r->plan.is_due || poll_is_due(app, r));
}

/* ---- the private CA ---- */

bool
keep_crls(struct app *app, struct err *e)
{
    own_ca struct ca *ca = NULL;
    bool did = false;

    /* those of another user's CA are that user's business: pgcert-ca.timer */
    if (!ca_exists(&app->config.ca) || apart_is(app))
        return true;
    ca = ca_open(&app->config.ca, app->clock, e);
    if (ca == NULL || !ca_refresh(ca, false, &did, e))
        return err_wrap(e, "the private CA");
    if (did)
        event_crls();
    return true;
}

static void
trouble(struct report *r, struct err *e)
{
    (void)err_wrap(e, "%s", r->certificate->name);
    event_failed(r, NULL, e, NULL);
    report_trouble(r, e);
}

/* A temporary failure is no more one when half of the time for renewing has gone. */
static void
insist(const struct app *app, const struct report *r, struct err *e)
{
    const struct generation *g = &r->plan.generation;
    int64_t middle_s = r->plan.renew_at_s + (g->not_after_s - r->plan.renew_at_s) / 2;

    if (!err_is_temporary(e) || g->number == 0 || r->plan.renew_at_s == 0 ||
        app->clock->now_s(app->clock) < middle_s)
        return;
    e->code = ERR_REFUSED;
    (void)err_wrap(e, "the certificate ends soon, and there is no other yet");
}

void
keep_rehearse(struct app *app, struct report *r)
{
    struct err e = {0};

    if (obtain_rehearse(app, r, &e))
        report_did(r, "rehearsed");
    else
        trouble(r, &e);
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
    deliver_all(app, r, &m);
}

/* Of what is wanted, what is not another user's part. */
static int
parts_of(const struct app *app, int what)
{
    if ((app->parts & APP_OBTAIN) == 0)
        what &= ~(KEEP_OBTAIN | KEEP_FORCE);
    return (app->parts & APP_DEPLOY) == 0 ? what & ~KEEP_DEPLOY : what;
}

void
keep_certificate(struct app *app, int what, struct report *r)
{
    bool force = (what & KEEP_FORCE) != 0;
    bool hands_over = (what & KEEP_DEPLOY) != 0 && (app->parts & APP_DEPLOY) == 0;
    struct err e = {0};

    what = parts_of(app, what);
    if ((app->parts & APP_OBTAIN) != 0 && !state_save(&r->state, &e)) { /* what was taken along */
        trouble(r, &e);
        return;
    }
    if ((what & KEEP_OBTAIN) != 0 && !force && !poll_renewal(app, r, &e)) {
        trouble(r, &e);
        return;
    }
    /* who forces wants a new one, not what an earlier run has ordered */
    if ((app->parts & APP_OBTAIN) != 0)
        store_tidy(r->state.directory, r->plan.is_due && !force);
    if ((what & KEEP_OBTAIN) != 0 && (r->plan.is_due || force) && !obtain_run(app, force, r, &e)) {
        insist(app, r, &e);
        trouble(r, &e);
    }
    if ((what & KEEP_OBTAIN) != 0 && !r->plan.is_due &&
        r->certificate->issuer->type == ISSUER_FILES && !adopt_settle(app, r, &e))
        trouble(r, &e);
    if (hands_over && r->plan.generation.number != 0)
        handover_wait(app, r);
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
