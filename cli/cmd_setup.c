/* cmd_setup.c: first steps: settings that are missing, the first certificate, TLS on. */
#include "base/file.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/hba.h"
#include "cli/keep.h"
#include "cli/obtain.h"
#include "cli/setup_ca.h"
#include "cli/term.h"
#include "cli/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool yes, dry_run, mutual_tls;
static const char *issuer_name, *target_name, *hba_source;

/* clang-format off */
static const struct flag flags[] = {
    {"--issuer",     NULL, NULL,        &issuer_name, "NAME", "which [issuer NAME] signs it; the private CA, when there is none"},
    {"--target",     NULL, NULL,        &target_name, "NAME", "which [target NAME] serves it"},
    {"--mutual-tls", NULL, &mutual_tls, NULL,         NULL,   "clients log in by certificates: pg_hba.conf"},
    {"--hba-source", NULL, NULL,        &hba_source,  "CIDR", "from where they may; default: as before, or all"},
    {"--yes",        NULL, &yes,        NULL,         NULL,   "go ahead without asking"},
    {"--dry-run",    NULL, &dry_run,    NULL,         NULL,   "say what would be done, and do nothing"},
    {0},
};
/* clang-format on */

/* ---- settings that are missing ---- */

/* The one cluster which runs here. */
static bool
add_found_cluster(struct str *text, struct err *e)
{
    struct clusters found = {0};
    size_t running = 0, which = 0;
    bool good = reload_find_clusters(&found, e);

    for (size_t i = 0; good && i < found.count; i++)
        if (found.items[i].running) {
            running++;
            which = i;
        }
    if (good && running == 0)
        good = err_set(e, ERR_CONFIG,
                       "no running PostgreSQL was found here; start it, or write a "
                       "section [target main] with its connection");
    else if (good && running > 1)
        good = err_set(e, ERR_CONFIG,
                       "%zu running PostgreSQL clusters were found here; write a section "
                       "[target NAME] with the connection of the one you mean",
                       running);
    if (good && !str_addf(text,
                          "[target main]\ntype = postgres\nconnection = host=%s port=%d "
                          "user=postgres dbname=postgres\n\n",
                          found.items[which].socket, found.items[which].port))
        good = err_memory(e);
    clusters_done(&found);
    return good;
}

static bool
choose_target(const struct config *c, struct str *text, const char **target, struct err *e)
{
    if (target_name != NULL) {
        *target = target_name;
        return config_target(c, target_name) != NULL ||
               err_set(e, ERR_USAGE, "--target %s: there is no section [target %s]", target_name,
                       target_name);
    }
    if (c->target_count > 1)
        return err_set(e, ERR_USAGE,
                       "there are %zu targets in the settings; say which: --target NAME",
                       c->target_count);
    *target = c->target_count == 1 ? c->targets[0]->name : "main";
    return c->target_count == 1 || add_found_cluster(text, e);
}

/* Where nothing else is said the private CA signs, for that needs nobody else. */
static bool
choose_issuer(const struct config *c, struct str *text, const char **issuer, struct err *e)
{
    *issuer = issuer_name != NULL    ? issuer_name
              : c->issuer_count == 1 ? c->issuers[0].name
              : c->issuer_count == 0 ? SETUP_CA_ISSUER
                                     : NULL;
    if (*issuer == NULL)
        return err_set(e, ERR_USAGE,
                       "there are %zu issuers in the settings; say which: --issuer NAME",
                       c->issuer_count);
    if (config_issuer(c, *issuer) != NULL)
        return true;
    if (strcmp(*issuer, SETUP_CA_ISSUER) == 0)
        return str_addf(text, "[issuer %s]\ntype = ca\n\n", *issuer) || err_memory(e);
    return err_set(e, ERR_USAGE,
                   "--issuer %s: there is no section [issuer %s]; without --issuer the private CA "
                   "signs where there is no [issuer] at all",
                   *issuer, *issuer);
}

/* The text of the settings for a certificate that is not in them yet. *is_private: by our CA. */
static bool
compose(const struct config *c, const char *name, struct str *text, bool *is_private, struct err *e)
{
    const char *issuer = NULL, *target = NULL;
    const struct issuer *known = NULL;

    if (!choose_issuer(c, text, &issuer, e) || !choose_target(c, text, &target, e))
        return false;
    known = config_issuer(c, issuer);
    *is_private = known == NULL || known->type == ISSUER_CA;
    return str_addf(text, "[certificate %s]\nissuer = %s\n%s = %s\ndeploy = %s\n", name, issuer,
                    config_is_address(name) ? "addresses" : "names", name, target) ||
           err_memory(e);
}

static bool
lacks_settings(const struct app *app)
{
    return access(app->config_path, F_OK) < 0 && errno == ENOENT;
}

/* The settings file itself when it is missing; else conf.d/NAME.conf beside it, "wildcard." for
 * "*."; NULL: no name for a file. */
static char *
settings_path(const struct app *app, const char *name)
{
    const char *slash = strrchr(app->config_path, '/');
    int length = slash == NULL ? 0 : (int)(slash - app->config_path) + 1;
    bool is_wildcard = strncmp(name, "*.", 2) == 0;

    if (strchr(name, '/') != NULL || name[0] == '.' || name[0] == '\0')
        return NULL;
    if (lacks_settings(app))
        return str_format("%s%s", slash == NULL ? "./" : "", app->config_path);
    return str_format("%.*sconf.d/%s%s.conf", length, app->config_path,
                      is_wildcard ? "wildcard." : "", is_wildcard ? name + 2 : name);
}

/* Opens it, made when missing. Nobody else may be able to put something in our way there. */
static bool
open_settings_directory(const char *path, int *fd, struct err *e)
{
    struct stat s = {0};
    mode_t ours = umask(022); /* the user who renews must be able to read */
    bool made = mkdir(path, 0755) == 0 || errno == EEXIST;

    (void)umask(ours);
    if (!made)
        return err_errno(e, "make the directory '%s'", path);
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &s) < 0)
        return err_errno(e, "open the directory '%s'", path);
    if ((s.st_uid != 0 && s.st_uid != geteuid()) || (s.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return err_set(e, ERR_PERMISSION,
                       "'%s' can be changed by others than root and us; settings are not written "
                       "there",
                       path);
    return true;
}

/* The whole text, or no file; one that exists is not touched. */
static bool
put_settings(int at, const char *made, const char *name, const struct str *text)
{
    own_fd int fd = -1;

    (void)unlinkat(at, made, 0); /* of a run that was killed */
    fd = openat(at, made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd >= 0 && file_write_all(fd, text->text, text->size) && fchmod(fd, 0644) == 0 &&
           fsync(fd) == 0 && renameat2(at, made, at, name, RENAME_NOREPLACE) == 0 && fsync(at) == 0;
}

static bool
write_settings(const char *path, const struct str *text, struct err *e)
{
    const char *name = strrchr(path, '/') + 1;
    own_mem char *directory =
        name - path == 1 ? strdup("/") : strndup(path, (size_t)(name - path) - 1);
    own_mem char *made = str_format(".%s.new", name); /* not read as settings */
    own_fd int at = -1;
    int why = 0;

    if (directory == NULL || made == NULL)
        return err_memory(e);
    if (!open_settings_directory(directory, &at, e))
        return false;
    if (put_settings(at, made, name, text))
        return true;
    why = errno;
    (void)unlinkat(at, made, 0);
    errno = why;
    if (why == EEXIST)
        return err_set(e, ERR_CONFIG, "'%s' exists already; write the settings above into it",
                       path);
    return err_errno(e, "write '%s'", path);
}

/* Is the text good settings together with those that are there? Read again to find out. */
static bool
try_settings(struct app *app, const char *path, const struct str *text, struct err *e)
{
    struct err ignored = {0};

    if (!write_settings(path, text, e))
        return false;
    config_done(&app->config);
    if (app_read_config(app, e))
        return true;
    if (!file_remove(AT_FDCWD, path, &ignored))
        log_debug("%s", ignored.text);
    return false;
}

static bool
may_go_on(const char *question, struct err *e)
{
    if (yes)
        return true;
    if (!term_can_ask())
        return err_set(e, ERR_USAGE, "there is no terminal to ask on; to go ahead, add: --yes");
    return term_ask(question) || err_set(e, ERR_USAGE, "nothing was changed");
}

static bool
add_settings(struct app *app, const char *name, struct err *e)
{
    own_str struct str text = {0};
    own_mem char *path = settings_path(app, name);
    bool is_private = false;

    if (path == NULL)
        return err_set(e, ERR_USAGE, "'%s' cannot be the name of a certificate", name);
    if (!compose(&app->config, name, &text, &is_private, e))
        return false;
    (void)printf("A new file '%s':\n\n%s\n", path, text.text);
    (void)fflush(stdout);
    if (is_private)
        setup_ca_announce(app, dry_run);
    if (dry_run)
        return true;
    return may_go_on("Write these settings?", e) && try_settings(app, path, &text, e);
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
    const struct client_trust trust = {
        .pem = &given.pem, .accepted = &given.accepted, .refused = &given.refused};
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
    report_did(r, "proved");
    state_set_proof(&r->state, t->name, t->served.file, t->served.served_sha256,
                    app->clock->now_s(app->clock));
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
    if (!dry_run && is_private && !setup_ca_make(app, e))
        return false;
    if ((r.plan.is_due && !obtain_run(app, true, &r, e)) ||
        !keep_material(&r, &key_pem, &chain_pem, &m, e))
        return err_wrap(e, "%s", c->name);
    for (size_t i = 0; good && i < r.target_count; i++)
        good = set_up_target(app, &r, &r.targets[i], &m, e);
    if (good && !dry_run && !app->quiet)
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

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    bool asked = false;

    if (lacks_settings(app) ? !config_read_beside(&app->config, app->config_path, app->clock, e)
                            : !app_read_config(app, e))
        return false;

    if (app->json)
        return err_set(e, ERR_USAGE, "setup speaks to people; try: pgcert --json status");
    if (hba_source != NULL && !mutual_tls)
        return err_set(e, ERR_USAGE, "--hba-source goes with --mutual-tls");
    if (!yes && !dry_run && !term_can_ask())
        return err_set(e, ERR_USAGE, "there is no terminal to ask on; to go ahead, add: --yes");
    for (int i = 0; i < argc; i++)
        if (config_certificate(&app->config, argv[i]) == NULL) {
            if (!add_settings(app, argv[i], e))
                return false;
            asked = true;
        }
    if (dry_run && asked)
        return let_clients_in(app, argc, argv, e);
    if (!asked && !app->quiet)
        announce(app, argc, argv);
    if (!dry_run && !asked &&
        !may_go_on("Get the certificate and point the server at it, by reload?", e))
        return false;
    if (!dry_run && !app_lock(app, e))
        return false;
    if (!dry_run)
        keep_sweep(app);
    for (int i = 0; i < argc; i++) {
        const struct certificate *c = config_certificate(&app->config, argv[i]);

        if (c == NULL)
            return err_set(e, ERR_INTERNAL, "the new settings have no certificate '%s'", argv[i]);
        if (!set_up(app, c, e))
            return false;
    }
    return let_clients_in(app, argc, argv, e);
}

const struct command cmd_setup = {
    .name = "setup",
    .arguments = "NAME...",
    .least = 1,
    .most = -1,
    .needs = NEED_NOTHING, /* the settings are read here: there may be none yet */
    .flags = flags,
    .run = run,
    .summary = "first certificate, TLS on, the server pointed at it",
    .details =
        "Settings that are missing are written to conf.d/NAME.conf, or to the settings\n"
        "file where there is none: the section [certificate NAME]; a [target main] for the\n"
        "one PostgreSQL that runs here; and, where there is no [issuer], the private CA as\n"
        "[issuer ca], which is made then, and needs no network. NAME is a DNS name, or, for\n"
        "the private CA, also a host's bare name or an IP address.\n"
        "The server gets three settings (ssl, ssl_cert_file, ssl_key_file) and is\n"
        "reloaded, never restarted. With --mutual-tls, pg_hba.conf and pg_ident.conf get\n"
        "lines for each client that has a bundle here (client new): it may log in with\n"
        "its certificate, to its database, and is refused everything else over TCP.",
};
