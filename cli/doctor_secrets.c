/* doctor_secrets.c: who else may read the secrets: files of the settings, keys in the state
 * directory. */
#include "base/file.h"
#include "base/landlock.h"
#include "base/store.h"
#include "base/syscalls.h"
#include "cli/doctor.h"
#include "cli/share.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS_MAX 256
#define MODE_TEXT "mode %04o"

/* ---- files that the settings name ---- */

/* Settings that name a file and are no secret, or a file which is made when it is needed; all
 * others that end so name a secret that must be there. */
static const struct {
    const char *name;
    bool is_public;
} others[] = {
    {"ca_file", true},      {"trust_file", true},  {"chain_file", true},
    {"metrics_file", true}, {"state_file", false}, {"accounts_file", false},
};

static bool
names_file(const char *setting, bool *may_be_missing)
{
    size_t size = strlen(setting);

    *may_be_missing = false;
    if (size < 6 || strcmp(setting + size - 5, "_file") != 0)
        return false;
    for (size_t i = 0; i < COUNT(others); i++) {
        if (strcmp(others[i].name, setting) != 0)
            continue;
        *may_be_missing = true;
        return !others[i].is_public;
    }
    return true;
}

static bool
is_in_group(const struct passwd *user, gid_t group)
{
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;

    if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
        return true;
    for (int i = 0; i < count; i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* May the user read it, as far as its mode says? */
static bool
may_read(const struct passwd *user, const struct stat *s)
{
    if (user == NULL || user->pw_uid == 0)
        return true;
    if (s->st_uid == user->pw_uid)
        return (s->st_mode & S_IRUSR) != 0;
    return (s->st_mode & S_IRGRP) != 0 && is_in_group(user, s->st_gid);
}

/* The key that another tool renews, which is root's mostly and stays so: that tool's hook runs as
 * root. */
static bool
is_of_tool(const struct conf_section *s, const struct conf_value *v)
{
    return strcmp(s->kind, "issuer") == 0 && strcmp(v->name, "key_file") == 0;
}

/* The user as whom pgcert works may not read it. */
static void
find_shut(const struct conf_section *s, const struct conf_value *v, const struct passwd *user,
          struct findings *f)
{
    if (is_of_tool(s, v)) {
        finding_add(f, FINDING_NOTE, v->text,
                    "[%s %s] %s names it, and user '%s' may not read it: what is new there is "
                    "taken over by root only",
                    s->kind, s->name, v->name, user->pw_name);
        finding_remedy(f, "have the tool that renews it call, as root: pgcert hook; for certbot: "
                          "pgcert setup --certbot-hook");
        return;
    }
    finding_add(f, FINDING_BAD, v->text,
                "[%s%s%s] %s names it, and user '%s', as whom pgcert works, may not read it",
                s->kind, s->name[0] == '\0' ? "" : " ", s->name, v->name, user->pw_name);
    finding_remedy(f, "chown %s '%s'", user->pw_name, v->text);
}

static void
find_secret(const struct conf_section *s, const struct conf_value *v, const struct passwd *user,
            bool may_be_missing, struct findings *f)
{
    struct stat about = {0};
    struct err e = {0};

    if (strncmp(v->text, "credential:", 11) == 0 || v->text[0] == '\0')
        return;
    if (stat(v->text, &about) < 0) {
        if (errno == EACCES) {
            (void)err_errno(&e, "look at it");
            finding_unseen(f, v->text, &e);
        } else if (!may_be_missing) {
            finding_add(f, FINDING_BAD, v->text, "[%s%s%s] %s names it, and it cannot be found: %s",
                        s->kind, s->name[0] == '\0' ? "" : " ", s->name, v->name, strerror(errno));
            finding_remedy(f, "put it there, 0600; or correct %s:%d", v->file, v->line);
        }
        return;
    }
    if (!reload_takes_key(about.st_uid, about.st_mode, about.st_uid)) {
        finding_add(f, FINDING_BAD, v->text,
                    "[%s%s%s] %s names it, and others may read it (" MODE_TEXT
                    "): pgcert refuses it, and somebody may have it",
                    s->kind, s->name[0] == '\0' ? "" : " ", s->name, v->name,
                    about.st_mode & 07777);
        finding_remedy(f,
                       "chmod 0600 '%s'; and have a new secret made where others use this "
                       "machine",
                       v->text);
    } else if (!may_read(user, &about)) {
        find_shut(s, v, user, f);
    }
}

static void
find_in_section(const struct conf_section *s, const struct passwd *user, struct findings *f)
{
    struct config_tables all = config_tables(s);

    for (size_t t = 0; t < COUNT(all.tables) && all.tables[t] != NULL; t++)
        for (const struct option *o = all.tables[t]; o->name != NULL; o++) {
            const struct conf_value *v = conf_value_find(s, o->name);
            bool may_be_missing = false;

            if (v != NULL && o->type == OPTION_PATH && names_file(o->name, &may_be_missing))
                find_secret(s, v, user, may_be_missing, f);
        }
}

/* ---- keys that pgcert keeps ---- */

/* Stored for who deploys ([pgcert] deploy_group). */
static bool
is_shared(const char *path, const struct stat *s)
{
    return store_group() != (gid_t)-1 && s->st_gid == store_group() &&
           (s->st_mode & 0777) == store_access(false).mode &&
           strcmp(strrchr(path, '/'), "/key.pem") == 0;
}

static void
find_key(const char *path, const struct passwd *user, struct findings *f)
{
    struct stat s = {0};

    if (lstat(path, &s) < 0 || !S_ISREG(s.st_mode))
        return;
    if (!is_shared(path, &s) && (s.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        finding_add(f, FINDING_BAD, path, "others may read this private key (" MODE_TEXT ")%s",
                    s.st_mode & 07777,
                    reload_takes_key(s.st_uid, s.st_mode, s.st_uid)
                        ? ""
                        : ", and libpq refuses one like that");
        if (finding_is_quotable(path))
            finding_remedy(f, "chmod 0600 '%s'; then have it replaced, for somebody may have it",
                           path);
    } else if (user != NULL && s.st_uid != user->pw_uid) {
        finding_add(f, FINDING_BAD, path,
                    "it does not belong to '%s', who owns the state directory: the next run cannot "
                    "read it",
                    user->pw_name);
        if (finding_is_quotable(path))
            finding_remedy(f, "chown -h %s '%s'", user->pw_name, path);
    }
}

static bool
is_key_name(const char *name)
{
    static const char *const ends[] = {".key", ".pk8", ".p12", ".password", "key.pem"};
    size_t size = strlen(name);

    for (size_t i = 0; i < COUNT(ends); i++)
        if (size >= strlen(ends[i]) && strcmp(name + size - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

/* Looks at the keys below a directory, nested no deeper than `depth`. */
static void
find_keys(const char *directory, int depth, const struct passwd *user, struct findings *f)
{
    own_list struct list names = {0};
    struct err e = {0};

    if (!file_list(directory, NULL, &names, &e)) {
        finding_unseen(f, directory, &e);
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        own_mem char *path = str_format("%s/%s", directory, names.items[i]);
        struct stat s = {0};

        if (path == NULL || lstat(path, &s) < 0)
            continue;
        if (S_ISDIR(s.st_mode) && depth > 0)
            find_keys(path, depth - 1, user, f);
        else if (is_key_name(names.items[i]))
            find_key(path, user, f);
    }
}

static void
find_directory(const char *path, struct findings *f)
{
    struct stat s = {0};

    if (stat(path, &s) < 0 || (s.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return;
    finding_add(f, FINDING_BAD, path,
                "others may write there (" MODE_TEXT "), so they can put their own keys in place",
                s.st_mode & 07777);
    finding_remedy(f, "chmod go-w '%s'", path);
}

static void
unseen_state(const char *path, struct findings *f)
{
    struct err why = {0};

    (void)err_errno(&why, "look there");
    finding_unseen(f, path, &why);
}

/* Or the same; "/a-b" is not below "/a". */
static bool
is_below(const char *path, const char *directory)
{
    size_t size = strlen(directory);

    while (size > 0 && directory[size - 1] == '/')
        size--;
    return strncmp(path, directory, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* What its owner shares with us, or all of it. */
static void
find_state_keys(const struct settings *s, const struct passwd *owner, struct findings *f)
{
    own_mem char *shared = str_format("%s/certificates", s->state);
    bool is_guest = owner->pw_uid != geteuid() && share_is_member();

    if (shared != NULL)
        find_keys(is_guest ? shared : s->state, is_guest ? 2 : 3, owner, f);
}

/* Nothing fails for it, but keys are as open to whoever takes over a process as to its user. */
static void
find_confinement(struct findings *f)
{
    if (landlock_abi() == 0) {
        finding_add(f, FINDING_NOTE, "kernel",
                    "it has no Landlock, or it is switched off: the process that speaks with "
                    "issuers could read the keys of certificates if it were taken over");
        finding_remedy(f, "start the kernel with landlock in its parameter lsm=");
    }
    if (!syscalls_can()) {
        finding_add(f, FINDING_NOTE, "kernel",
                    "%s: no process of pgcert is kept from system calls that it does not need",
                    syscalls_kernel_can() ? "libseccomp is not here"
                                          : "it has no filters of system calls");
        finding_remedy(f, "install libseccomp, or a kernel with CONFIG_SECCOMP_FILTER");
    }
}

void
doctor_secrets(struct doctor *d, struct findings *f)
{
    const struct config *c = &d->app->config;
    const struct passwd *user = NULL;
    struct stat s = {0};
    struct err e = {0};

    if (!share_begin(&c->settings, &e))
        finding_add(f, FINDING_BAD, c->settings.state, "%s", e.text);
    if (stat(c->settings.state, &s) == 0)
        user = getpwuid(s.st_uid);
    else if (errno == EACCES)
        unseen_state(c->settings.state, f);
    for (size_t i = 0; i < c->conf.section_count; i++)
        find_in_section(&c->conf.sections[i], user, f);
    find_confinement(f);
    find_directory(c->settings.state, f);
    find_directory(c->ca.directory, f);
    if (user == NULL)
        return;
    find_state_keys(&c->settings, user, f);
    if (!is_below(c->ca.directory, c->settings.state))
        find_keys(c->ca.directory, 2, NULL, f);
}
