/* cmd_setup.c: first steps: settings that are missing, the first certificate, TLS on. */
#include "base/child.h"
#include "cli/carrier.h"
#include "cli/commands.h"
#include "cli/event.h"
#include "cli/hba.h"
#include "cli/keep.h"
#include "cli/obtain.h"
#include "cli/seclude.h"
#include "cli/setup_ca.h"
#include "cli/setup_hook.h"
#include "cli/setup_settings.h"
#include "cli/term.h"
#include "cli/trust.h"

#include <stdio.h>

static bool yes, dry_run, mutual_tls, certbot_hook;
static const char *issuer_name, *target_name, *hba_source, *acme, *contact, *dns, *names,
    *certbot = SETUP_HOOK_CERTBOT;

/* clang-format off */
static const struct flag flags[] = {
    {"--issuer",     NULL, NULL,        &issuer_name, "NAME", "which [issuer NAME] signs it; without any: the CA"},
    {"--acme",       NULL, NULL,        &acme,        "SERVER", "a new [issuer]: letsencrypt, or the directory's address"},
    {"--contact",    NULL, NULL,        &contact,     "MAIL", "of that account; its terms are agreed to"},
    {"--dns",        NULL, NULL,        &dns,         "TEXT", "who publishes for it: 'PROVIDER SETTING=VALUE...'"},
    {"--names",      NULL, NULL,        &names,       "LIST", "more names for the certificate, as that of a cluster"},
    {"--target",     NULL, NULL,        &target_name, "NAME", "which [target NAME] serves it"},
    {"--mutual-tls", NULL, &mutual_tls, NULL,         NULL,   "clients of the private CA log in by certificate"},
    {"--hba-source", NULL, NULL,        &hba_source,  "CIDR", "from where they may; default: as before, or all"},
    {"--certbot-hook", NULL, &certbot_hook, NULL,     NULL,   "have certbot call pgcert after each renewal"},
    {"--certbot-directory", NULL, NULL, &certbot,     "DIR",  "where certbot keeps what it has; " SETUP_HOOK_CERTBOT},
    {"--yes",        NULL, &yes,        NULL,         NULL,   "go ahead without asking"},
    {"--dry-run",    NULL, &dry_run,    NULL,         NULL,   "say what would be done, and do nothing"},
    {0},
};
/* clang-format on */

static bool
may_go_on(const char *question, struct err *e)
{
    if (yes)
        return true;
    if (!term_can_ask())
        return err_set(e, ERR_USAGE, "there is no terminal to ask on; to go ahead, add: --yes");
    return term_ask(question) || err_set(e, ERR_USAGE, "nothing was changed");
}

/* ---- certificate and server ---- */

static void
show_plan(const struct setup_plan *plan, const struct report_target *t)
{
    if (plan->lines.count == 0) {
        (void)printf("[target %s] %s\n", t->name, dry_run ? "needs nothing" : "is set up");
        return;
    }
    (void)printf("[target %s] %s %s:\n", t->name, plan->where == NULL ? "" : plan->where,
                 dry_run ? "would get" : "got");
    for (size_t i = 0; i < plan->lines.count; i++)
        (void)printf("  %s\n", plan->lines.items[i]);
}

static bool
set_up_target(struct app *app, struct report *r, struct report_target *t, const struct material *m,
              struct err *e)
{
    struct target *target = config_target(&app->config, t->name);
    own_ca_client_trust struct ca_client_trust given = {0};
    const struct client_trust trust = {.pem = &given.pem,
                                       .accepted = &given.accepted,
                                       .refused = &given.refused,
                                       .retired = &given.retired,
                                       .gone = &given.gone};
    own_setup struct setup setup = {.material = m, .dry = dry_run, .served = &t->served};
    bool good = false;

    if (!dry_run && !trust_for_setup(app, target, &given, e))
        return err_wrap(e, "[target %s]", t->name);
    setup.trust = given.pem.size > 0 ? &trust : NULL;
    good = reload_setup(target, &setup, app->clock, term_progress(), e);
    term_clear();
    if (!app->quiet && (good || setup.plan.lines.count > 0))
        show_plan(&setup.plan, t);
    if (!good)
        return err_wrap(e, "[target %s]", t->name);
    if (dry_run)
        return true;
    if (setup.trust != NULL && !trust_note_setup(app, target, setup.trusted.file, e))
        return false;
    if (t->served.did_install)
        report_did(r, "deployed");
    t->did_prove = !t->served.is_unprovable;
    if (t->did_prove)
        report_did(r, "proved");
    state_set_proof(&r->state, t->name, &t->served, app->clock->now_s(app->clock));
    return state_save(&r->state, e);
}

static bool
set_up(struct app *app, const struct certificate *c, struct err *e)
{
    own_report struct report r = {0};
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    struct material m = {0};
    bool good = true, is_private = c->issuer->type == ISSUER_CA;

    if (!report_init(&r, app, c, e))
        return false;
    if (dry_run && r.plan.is_due) {
        (void)printf("%s: would be obtained from [issuer %s], then deployed and proved\n", c->name,
                     c->issuer_name);
        return true;
    }
    if (!dry_run && (!seclude(app, e) || (is_private && !setup_ca_make(app, e))))
        return false;
    if ((r.plan.is_due && !obtain_run(app, true, &r, e)) ||
        !keep_material(&r, &key_pem, &chain_pem, &m, e))
        return err_wrap(e, "%s", c->name);
    for (size_t i = 0; good && i < r.target_count; i++)
        good = set_up_target(app, &r, &r.targets[i], &m, e);
    if (good && !dry_run)
        event_report(&r);
    if (good && !dry_run && !app->quiet && !event_is_line())
        report_print_line(&r, app->clock->now_s(app->clock));
    if (good && !dry_run && !app->quiet && is_private)
        setup_ca_tell(app, &r);
    return good || err_wrap(e, "%s", c->name);
}

/* Of certificates which the settings have. */
static void
announce(const struct app *app, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const struct certificate *c = config_certificate(&app->config, argv[i]);

        if (c != NULL && c->issuer->type == ISSUER_CA) {
            setup_ca_announce(app, dry_run);
            return;
        }
    }
}

static bool
let_clients_in(struct app *app, int argc, char **argv, struct err *e)
{
    const struct hba_setup how = {.source = hba_source, .is_dry = dry_run, .may = may_go_on};

    return !mutual_tls || hba_set_up(app, argc, argv, &how, e);
}

/* What is left to do when everything is served: others, too, are to know of it. */
static bool
tell_others(struct app *app, int argc, char **argv, struct err *e)
{
    return let_clients_in(app, argc, argv, e) &&
           (!certbot_hook || setup_hook_certbot(app, certbot, dry_run, may_go_on, e));
}

/* The settings, with those that are missing; *asked: whether there were any, and it was said yes.
 */
static bool
complete_settings(struct app *app, int argc, char **argv, bool *asked, struct err *e)
{
    struct settings_wish wish = {.issuer = issuer_name,
                                 .target = target_name,
                                 .acme = acme,
                                 .contact = contact,
                                 .dns = dns,
                                 .names = names,
                                 .certbot = certbot_hook ? certbot : NULL,
                                 .mutual_tls = mutual_tls,
                                 .is_dry = dry_run,
                                 .may = may_go_on};

    for (int i = 0; i < argc; i++)
        if (config_certificate(&app->config, argv[i]) == NULL) {
            if (!settings_add_certificate(app, argv[i], &wish, e))
                return false;
            *asked = true;
            if (!dry_run) /* the [issuer] is there, written with the first of them */
                wish.contact = wish.dns = NULL;
        }
    for (int i = 0; mutual_tls && i < argc; i++) {
        bool added = false;

        if (!settings_add_mutual_tls(app, argv[i], &wish, &added, e))
            return false;
        *asked = *asked || added;
    }
    return true;
}

static bool
set_up_all(struct app *app, int argc, char **argv, struct err *e)
{
    for (int i = 0; i < argc; i++) {
        const struct certificate *c = config_certificate(&app->config, argv[i]);

        if (c == NULL)
            return err_set(e, ERR_INTERNAL, "the new settings have no certificate '%s'", argv[i]);
        if (!set_up(app, c, e))
            return false;
    }
    return true;
}

/* Before any key is read or made. */
static bool
start_carrier(struct app *app, int argc, char **argv, struct err *e)
{
    for (int i = 0; i < argc; i++) {
        const struct certificate *c = config_certificate(&app->config, argv[i]);

        if (c != NULL && c->issuer->type == ISSUER_ACME)
            return carrier_start(app, e);
    }
    return true;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    bool asked = false;

    if (settings_lack(app) ? !config_read_beside(&app->config, app->config_path, app->clock, e)
                           : !app_read_config(app, e))
        return false;
    if (app->json)
        return err_set(e, ERR_USAGE, "setup speaks to people; try: pgcert --json status");
    if (hba_source != NULL && !mutual_tls)
        return err_set(e, ERR_USAGE, "--hba-source goes with --mutual-tls");
    if (acme == NULL ? contact != NULL || dns != NULL : issuer_name != NULL)
        return err_set(e, ERR_USAGE, "--contact and --dns go with --acme, and --issuer does not");
    if (app->config.settings.deploy_group != NULL && !child_is_root() &&
        (!app_enter_state(app, e) || !app_may(app, APP_OBTAIN | APP_DEPLOY, e)))
        return false;
    if (argc == 0 && !certbot_hook)
        return err_set(e, ERR_USAGE, "usage: pgcert setup %s", cmd_setup.arguments);
    if (!yes && !dry_run && !term_can_ask())
        return err_set(e, ERR_USAGE, "there is no terminal to ask on; to go ahead, add: --yes");
    if (argc == 0)
        return setup_hook_certbot(app, certbot, dry_run, may_go_on, e);
    if (!complete_settings(app, argc, argv, &asked, e))
        return false;
    if (dry_run && asked)
        return tell_others(app, argc, argv, e);
    if (!asked && !app->quiet)
        announce(app, argc, argv);
    if (!dry_run && !asked &&
        !may_go_on("Get the certificate and point the server at it, by reload?", e))
        return false;
    if (!dry_run &&
        (!app_lock_for(app, APP_OBTAIN | APP_DEPLOY, e) || !start_carrier(app, argc, argv, e)))
        return false;
    if (!dry_run)
        keep_sweep(app);
    return set_up_all(app, argc, argv, e) && tell_others(app, argc, argv, e);
}

const struct command cmd_setup = {
    .name = "setup",
    .arguments = "NAME...",
    .most = -1,            /* none: for certbot's hook alone */
    .needs = NEED_NOTHING, /* the settings are read here: there may be none yet */
    .flags = flags,
    .run = run,
    .place = {PLACE_NAME, "certificate", NULL},
    .summary = "first certificate, TLS on, the server pointed at it",
    .details = "Settings that are missing are written to conf.d/NAME.conf, or to the settings\n"
               "file where there is none: the section [certificate NAME]; a [target main] for\n"
               "the one PostgreSQL that runs here; and, where there is no [issuer], the private\n"
               "CA as [issuer ca], which is made then, and needs no network. NAME is a DNS name;\n"
               "or, for the private CA, also a host's bare name or an IP address.\n"
               "The server gets three settings (ssl, ssl_cert_file, ssl_key_file) and is\n"
               "reloaded, never restarted. With --mutual-tls it also trusts the private CA's\n"
               "clients (ssl_ca_file, ssl_crl_file), and pg_hba.conf and pg_ident.conf get lines\n"
               "for each client that has a bundle here (client new): it may log in with its\n"
               "certificate, to its database, and is refused everything else over TCP.\n"
               "With --acme an [issuer] is written, too: that server, to whose terms you agree\n"
               "by it, and a [dns] by --dns (see pgcert-providers(7)).\n"
               "With --certbot-hook, also without NAME, certbot calls pgcert hook certbot after\n"
               "each renewal, by a file in its renewal-hooks/deploy; and where it has NAME, that\n"
               "is served from its files, and nothing is issued anew.",
};
