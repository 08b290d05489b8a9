/* poll.c: the issuer's advice, asked for twice a day and remembered in state.json. */
#include "cli/poll.h"

#include "base/log.h"
#include "cli/carrier.h"
#include "cli/chance.h"

#include <stdlib.h>
#include <string.h>

#define SOONEST_S 60
#define USUAL_S (6 * 3600)
#define LATEST_S (24 * 3600)

int64_t
poll_again(int64_t now_s, int64_t advice_s)
{
    int64_t wait_s = advice_s == 0 ? USUAL_S : advice_s - now_s;

    if (wait_s < SOONEST_S)
        return now_s + SOONEST_S;
    return now_s + (wait_s > LATEST_S ? LATEST_S : wait_s);
}

struct advice
poll_choose(const struct advice *before, const struct acme_window *w, int64_t now_s,
            uint64_t random)
{
    bool same = before->moment_s != 0 && before->start_s == w->start_s && before->end_s == w->end_s;

    return (struct advice){
        .start_s = w->start_s,
        .end_s = w->end_s,
        .moment_s = same ? before->moment_s : chance_between(w->start_s, w->end_s, random),
        .explanation = w->explanation,
        .ask_at_s = poll_again(now_s, w->retry_at_s),
    };
}

/* A time that is further away was written with a wrong clock. */
static bool
is_time(const struct advice *a, int64_t now_s)
{
    return a->ask_at_s <= now_s || a->ask_at_s - now_s > LATEST_S;
}

/* Who is to be asked now, and where; free() it. NULL: nobody, as far as is known without asking. */
static char *
find_url(const struct app *app, const struct report *r, struct issuer **issuer)
{
    const struct generation *g = &r->plan.generation;
    const struct advice advice = state_advice(&r->state, g->sha256);
    own_mem char *account = NULL;
    own_str struct str chain_pem = {0};
    struct err e = {0};
    char *url = NULL;

    *issuer = g->number == 0 ? NULL : config_issuer(&app->config, g->issuer);
    if (r->plan.is_due || *issuer == NULL || (*issuer)->type != ISSUER_ACME ||
        !is_time(&advice, app->clock->now_s(app->clock)))
        return NULL;
    account = str_format("%s/accounts/%s", app->config.settings.state, (*issuer)->name);
    if (account != NULL && store_read_chain(r->state.directory, g->number, &chain_pem, &e) &&
        !acme_renewal_url(account, &(*issuer)->acme, &chain_pem, &url, &e))
        log_debug("%s: no question about its renewal: %s", r->certificate->name, e.text);
    return url;
}

bool
poll_is_due(const struct app *app, const struct report *r)
{
    struct issuer *issuer = NULL;
    own_mem char *url = find_url(app, r, &issuer);

    return url != NULL;
}

/* What came of it is remembered in any case, so that no run asks again too soon. */
static bool
ask(struct app *app, struct report *r, struct issuer *issuer, const char *url, struct err *e)
{
    const char *sha256 = r->plan.generation.sha256;
    struct advice advice = state_advice(&r->state, sha256);
    int64_t now_s = app->clock->now_s(app->clock);
    own_window struct acme_window w = {0};
    own_mem char *kept = advice.explanation == NULL ? NULL : strdup(advice.explanation);
    struct err failure = {0};

    if (carrier_ask(app, issuer, url, &w, &failure)) {
        advice = poll_choose(&advice, &w, now_s, chance());
    } else {
        log_debug("%s: no advice on its renewal: %s", r->certificate->name, failure.text);
        advice.explanation = kept;
        advice.ask_at_s = poll_again(now_s, failure.retry_at_s);
    }
    state_set_advice(&r->state, sha256, &advice);
    return state_save(&r->state, e);
}

bool
poll_renewal(struct app *app, struct report *r, struct err *e)
{
    struct issuer *issuer = NULL;
    own_mem char *url = find_url(app, r, &issuer);

    if (url == NULL)
        return true;
    if (!ask(app, r, issuer, url, e))
        return false;
    plan_done(&r->plan);
    plan_make(&r->plan, r->certificate, &r->state, app->clock->now_s(app->clock));
    return true;
}
