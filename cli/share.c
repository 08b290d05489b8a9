/* share.c: modes and groups of what is stored, where a group may read it. */
#include "cli/share.h"

#include "base/child.h"
#include "base/file.h"
#include "base/log.h"
#include "base/store.h"
#include "cli/proofs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPENING (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

bool
share_begin(const struct settings *s, struct err *e)
{
    const struct group *g = NULL;

    store_share((gid_t)-1);
    if (s->deploy_group == NULL)
        return true;
    g = getgrnam(s->deploy_group);
    if (g == NULL)
        return err_set(e, ERR_CONFIG,
                       "[pgcert] deploy_group = %s: there is no such group; try: systemd-sysusers; "
                       "or leave it empty, and one user obtains and deploys",
                       s->deploy_group);
    store_share(g->gr_gid);
    return true;
}

bool
share_is_member(void)
{
    return store_group() != (gid_t)-1 && file_has_group(store_group());
}

/* ---- the directory itself ---- */

/* Of root's, and just made: who may rename in the directory above could have put another one there.
 */
static bool
give_away(const char *path, const struct passwd *owner, struct err *e)
{
    own_fd int fd = open(path, OPENING | O_DIRECTORY);
    struct stat s = {0};

    if (fd < 0 || fstat(fd, &s) < 0)
        return err_errno(e, "open the state directory '%s'", path);
    if (s.st_uid != 0 || (s.st_mode & 07777) != 0700 || s.st_nlink > 2)
        return err_set(e, ERR_PERMISSION,
                       "'%s' was changed by somebody else while it was made; use a directory that "
                       "is root's all the way up",
                       path);
    return fchown(fd, owner->pw_uid, store_group()) == 0 ||
           err_errno(e, "give the state directory '%s' to '%s'", path, owner->pw_name);
}

/* What is above is for everybody to go through. */
static bool
make_parents(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    own_mem char *above =
        slash == NULL || slash == path ? NULL : strndup(path, (size_t)(slash - path));

    return above == NULL || file_make_directory(above, 0755, e);
}

bool
share_make_state(const struct settings *s, struct err *e)
{
    const struct passwd *owner = s->deploy_group == NULL ? NULL : getpwnam(s->deploy_group);
    struct stat about = {0};

    if (lstat(s->state, &about) == 0)
        return true;
    return make_parents(s->state, e) && file_make_directory(s->state, 0700, e) &&
           (owner == NULL || !child_is_root() || give_away(s->state, owner, e));
}

/* ---- what is in it ---- */

/* Gives one thing what it is to have, where it has not. What is not there is no error. */
static bool
settle(int at, const char *name, struct file_access access, struct err *e)
{
    own_fd int fd = openat(at, name, OPENING);

    if (fd < 0 && (errno == ENOENT || errno == ELOOP))
        return true;
    if (fd >= 0 && file_give(fd, access))
        return true;
    if (errno != EPERM || access.group == (gid_t)-1)
        return err_errno(e, "set the mode of '%s' in the state directory", name);
    return err_set(e, ERR_PERMISSION,
                   "user %u, who owns the state directory, is no member of group %u, to which "
                   "[pgcert] deploy_group gives '%s'",
                   (unsigned)geteuid(), (unsigned)access.group, name);
}

static bool
is_generation(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';
}

static bool
is_any(const char *name)
{
    return name[0] != '.';
}

typedef bool visit(int at, const char *path, struct err *e);

/* Does something to each directory in a directory that has such a name, then to itself; to itself
 * first where it is to become private. */
static bool
each(const char *path, bool (*is_wanted)(const char *), visit *inside, struct err *e)
{
    own_fd int fd = open(path, OPENING | O_DIRECTORY);
    own_list struct list names = {0};
    bool is_private = store_group() == (gid_t)-1;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || err_errno(e, "open '%s'", path);
    if (is_private && !settle(fd, ".", store_access(true), e))
        return false;
    if (!file_list(path, is_wanted, &names, e))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        own_mem char *below = str_format("%s/%s", path, names.items[i]);

        if (below == NULL)
            return err_memory(e);
        if (!inside(fd, below, e))
            return false;
    }
    return is_private || settle(fd, ".", store_access(true), e);
}

static bool
settle_generation(int at, const char *path, struct err *e)
{
    static const char *const files[] = {"key.pem", "chain.pem", "about.json"};
    own_fd int fd = openat(at, strrchr(path, '/') + 1, OPENING | O_DIRECTORY);

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || err_errno(e, "open '%s'", path);
    for (size_t i = 0; i < COUNT(files); i++)
        if (!settle(fd, files[i], store_access(false), e))
            return false;
    return settle(fd, ".", store_access(true), e);
}

static bool
settle_certificate(int at, const char *path, struct err *e)
{
    own_mem char *state = str_format("%s/state.json", strrchr(path, '/') + 1);
    struct stat s = {0};

    if (state == NULL)
        return err_memory(e);
    if (lstat(path, &s) < 0 || !S_ISDIR(s.st_mode))
        return true;
    return settle(at, state, store_access(false), e) &&
           each(path, is_generation, settle_generation, e);
}

/* It hides what is below STATE while that is private, and so may have had another mode. */
static bool
settle_private(int state, struct err *e)
{
    static const char *const names[] = {"accounts", "records", "orders", "imported"};

    for (size_t i = 0; i < COUNT(names); i++)
        if (!settle(state, names[i], (struct file_access){0700, (gid_t)-1}, e))
            return false;
    return true;
}

static bool
has(int at, const char *name, mode_t mode, gid_t group)
{
    struct stat s = {0};

    return fstatat(at, name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
           (!S_ISDIR(s.st_mode) || ((s.st_mode & 0777) == mode && s.st_gid == group));
}

/* Can a member of the group work there? Or, where nothing is shared, is it private? */
static bool
is_open(int state)
{
    struct file_access wanted = store_access(true);
    struct stat s = {0};

    if (wanted.group == (gid_t)-1)
        return fstatat(state, PROOFS_DIRECTORY, &s, AT_SYMLINK_NOFOLLOW) < 0;
    return has(state, PROOFS_DIRECTORY, 0770, wanted.group) &&
           has(state, ".", wanted.mode, wanted.group) &&
           has(state, "certificates", wanted.mode, wanted.group);
}

/* The directory of a certificate is the last thing in it to be given its mode, so it tells that the
 * rest has it; those above may have been made by others (tmpfiles.d(5)). */
static bool
is_settled(int state, const char *certificates)
{
    struct file_access wanted = store_access(true);
    own_fd int all = open(certificates, OPENING | O_DIRECTORY);
    own_list struct list names = {0};
    struct err ignored = {0};

    if (wanted.group == (gid_t)-1)
        return is_open(state);
    if (!is_open(state) || all < 0 || !file_list(certificates, is_any, &names, &ignored))
        return false;
    for (size_t i = 0; i < names.count; i++)
        if (!has(all, names.items[i], wanted.mode, wanted.group))
            return false;
    return true;
}

/* What is remembered there is taken along by state.c, for one certificate after the other. */
static bool
close_targets(int state, const char *path, struct err *e)
{
    if (!settle(state, PROOFS_DIRECTORY, (struct file_access){0700, (gid_t)-1}, e))
        return false;
    file_remove_temporaries(path);
    (void)unlinkat(state, PROOFS_DIRECTORY, AT_REMOVEDIR); /* when it is empty */
    return true;
}

/* What is made in targets is to be the group's, though who deploys may not be allowed fchown(2). */
static void
give_bit(int state)
{
    struct stat s = {0};

    if (fstatat(state, PROOFS_DIRECTORY, &s, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(s.st_mode) ||
        s.st_gid != store_group() || (s.st_mode & S_ISGID) != 0 ||
        fchmodat(state, PROOFS_DIRECTORY, 02770, 0) == 0)
        return;
    log_say(LOG_LEVEL_WARNING,
            "the directory '" PROOFS_DIRECTORY "' of the state directory has no set-group-ID bit, "
            "and this sandbox cannot set it: as root, systemd-tmpfiles --create");
}

bool
share_settle(const struct settings *s, struct err *e)
{
    own_mem char *certificates = str_format("%s/certificates", s->state);
    own_mem char *targets = str_format("%s/" PROOFS_DIRECTORY, s->state);
    own_fd int state = open(s->state, OPENING | O_DIRECTORY);
    bool is_shared = store_group() != (gid_t)-1;

    if (certificates == NULL || targets == NULL)
        return err_memory(e);
    if (state < 0)
        return err_errno(e, "open the state directory '%s'", s->state);
    if (is_shared)
        give_bit(state);
    if (is_settled(state, certificates))
        return true;
    if (!is_shared && !settle(state, ".", store_access(true), e))
        return false;
    if ((is_shared &&
         (!file_make_directory(certificates, 0700, e) || !file_make_directory(targets, 0700, e))) ||
        !settle_private(state, e) || !each(certificates, is_any, settle_certificate, e))
        return false;
    if (!is_shared)
        return close_targets(state, targets, e);
    if (!settle(state, PROOFS_DIRECTORY, (struct file_access){0770, store_group()}, e))
        return false;
    give_bit(state);
    return settle(state, ".", store_access(true), e);
}

bool
share_check(const struct settings *s, struct err *e)
{
    own_fd int fd = open(s->state, OPENING | O_DIRECTORY);

    if (fd < 0 && errno != EACCES)
        return err_errno(e, "open the state directory '%s'", s->state);
    return (fd >= 0 && is_open(fd)) ||
           err_set(e, ERR_BUSY,
                   "the state directory '%s' is not shared with group '%s' yet; who renews does "
                   "that: pgcert renew",
                   s->state, s->deploy_group);
}

bool
share_lock(const struct settings *s, int64_t wait_ms, int *fd, struct err *e)
{
    own_mem char *path = str_format("%s/" PROOFS_DIRECTORY, s->state);

    return path == NULL ? err_memory(e) : file_lock_directory(path, wait_ms, fd, e);
}
