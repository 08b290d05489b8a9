/* cmd_import.c: takes over what another ACME client has here: settings, accounts, certificates. */
#include "cli/commands.h"
#include "cli/import.h"
#include "cli/import_report.h"
#include "cli/import_settings.h"
#include "cli/import_take.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool dry_run, force;
static const char *only, *dns_name, *target_name, *server;

/* clang-format off */
static const struct flag flags[] = {
    {"--only",    NULL, NULL,     &only,        "NAME", "that certificate alone"},
    {"--dns",     NULL, NULL,     &dns_name,    "NAME", "which [dns NAME] proves; default: what the client used"},
    {"--deploy",  NULL, NULL,     &target_name, "NAME", "which [target NAME] serves it"},
    {"--server",  NULL, NULL,     &server,      "URL",  "the ACME directory, where the client does not keep it"},
    {"--force",   NULL, &force,   NULL,         NULL,   "give up another account that is here"},
    {"--dry-run", NULL, &dry_run, NULL,         NULL,   "say what would be done, and do nothing"},
    {0},
};
/* clang-format on */

/* ---- what is asked for ---- */

static const char *
client_name(const void *table, size_t i)
{
    return ((const struct import_client *)table)[i].name;
}

static bool
choose_client(struct import *im, const char *name, struct err *e)
{
    const char *near = str_nearest(name, client_name, import_clients, COUNT(import_clients));

    im->client = import_find(name);
    if (im->client != NULL)
        return true;
    if (near != NULL)
        return err_set(e, ERR_USAGE, "no client '%s' is known; did you mean '%s'?", name, near);
    return err_set(e, ERR_USAGE,
                   "no client '%s' is known; there are: acme.sh certbot dehydrated lego uacme",
                   name);
}

static bool
choose_directory(struct import *im, const char *given, struct err *e)
{
    own_mem char *usual = import_directory(im->client);
    const char *wanted = given == NULL ? usual : given;

    if (usual == NULL)
        return err_memory(e);
    im->directory = realpath(wanted, NULL);
    if (im->directory != NULL)
        return true;
    if (errno == ENOENT || errno == ENOTDIR)
        return err_set(e, ERR_INPUT,
                       "there is no directory '%s'; say where %s keeps its files: pgcert import %s "
                       "DIRECTORY",
                       wanted, im->client->name, im->client->name);
    return err_errno(e, "open '%s'", wanted);
}

static bool
check_flags(const struct app *app, struct err *e)
{
    if (dns_name != NULL && config_dns(&app->config, dns_name) == NULL)
        return err_set(e, ERR_USAGE, "--dns %s: there is no section [dns %s]", dns_name, dns_name);
    if (target_name != NULL && config_target(&app->config, target_name) == NULL)
        return err_set(e, ERR_USAGE, "--deploy %s: there is no section [target %s]", target_name,
                       target_name);
    if (server != NULL && strncmp(server, "https://", 8) != 0)
        return err_set(e, ERR_USAGE, "--server %s: it must begin with https://", server);
    return true;
}

static bool
is_meant(const struct import_certificate *c)
{
    return only == NULL || strcmp(only, c->name) == 0;
}

static bool
check_choice(const struct import *im, struct err *e)
{
    size_t meant = 0;

    for (size_t i = 0; i < im->certificate_count; i++)
        meant += is_meant(im->certificates[i]);
    if (meant == 0)
        return err_set(e, ERR_USAGE, "--only %s: %s has no certificate of that name in '%s'", only,
                       im->client->name, im->directory);
    if (meant > 1 && target_name != NULL)
        return err_set(e, ERR_USAGE,
                       "a target serves one certificate, and there are %zu; say which: --only NAME",
                       meant);
    return true;
}

/* ---- what is done ---- */

static void
trouble(struct import_report *r, const char *name, const struct err *cause)
{
    struct err e = *cause;

    (void)err_wrap(&e, "%s", name);
    import_report_trouble(r, &e);
}

/* Settings are written as who was started, before we become who has the state directory. */
static void
configure(struct app *app, struct import *im, struct import_certificate *c, struct import_report *r,
          char **path)
{
    const struct import_wish w = {.dns = dns_name, .deploy = target_name, .is_dry = dry_run};
    own_str struct str text = {0};

    if (!import_take_look(c) || !import_settings(app, im, c, &w, &text, path, &c->e)) {
        trouble(r, c->name, &c->e);
        return;
    }
    import_report_settings(r, *path, &text);
    if (!import_take_check(app, c)) {
        (void)err_wrap(&c->unfit, "key and certificate are not taken over");
        trouble(r, c->name, &c->unfit);
    }
}

/* What is not said here is taken away there (RFC 8555 section 7.3.2). */
static bool
note_contact(struct app *app, struct import_certificate *c, const struct acme_account *a,
             struct err *e)
{
    const struct issuer *issuer = config_issuer(&app->config, c->issuer);

    return issuer == NULL || issuer->acme.contact.count > 0 || a->contact.count == 0 ||
           import_note(&c->notes,
                       "the contacts of the account: write contact = %s into [issuer %s], or the "
                       "next renewal takes them from it",
                       a->contact.items[0], c->issuer) ||
           err_memory(e);
}

static void
take_account(struct app *app, struct import_certificate *c, struct list *done,
             struct import_report *r)
{
    own_acme_account struct acme_account a = {0};
    struct err e = {0};

    if (c->account == NULL || list_has(done, c->issuer))
        return;
    if (list_add(done, c->issuer) && import_take_account(app, c, force, &a, &e) &&
        note_contact(app, c, &a, &e))
        import_report_account(r, c->issuer, &a);
    if (e.code != ERR_NONE)
        import_report_trouble(r, &e);
}

/* A failure of one step leaves the others, and an import later does what is missing. */
static void
take(struct app *app, const struct import *im, struct import_certificate *c, struct list *done,
     struct import_report *r)
{
    struct err e = {0};

    if (!import_take_secrets(app, im, c, &e))
        trouble(r, c->name, &e);
    take_account(app, c, done, r);
    if (c->unfit.code == ERR_NONE && !import_take_pair(app, c, &c->unfit))
        trouble(r, c->name, &c->unfit);
}

/* With new settings another run may get a new certificate before this one is taken over. So that is
 * kept from running, where we need not become another user for it, who could write no settings. */
static bool
lock_first(struct app *app, struct err *e)
{
    struct stat s = {0};

    return dry_run || lstat(app->config.settings.state, &s) < 0 || s.st_uid != geteuid() ||
           app_lock(app, e);
}

static void
take_configured(struct app *app, const struct import *im, struct import_report *r)
{
    own_list struct list done = {0};
    struct err e = {0};

    if (!app_lock(app, &e)) {
        (void)err_wrap(&e, "the settings are written, accounts and certificates are not taken "
                           "over; the same import again does what is missing");
        import_report_trouble(r, &e);
        return;
    }
    for (size_t i = 0; i < im->certificate_count; i++)
        if (im->certificates[i]->issuer != NULL)
            take(app, im, im->certificates[i], &done, r);
}

static bool
take_all(struct app *app, struct import *im, struct import_report *r, struct list *paths,
         struct err *e)
{
    size_t ours = 0;

    if (!lock_first(app, e))
        return false;
    for (size_t i = 0; i < im->certificate_count; i++) {
        own_mem char *path = NULL;

        if (is_meant(im->certificates[i]))
            configure(app, im, im->certificates[i], r, &path);
        if (!list_add(paths, im->certificates[i]->issuer == NULL || path == NULL ? "" : path))
            return err_memory(e);
        ours += im->certificates[i]->issuer != NULL;
    }
    if (!dry_run && ours > 0)
        take_configured(app, im, r);
    return true;
}

static bool
take_over(struct app *app, struct import *im, struct err *e)
{
    struct import_report r = {0};
    own_list struct list paths = {0};
    bool good = import_report_begin(&r, app, dry_run, e) && take_all(app, im, &r, &paths, e);

    for (size_t i = 0; good && i < im->certificate_count; i++)
        if (is_meant(im->certificates[i]))
            import_report_certificate(&r, im->certificates[i],
                                      paths.items[i][0] == '\0' ? NULL : paths.items[i]);
    if (good)
        import_report_end(&r, im);
    if (good && r.worst != ERR_NONE) {
        *e = (struct err){.code = r.worst}; /* told */
        good = false;
    }
    import_report_done(&r);
    return good;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    own_import struct import im = {.server = server};

    if (!choose_client(&im, argv[0], e))
        return false;
    if (!import_settings_read(app, e))
        return false;
    im.conf = &app->config.conf; /* while the client's files are read */
    return check_flags(app, e) && choose_directory(&im, argc > 1 ? argv[1] : NULL, e) &&
           im.client->read(&im, e) && check_choice(&im, e) && take_over(app, &im, e);
}

static const char *
word(size_t i)
{
    return i < COUNT(import_clients) ? import_clients[i].name : NULL;
}

const struct command cmd_import = {
    .name = "import",
    .arguments = "CLIENT [DIRECTORY]",
    .least = 1,
    .most = 2,
    .needs = NEED_NOTHING, /* the settings are read here: there may be none yet */
    .flags = flags,
    .run = run,
    .word = word,
    .place = {PLACE_DIRECTORY, NULL, NULL},
    .summary = "take over what certbot, lego, acme.sh ... have here",
    .details = "CLIENT is acme.sh, certbot, dehydrated, lego or uacme.\n"
               "Reads what that client keeps in DIRECTORY (default: where it does so usually)\n"
               "and makes it pgcert's: settings in conf.d/NAME.conf beside the settings file,\n"
               "the account, key and certificate as the first generation. Nothing is issued.\n"
               "What could not be taken over is said, and how the client's own renewals are\n"
               "ended. Files that are there are not touched; again is nothing to do.",
};
