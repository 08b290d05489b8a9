/* cmd_renew.c: make certificates issued, deployed and served. */
#include "base/log.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/keep.h"
#include "cli/metrics.h"
#include "cli/page.h"
#include "cli/trust.h"

#include <stdio.h>
#include <stdlib.h>

static bool force, dry_run, rehearse;

/* clang-format off */
static const struct flag flags[] = {
    {"--force",   NULL, &force,   NULL, NULL, "obtain a new one though it is not due"},
    {"--rehearse", NULL, &rehearse, NULL, NULL, "run the whole order at the issuer's 'rehearsal'"},
    {"--dry-run", NULL, &dry_run, NULL, NULL, "say what would be done, and do nothing"},
    {0},
};
/* clang-format on */

/* What a run would do for one target, from what is on disk. */
static void
foretell_target(const struct report *r, const char *target, bool is_served)
{
    if (is_served)
        (void)printf("%s: nothing to do for [target %s]\n", r->certificate->name, target);
    else
        (void)printf("%s: would be deployed to [target %s] where needed, and proved\n",
                     r->certificate->name, target);
}

static bool
foretell(const struct app *app, const struct certificate *c, struct err *e)
{
    own_report struct report r = {0};
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    struct material m = {0};
    int64_t now_s = app->clock->now_s(app->clock);

    if (!report_init(&r, app, c, e) ||
        (r.plan.generation.number != 0 && !keep_material(&r, &key_pem, &chain_pem, &m, e)))
        return err_wrap(e, "%s", c->name);
    if (r.plan.is_due || force)
        (void)printf("%s: would be %s [issuer %s]: %s\n", c->name,
                     c->issuer->type == ISSUER_FILES ? "taken over from the files of"
                                                     : "obtained from",
                     c->issuer_name, r.plan.is_due ? plan_why(&r.plan) : "--force");
    else if (r.target_count == 0)
        (void)printf("%s: nothing to do\n", c->name);
    for (size_t i = 0; i < r.target_count && (app->parts & APP_DEPLOY) != 0; i++)
        foretell_target(&r, r.targets[i].name,
                        !r.plan.is_due && !force &&
                            plan_is_served(&r.plan, &r.state, r.targets[i].name, &m, now_s,
                                           app->config.settings.prove_again_s));
    return true;
}

static bool
foretell_all(const struct app *app, int argc, char **argv, struct err *e)
{
    size_t count = 0;
    own_mem struct certificate **selected = app_select(app, argc, argv, &count, e);

    for (size_t i = 0; selected != NULL && i < count; i++)
        if (!foretell(app, selected[i], e))
            return false;
    return selected != NULL;
}

static int
what_to_keep(void)
{
    return KEEP_OBTAIN | KEEP_DEPLOY | (force ? KEEP_FORCE : 0);
}

static bool
needs_network(struct app *app, const struct report *r)
{
    return rehearse || keep_needs_network(app, what_to_keep(), r);
}

static void
renew(struct app *app, struct report *r)
{
    if (rehearse) {
        keep_rehearse(app, r);
        return;
    }
    keep_certificate(app, what_to_keep(), r);
}

/* CRLs of a private CA that are due, and what servers trust of clients. */
static bool
keep_clients(struct app *app, struct err *e)
{
    bool brings_them = (app->parts & APP_DEPLOY) != 0 && trust_is_wanted(app);

    /* who brings them to servers makes them first */
    if (brings_them ? trust_keep(app, NULL, false, trust_print, app, e) : keep_crls(app, e))
        return true;
    if (e->text[0] != '\0')
        app_tell(e);
    return false;
}

/* The certificates first, for the CRLs have time; an error was told then. */
static bool
renew_all(struct app *app, int argc, char **argv, struct err *e)
{
    bool good = batch_run(app, argc, argv, renew, needs_network, e);
    struct err clients = {0};

    if (rehearse || keep_clients(app, &clients))
        return good;
    *e = (struct err){.code = good ? clients.code : app_graver(e->code, clients.code)};
    return false;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    bool good = false;

    if (rehearse && (force || dry_run))
        return err_set(e, ERR_USAGE, "--rehearse stands alone");
    if (dry_run && app->json)
        return err_set(e, ERR_USAGE, "--dry-run speaks to people; try: pgcert --json status");
    if (dry_run)
        return app_enter_state(app, e) && app_may(app, APP_OBTAIN, e) &&
               foretell_all(app, argc, argv, e);
    if (!app_lock(app, e))
        return false;
    if ((app->parts & APP_DEPLOY) == 0)
        log_debug("what is obtained is deployed by the members of group '%s'",
                  app->config.settings.deploy_group);
    keep_sweep(app);
    good = renew_all(app, argc, argv, e);
    if (!rehearse) {
        metrics_write(app, "renew", good ? ERR_NONE : e->code);
        page_keep(app);
    }
    return good;
}

const struct command cmd_renew = {
    .name = "renew",
    .arguments = "[NAME...]",
    .most = -1,
    .needs = NEED_CONFIG, /* a dry run locks nothing */
    .flags = flags,
    .run = run,
    .place = {PLACE_NAME, "certificate", NULL},
    .summary = "make every certificate issued, deployed and served",
    .details = "Does nothing where all three agree; a new one is obtained when its time has\n"
               "come. This is what the timer runs.",
};
