/* landlock.c: a ruleset of what is allowed, made path by path. */
#include "base/landlock.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

/* Later than the headers of Debian 12 (include/uapi/linux/landlock.h). */
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define NET_BIND_TCP (UINT64_C(1) << 0)
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

/* What a file that is no directory may be allowed. */
#define FOR_FILES                                                                                  \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     FS_TRUNCATE | FS_IOCTL_DEV)
#define TO_READ                                                                                    \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* No device can be made. */
#define TO_WRITE                                                                                   \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |  \
     FS_TRUNCATE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |    \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define TO_USE                                                                                     \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

static const char *const devices[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                      "/dev/random", "/dev/urandom", "/dev/tty"};

/* struct landlock_ruleset_attr of ABI 6; an older kernel takes it while its end is 0. */
struct attributes {
    uint64_t fs, net, scoped;
};

/* What a version knows; a right that is not handled is not restricted. */
static struct attributes
handled_by(int abi, bool may_listen)
{
    struct attributes a = {.fs = LANDLOCK_ACCESS_FS_REFER - 1};

    if (abi >= 2)
        a.fs |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        a.fs |= FS_TRUNCATE;
    if (abi >= 4 && !may_listen)
        a.net = NET_BIND_TCP;
    if (abi >= 5)
        a.fs |= FS_IOCTL_DEV;
    if (abi >= 6)
        a.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    return a;
}

struct ruleset {
    int fd;
    uint64_t handled;
    struct list hidden; /* without links */
};

static void
ruleset_done(struct ruleset *r)
{
    own_fd_drop(&r->fd);
    list_done(&r->hidden);
}

int
landlock_abi(void)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi < 0 ? 0 : (int)abi;
}

/* ---- paths ---- */

/* Without links, also of what is not there yet; free() it. NULL: it cannot be followed. */
static char *
resolve(const char *path)
{
    char *real = realpath(path, NULL);
    const char *slash = strrchr(path, '/');
    own_mem char *parent = NULL;
    own_mem char *real_parent = NULL;

    if (real != NULL || errno != ENOENT || slash == NULL || slash == path)
        return real;
    parent = strndup(path, (size_t)(slash - path));
    real_parent = parent == NULL ? NULL : resolve(parent);
    return real_parent == NULL ? NULL : str_format("%s%s", real_parent, slash);
}

/* Is it that, or beneath it? */
static bool
is_within(const char *path, const char *root)
{
    size_t size = strlen(root);

    while (size > 0 && root[size - 1] == '/')
        size--;
    return strncmp(path, root, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static bool
is_hidden(const struct ruleset *r, const char *path)
{
    for (size_t i = 0; i < r->hidden.count; i++)
        if (is_within(path, r->hidden.items[i]))
            return true;
    return false;
}

/* Is something of what is hidden beneath it? */
static bool
hides(const struct ruleset *r, const char *path)
{
    for (size_t i = 0; i < r->hidden.count; i++)
        if (is_within(r->hidden.items[i], path))
            return true;
    return false;
}

/* ---- rules ---- */

/* What is not there, or is not ours to look at, needs no rule. */
static bool
add_rule(const struct ruleset *r, const char *path, uint64_t rights, struct err *e)
{
    own_fd int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & r->handled,
                                              .parent_fd = fd};
    struct stat s = {0};

    if (fd < 0 || fstat(fd, &s) < 0)
        return true;
    if (!S_ISDIR(s.st_mode))
        rule.allowed_access &= FOR_FILES;
    return syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) == 0 ||
           err_errno(e, "allow '%s'", path);
}

/* Landlock cannot take anything away from what is beneath; so, where something is hidden beneath,
 * its neighbours are allowed one by one. A link there is no file, and where it leads is met
 * elsewhere. */
static bool
allow(const struct ruleset *r, const char *path, uint64_t rights, struct err *e)
{
    own_list struct list entries = {0};
    struct err ignored = {0};
    bool is_root = strcmp(path, "/") == 0;

    if (is_hidden(r, path))
        return true;
    if (!hides(r, path) && !is_root)
        return add_rule(r, path, rights, e);
    if (!file_list(path, NULL, &entries, &ignored))
        return true;
    for (size_t i = 0; i < entries.count; i++) {
        own_mem char *inner = str_format("%s/%s", is_root ? "" : path, entries.items[i]);
        struct stat s = {0};

        if (inner == NULL)
            return err_memory(e);
        if ((is_root && strcmp(inner, "/dev") == 0) || lstat(inner, &s) < 0 || S_ISLNK(s.st_mode))
            continue;
        if (!allow(r, inner, rights, e))
            return false;
    }
    return true;
}

static bool
allow_all(const struct ruleset *r, const struct list *paths, uint64_t rights, struct err *e)
{
    for (size_t i = 0; paths != NULL && i < paths->count; i++) {
        own_mem char *real = realpath(paths->items[i], NULL);

        if (real != NULL && !allow(r, real, rights, e))
            return false;
    }
    return true;
}

static bool
hide_all(struct ruleset *r, const struct list *paths, struct err *e)
{
    for (size_t i = 0; paths != NULL && i < paths->count; i++) {
        own_mem char *real = resolve(paths->items[i]);

        /* to where we cannot walk we cannot open anything either */
        if (real == NULL && (errno == EACCES || errno == ENOTDIR || errno == ELOOP))
            continue;
        if (real == NULL)
            return err_errno(e, "look at '%s'", paths->items[i]);
        if (!list_add(&r->hidden, real))
            return err_memory(e);
    }
    return true;
}

static bool
fill(struct ruleset *r, const struct landlock *l, struct err *e)
{
    if (!hide_all(r, l->hidden, e) || !add_rule(r, "/", LANDLOCK_ACCESS_FS_READ_DIR, e))
        return false;
    for (size_t i = 0; i < COUNT(devices); i++)
        if (!add_rule(r, devices[i], TO_USE, e))
            return false;
    return allow_all(r, l->read, TO_READ, e) && allow_all(r, l->write, TO_WRITE | TO_READ, e);
}

bool
landlock_enter(const struct landlock *l, struct err *e)
{
    int abi = landlock_abi();
    const struct attributes a = handled_by(abi, l->may_listen);
    __attribute__((cleanup(ruleset_done))) struct ruleset r = {.fd = -1, .handled = a.fs};

    if (abi == 0) {
        log_debug("this kernel has no Landlock: the files of others are as open as before");
        return true;
    }
    r.fd = (int)syscall(SYS_landlock_create_ruleset, &a, sizeof(a), 0U);
    if (r.fd < 0)
        return err_errno(e, "make a Landlock ruleset");
    if (!fill(&r, l, e))
        return err_wrap(e, "restrict files by Landlock");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, r.fd, 0U) < 0)
        return err_errno(e, "restrict files by Landlock");
    return true;
}
