/* cmd_rollback.c: the previous generation becomes the wanted one. */
#include "cli/commands.h"
#include "cli/event.h"
#include "cli/history.h"
#include "cli/keep.h"
#include "cli/metrics.h"
#include "cli/page.h"

#include <stdio.h>

/* The plan is about the generation before; what is wanted on disk stays until that is proved. */
static bool
step_back(struct report *r, struct err *e)
{
    int64_t now = r->plan.generation.number;
    int64_t before = now == 0 ? 0 : store_before(r->state.directory, now);

    if (before == 0)
        return err_set(e, ERR_INPUT, "'%s' has no previous generation to go back to",
                       r->certificate->name);
    plan_done(&r->plan);
    store_find(r->state.directory, before, &r->plan.generation);
    return r->plan.generation.number != 0 ||
           err_set(e, ERR_INPUT, "the previous generation of '%s' is damaged",
                   r->certificate->name);
}

/* It is proved: from now on it is the wanted one. */
static bool
settle(struct app *app, struct report *r, struct err *e)
{
    if (r->trouble.code == ERR_NONE)
        state_set_generation(&r->state, r->plan.generation.number);
    if (!state_save(&r->state, e))
        return false;
    plan_done(&r->plan);
    plan_make(&r->plan, r->certificate, &r->state, app->clock->now_s(app->clock));
    return true;
}

static bool
go_back(struct app *app, const struct certificate *c, struct err *e)
{
    own_report struct report r = {0};
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    struct material m = {0};
    struct json_t *array = NULL;

    if (!report_init(&r, app, c, e) || !step_back(&r, e) ||
        !keep_material(&r, &key_pem, &chain_pem, &m, e) || !reload_check(&m, app->clock, e))
        return false;
    keep_certificate(app, KEEP_DEPLOY, &r);
    if (!settle(app, &r, e))
        return false;
    event_report(&r);
    if (app->json) {
        array = json_new_array();
        json_add(array, report_json(&r, true));
        report_print_json(array, NULL);
    } else if (!app->quiet && !event_is_line()) {
        report_print_line(&r, app->clock->now_s(app->clock));
    }
    e->code = r.trouble.code; /* told already */
    return r.trouble.code == ERR_NONE;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    const struct certificate *c = config_certificate(&app->config, argv[0]);
    bool good = false;

    (void)argc;
    if (c == NULL)
        return err_set(e, ERR_USAGE, "there is no certificate '%s' in the settings", argv[0]);
    good = go_back(app, c, e);
    history_note(app, c->name, good ? ERR_NONE : e->code);
    metrics_write(app, "rollback", good ? ERR_NONE : e->code);
    page_keep(app);
    return good;
}

const struct command cmd_rollback = {
    .name = "rollback",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .needs = NEED_CONFIG | NEED_LOCK | NEED_BOTH,
    .run = run,
    .place = {PLACE_NAME, "certificate", NULL},
    .summary = "put the previous generation back, reload, and prove it",
    .details = "It stays the wanted one until it is renewed in its time, or with renew --force.",
};
