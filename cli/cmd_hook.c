/* cmd_hook.c: another ACME client has renewed: take it over, deploy it, prove it. */
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/hook.h"
#include "cli/hook_match.h"
#include "cli/keep.h"

#include <string.h>

/* The client does not come again for this one; lego gives its hooks two minutes in all. */
#define LEAST_WAIT_S 1800
#define LEAST_WAIT_LEGO_S 60

static bool only_ours;

/* clang-format off */
static const struct flag flags[] = {
    {"--only-ours", NULL, &only_ours, NULL, NULL, "no failure when the files are of no certificate here"},
    {0},
};
/* clang-format on */

/* Waits for another run at least as long as the client bears. */
static void
lengthen_wait(struct app *app, const char *client)
{
    int64_t least_s = strcmp(client, "lego") == 0 ? LEAST_WAIT_LEGO_S : LEAST_WAIT_S;

    if (app->config.settings.lock_wait_s < least_s)
        app->config.settings.lock_wait_s = least_s;
}

static void
keep(struct app *app, struct report *r)
{
    keep_certificate(app, KEEP_OBTAIN | KEEP_DEPLOY, r);
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    own_hook_call struct hook_call call = {0};
    own_list struct list names = {0};

    if (!hook_read(argv[0], argc - 1, argv + 1, &call, e))
        return false;
    if (call.chain_file == NULL && call.directory == NULL)
        return true;
    if (!app_read_config(app, e))
        return false;
    /* while we are still the user who called us: the paths may be closed to others */
    if (!hook_match(app, &call, &names, e))
        return false;
    if (names.count == 0)
        return only_ours || call.is_no_news || hook_match_none(app, argv[0], &call, e);
    lengthen_wait(app, argv[0]);
    return app_lock(app, e) && batch_run(app, (int)names.count, names.items, keep, NULL, e);
}

static const char *
word(size_t i)
{
    return hook_clients[i];
}

const struct command cmd_hook = {
    .name = "hook",
    .arguments = "CLIENT [ARGUMENT...]",
    .least = 1,
    .most = -1,
    .flags_first = true, /* what a client says may begin with '-' */
    .flags = flags,
    .run = run,
    .word = word,
    .summary = "called by certbot and others after they renewed",
    .details = "CLIENT is certbot, lego, dehydrated, acme.sh or uacme. What it says by\n"
               "environment and arguments leads to the certificates whose [issuer NAME] with\n"
               "type = files has those files; they are checked, deployed and proved as by renew.\n"
               "What fails is told, remembered, and tried again by the next renew by\n"
               "who may read the files. As hooks:\n"
               "  certbot     --deploy-hook \"pgcert hook certbot\"; or, for all renewals, once:\n"
               "              pgcert setup --certbot-hook\n"
               "  lego        renew --renew-hook \"pgcert hook lego\"\n"
               "  dehydrated  the last line of HOOK: exec pgcert hook dehydrated \"$@\"\n"
               "  acme.sh     --reloadcmd \"pgcert hook acme.sh\"\n"
               "  uacme       uacme ... issue NAME && pgcert hook uacme [DIRECTORY]",
};
