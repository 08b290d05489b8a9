/* doctor_hooks.c: hooks and crontabs of before, which restart the server; other clients that renew
 * the same names; and what runs pgcert itself. */
#include "base/cert.h"
#include "base/file.h"
#include "cli/doctor.h"
#include "cli/doctor_hooktext.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 500 /* of one directory */
#define TEXT_MAX ((size_t)256 * 1024)
#define TIMER "pgcert-renew.timer"
#define WATCHER "pgcert-watch.service"

/* ---- reading ---- */

/* Sees what is in a file; false when it cannot be read, or is none. */
static bool
see(const char *path, struct doctor_hooktext *seen)
{
    own_str struct str text = {0};
    struct err ignored = {0};

    if (!file_read(AT_FDCWD, path, TEXT_MAX, &text, &ignored) || text.size == 0)
        return false;
    *seen = doctor_hooktext_judge(text.text, text.size);
    return true;
}

/* Calls `take` with each file of a directory. */
static void
each(const char *directory, void (*take)(struct findings *f, const char *path), struct findings *f)
{
    own_list struct list names = {0};
    struct err e = {0};

    if (!file_list(directory, NULL, &names, &e)) {
        finding_unseen(f, directory, &e);
        return;
    }
    for (size_t i = 0; i < names.count && i < FILES_MAX; i++) {
        own_mem char *path = str_format("%s/%s", directory, names.items[i]);

        if (path != NULL)
            take(f, path);
    }
}

/* ---- hooks ---- */

static void
tell_hook(struct findings *f, const char *path, const struct doctor_hooktext *seen)
{
    if (seen->does == HOOKTEXT_NOTHING)
        return;
    if (seen->does == HOOKTEXT_RELOADS) {
        finding_add(f, FINDING_NOTE, path,
                    "line %d has PostgreSQL reload its files, and nothing "
                    "proves what it serves then",
                    seen->line);
        finding_remedy(f, "pgcert reloads and proves by itself: take that line out");
        return;
    }
    finding_add(f, FINDING_BAD, path,
                "line %d restarts PostgreSQL when a certificate is renewed: every session is cut "
                "off, and with a pair that does not load it stays down",
                seen->line);
    finding_remedy(f, "take that line out; pgcert reloads, and proves what is served");
}

static void
look_at_hook(struct findings *f, const char *path)
{
    struct doctor_hooktext seen = {0};

    if (see(path, &seen))
        tell_hook(f, path, &seen);
}

/* Certbot reads "*.conf" only: one that was moved away runs no hook. */
static void
look_at_renewal(struct findings *f, const char *path)
{
    size_t size = strlen(path);

    if (size > 5 && strcmp(path + size - 5, ".conf") == 0)
        look_at_hook(f, path);
}

/* A crontab restarts for many reasons: only those about certificates are ours. */
static void
look_at_crontab(struct findings *f, const char *path)
{
    struct doctor_hooktext seen = {0};

    if (see(path, &seen) && seen.is_of_certificates && seen.does == HOOKTEXT_RESTARTS)
        tell_hook(f, path, &seen);
}

static const char *const crontabs[] = {"/etc/cron.d",       "/etc/cron.hourly",
                                       "/etc/cron.daily",   "/etc/cron.weekly",
                                       "/etc/cron.monthly", "/var/spool/cron/crontabs"};

/* acme.sh keeps what it was told in HOME/.acme.sh/NAME/NAME.conf; for keys of elliptic curves, as
 * it makes them unless told otherwise, in NAME_ecc. */
static void
look_at_acmesh(struct findings *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : strlen(slash + 1);
    own_mem char *conf = NULL;

    if (size > 4 && strcmp(slash + 1 + size - 4, "_ecc") == 0)
        size -= 4;
    conf = size == 0 ? NULL : str_format("%s/%.*s.conf", path, (int)size, slash + 1);
    if (conf != NULL)
        look_at_hook(f, conf);
}

static const char *
home_of(uid_t user)
{
    const struct passwd *entry = getpwuid(user);

    return entry == NULL ? NULL : entry->pw_dir;
}

/* ---- other clients for the same names ---- */

static void
tell_other(const char *client, const char *path, const struct certificate *c, struct findings *f)
{
    finding_add(f, FINDING_WARNING, path,
                "%s renews '%s' as well as pgcert: both count against the issuer's limits", client,
                c->name);
}

/* Its files stay where they are: the server may still use them. */
static void
find_certbot(const struct certificate *c, struct findings *f)
{
    own_mem char *path = str_format("/etc/letsencrypt/renewal/%s.conf", c->name);

    if (path == NULL || access(path, F_OK) != 0)
        return;
    tell_other("certbot", path, c, f);
    finding_remedy(f, "let one of them do it: mv '%s' '%s.off'", path, path);
}

/* `kind` is "_ecc", or nothing for a key of RSA. */
static void
find_acmesh(const struct certificate *c, const char *home, const char *kind, struct findings *f)
{
    own_mem char *path = str_format("%s/.acme.sh/%s%s/%s.conf", home, c->name, kind, c->name);

    if (path == NULL || access(path, F_OK) != 0)
        return;
    tell_other("acme.sh", path, c, f);
    finding_remedy(f, "let one of them do it: acme.sh --remove -d '%s'%s", c->name,
                   kind[0] == '\0' ? "" : " --ecc");
}

static void
find_other_clients(const struct app *app, const char *home, struct findings *f)
{
    for (size_t i = 0; i < app->config.certificate_count; i++) {
        const struct certificate *c = &app->config.certificates[i];

        if (c->issuer->type != ISSUER_ACME)
            continue;
        find_certbot(c, f);
        if (home == NULL)
            continue;
        find_acmesh(c, home, "_ecc", f);
        find_acmesh(c, home, "", f);
    }
}

void
doctor_hooks(struct doctor *d, struct findings *f)
{
    static const char *const directories[] = {"/etc/letsencrypt/renewal-hooks/pre",
                                              "/etc/letsencrypt/renewal-hooks/deploy",
                                              "/etc/letsencrypt/renewal-hooks/post"};
    static const char *const single[] = {"/etc/letsencrypt/cli.ini", "/etc/dehydrated/config",
                                         "/etc/dehydrated/hook.sh"};
    const char *home = home_of(geteuid());
    own_mem char *acmesh = home == NULL ? NULL : str_format("%s/.acme.sh", home);

    for (size_t i = 0; i < COUNT(directories); i++)
        each(directories[i], look_at_hook, f);
    each("/etc/letsencrypt/renewal", look_at_renewal, f);
    for (size_t i = 0; i < COUNT(single); i++)
        look_at_hook(f, single[i]);
    if (acmesh != NULL)
        each(acmesh, look_at_acmesh, f);
    look_at_crontab(f, "/etc/crontab");
    for (size_t i = 0; i < COUNT(crontabs); i++)
        if (geteuid() == 0 || access(crontabs[i], R_OK) == 0)
            each(crontabs[i], look_at_crontab, f);
    find_other_clients(d->app, home, f);
}

/* ---- what runs pgcert ---- */

static bool
runs_pgcert(const char *path)
{
    struct doctor_hooktext seen = {0};

    return see(path, &seen) && seen.runs_pgcert;
}

static bool
has_crontab(void)
{
    if (runs_pgcert("/etc/crontab"))
        return true;
    for (size_t i = 0; i < COUNT(crontabs); i++) {
        own_list struct list names = {0};
        struct err ignored = {0};

        if (!file_list(crontabs[i], NULL, &names, &ignored))
            continue;
        for (size_t n = 0; n < names.count && n < FILES_MAX; n++) {
            own_mem char *path = str_format("%s/%s", crontabs[i], names.items[n]);

            if (path != NULL && runs_pgcert(path))
                return true;
        }
    }
    return false;
}

/* As systemctl(1) enable leaves it, in timers.target.wants or multi-user.target.wants; a masked
 * unit leads to /dev/null. */
static bool
is_enabled(const char *unit, const char *target_wants, bool *is_masked)
{
    static const char *const places[] = {"/etc/systemd/system", "/run/systemd/system",
                                         "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                         "/lib/systemd/system"};
    own_mem char *mask = str_format("/etc/systemd/system/%s", unit);
    char target[64];

    *is_masked = mask != NULL && readlink(mask, target, sizeof(target)) == 9 &&
                 memcmp(target, "/dev/null", 9) == 0;
    for (size_t i = 0; i < COUNT(places); i++) {
        own_mem char *path = str_format("%s/%s/%s", places[i], target_wants, unit);
        struct stat s = {0};

        if (path != NULL && lstat(path, &s) == 0)
            return !*is_masked;
    }
    return false;
}

/* Where who deploys is another user, nobody else does it. */
static void
find_watcher(struct findings *f)
{
    bool is_masked = false;

    if (is_enabled(WATCHER, "multi-user.target.wants", &is_masked))
        return;
    finding_add(f, FINDING_BAD, WATCHER,
                "it is %s, and [pgcert] deploy_group leaves deploying to it: what is renewed is "
                "never served",
                is_masked ? "masked" : "not enabled");
    finding_remedy(f, "%ssystemctl enable --now " WATCHER,
                   is_masked ? "systemctl unmask " WATCHER " && " : "");
}

void
doctor_timer(struct doctor *d, struct findings *f)
{
    bool has_systemd = access("/run/systemd/system", F_OK) == 0; /* sd_booted(3) */
    bool is_masked = false;

    if (d->app->config.certificate_count == 0)
        return;
    if (has_systemd && d->app->config.settings.deploy_group != NULL)
        find_watcher(f);
    if (is_enabled(TIMER, "timers.target.wants", &is_masked) || has_crontab())
        return;
    if (!has_systemd) {
        finding_add(f, FINDING_NOTE, "this host",
                    "no systemd runs here, and no crontab has `pgcert renew`: something else must "
                    "run it every day");
        finding_remedy(f, "as root in /etc/cron.d/pgcert: 17 3,15 * * * root pgcert -q renew");
        return;
    }
    finding_add(f, FINDING_BAD, TIMER,
                "it is %s, and no crontab runs `pgcert renew`: nothing is renewed",
                is_masked ? "masked" : "not enabled");
    finding_remedy(f, "%ssystemctl enable --now " TIMER,
                   is_masked ? "systemctl unmask " TIMER " && " : "");
}
