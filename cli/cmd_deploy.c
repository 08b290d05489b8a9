/* cmd_deploy.c: the second half of a renewal alone. */
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/keep.h"
#include "cli/metrics.h"
#include "cli/page.h"
#include "cli/trust.h"

static void
deploy(struct app *app, struct report *r)
{
    keep_certificate(app, KEEP_DEPLOY, r);
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    bool good = batch_run(app, argc, argv, deploy, NULL, e);
    struct err clients = {0};

    if (!trust_keep(app, NULL, false, trust_print, app, &clients)) {
        if (clients.text[0] != '\0')
            app_tell(&clients);
        *e = (struct err){.code = good ? clients.code : app_graver(e->code, clients.code)};
        good = false;
    }
    metrics_write(app, "deploy", good ? ERR_NONE : e->code);
    page_keep(app);
    return good;
}

const struct command cmd_deploy = {
    .name = "deploy",
    .arguments = "[NAME...]",
    .most = -1,
    .needs = NEED_CONFIG | NEED_LOCK | NEED_DEPLOY,
    .run = run,
    .place = {PLACE_NAME, "certificate", NULL},
    .summary = "bring the targets to what is issued, and prove it",
};
