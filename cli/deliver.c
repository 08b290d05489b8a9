/* deliver.c: deploy to several targets, and take it back where one of them refuses. */
#include "cli/deliver.h"

#include "base/log.h"
#include "cli/event.h"
#include "cli/seclude.h"
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORTH_SHARE 20 /* of its lifetime */

/* ---- one target ---- */

/* Nothing is asked: what was proved last time stands for what is served. */
static void
recall(struct report *r, struct report_target *t)
{
    struct proof proof = state_proof(&r->state, t->name);

    if (proof.file == NULL || proof.sha256 == NULL)
        return;
    t->served.file = strdup(proof.file);
    (void)snprintf(t->served.deployed_sha256, CERT_SHA256_TEXT, "%s", proof.sha256);
    t->served.is_unprovable = proof.is_unprovable;
    if (!proof.is_unprovable)
        (void)snprintf(t->served.served_sha256, CERT_SHA256_TEXT, "%s", proof.sha256);
}

static void
remember(struct app *app, struct report *r, struct report_target *t, bool good)
{
    struct err e = {0};

    if (good)
        state_set_proof(&r->state, t->name, &t->served, app->clock->now_s(app->clock));
    else if (t->served.did_install)
        state_set_file(&r->state, t->name, &t->served);
    if (t->e.code != ERR_NONE)
        state_set_target_error(&r->state, t->name, t->e.text);
    if (state_save(&r->state, &e))
        return;
    if (good)
        t->e = e;
    else
        log_debug("the failure is not remembered: %s", e.text);
}

static void
deliver(struct app *app, struct report *r, struct report_target *t, const struct material *m)
{
    struct target *target = config_target(&app->config, t->name);
    own_lock struct fiber_lock *held = fiber_lock(&target->lock);
    bool good = seclude(app, &t->e) &&
                reload_deploy(target, m, app->clock, term_progress(), &t->served, &t->e);

    term_clear();
    if (t->served.did_install)
        report_did(r, "deployed");
    t->did_prove = good && !t->served.is_unprovable;
    if (t->did_prove)
        report_did(r, "proved");
    remember(app, r, t, good);
}

void
deliver_recall(struct report *r)
{
    for (size_t i = 0; i < r->target_count; i++)
        recall(r, &r->targets[i]);
}

/* ---- all of them ---- */

struct stop {
    struct report_target *target;
    bool is_served; /* already, by its last proof */
    int rank;
};

static int
by_rank(const void *a, const void *b)
{
    const struct stop *one = a;
    const struct stop *other = b;

    if (one->rank != other->rank)
        return one->rank < other->rank ? -1 : 1;
    return one->target < other->target ? -1 : 1; /* as the settings have them */
}

/* It had the certificate, and serves another: what comes after it would only have to come back. */
static bool
is_refusal(const struct err *e)
{
    return e->code == ERR_PUT_BACK || e->code == ERR_UNPROVED;
}

static int
rank_of(const struct app *app, const struct report *r, const char *name)
{
    if (state_target_error(&r->state, name) != NULL)
        return -1; /* it refused last time, say: the others stay as they are if it does again */
    return (int)reload_rank(config_target(&app->config, name));
}

void
deliver_tell(struct report *r, const struct report_target *t)
{
    struct err e = t->e;

    (void)err_wrap(&e, "%s: [target %s]", r->certificate->name, t->name);
    event_failed(r, t->name, &e, NULL);
    report_trouble(r, &e);
}

/* They took it, and another one did not. */
static void
take_back(struct app *app, struct report *r, struct stop *stops, size_t count, const char *refuser)
{
    for (size_t i = count; i-- > 0;) {
        struct report_target *t = stops[i].target;
        struct target *target = config_target(&app->config, t->name);
        own_lock struct fiber_lock *held = fiber_lock(&target->lock);

        /* one that was down has it for its next start */
        if (!t->served.did_install || (t->e.code != ERR_NONE && t->e.code != ERR_NETWORK))
            continue;
        t->e = (struct err){0};
        if (!t->served.did_keep)
            (void)err_set(&t->e, ERR_UNPROVED,
                          "[target %s] refused the new certificate, and here there was none before "
                          "it that could be put back",
                          refuser);
        else if (reload_take_back(target, app->clock, term_progress(), &t->served, &t->e))
            (void)err_set(&t->e, ERR_PUT_BACK,
                          "it took the new certificate, and got the previous one back, because "
                          "[target %s] refused it",
                          refuser);
        else
            (void)err_wrap(&t->e,
                           "[target %s] refused the new certificate, and the previous one "
                           "could not be put back here",
                           refuser);
        term_clear();
        deliver_tell(r, t);
        /* of a refusal by somebody else nothing is remembered, so that its turn comes after his */
        if (t->e.code == ERR_PUT_BACK) {
            state_set_file(&r->state, t->name, &t->served);
            state_set_target_error(&r->state, t->name, NULL);
        } else {
            state_set_target_error(&r->state, t->name, t->e.text);
        }
    }
}

/* Is the certificate before this one good for some time yet? Else the others are better off with
 * the new one, whatever one of them thinks of it. */
static bool
is_worth_going_back(const struct app *app, const struct report *r)
{
    int64_t before = store_before(r->state.directory, r->plan.generation.number);
    own_generation struct generation g = {0};

    if (before == 0)
        return true; /* what there was is not ours to judge */
    store_find(r->state.directory, before, &g);
    return g.number != before || (state_revoked_at(&r->state, g.sha256) == 0 &&
                                  g.not_after_s - app->clock->now_s(app->clock) >
                                      (g.not_after_s - g.not_before_s) / WORTH_SHARE);
}

/* Those whose turn did not come. */
static void
leave(struct report *r, struct stop *stops, size_t count, const char *refuser)
{
    for (size_t i = 0; i < count; i++)
        if (stops[i].is_served)
            recall(r, stops[i].target);
        else
            (void)err_set(&stops[i].target->e, ERR_BUSY,
                          "it was left as it is, because [target %s] refused the new certificate",
                          refuser);
}

static void
go_round(struct app *app, struct report *r, struct stop *stops, size_t count,
         const struct material *m)
{
    struct err ignored = {0};

    for (size_t i = 0; i < count; i++) {
        struct report_target *t = stops[i].target;

        if (stops[i].is_served) {
            recall(r, t);
            continue;
        }
        deliver(app, r, t, m);
        if (t->e.code == ERR_NONE)
            continue;
        deliver_tell(r, t);
        if (!is_refusal(&t->e))
            continue;
        if (!is_worth_going_back(app, r))
            continue;
        take_back(app, r, stops, i, t->name);
        leave(r, stops + i + 1, count - i - 1, t->name);
        i = count;
        if (!state_save(&r->state, &ignored))
            log_debug("what was taken back is not remembered: %s", ignored.text);
    }
}

void
deliver_all(struct app *app, struct report *r, const struct material *m)
{
    own_mem struct stop *stops = calloc(r->target_count + 1, sizeof(*stops));
    int64_t now_s = app->clock->now_s(app->clock);
    struct err e = {0};
    size_t due = 0;

    if (stops == NULL) {
        (void)err_memory(&e);
        app_tell(&e);
        report_trouble(r, &e);
        return;
    }
    for (size_t i = 0; i < r->target_count; i++) {
        const char *name = r->targets[i].name;

        stops[i].target = &r->targets[i];
        stops[i].is_served =
            plan_is_served(&r->plan, &r->state, name, m, now_s, app->config.settings.prove_again_s);
        due += !stops[i].is_served;
    }
    /* who is what is asked only where it matters */
    if (due > 1 && !seclude(app, &e)) {
        app_tell(&e);
        report_trouble(r, &e);
        return;
    }
    for (size_t i = 0; due > 1 && i < r->target_count; i++)
        stops[i].rank = stops[i].is_served ? 0 : rank_of(app, r, stops[i].target->name);
    qsort(stops, r->target_count, sizeof(*stops), by_rank);
    go_round(app, r, stops, r->target_count, m);
}
