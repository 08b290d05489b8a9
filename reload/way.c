/* way.c: resolve a path as the kernel does, and look at everything on the way. */
#include "reload/way.h"

#include "base/child.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WALK_MS 10000
#define LINKS_MAX 40 /* path_resolution(7) */
#define STEP (O_PATH | O_NOFOLLOW | O_CLOEXEC)

/* Where a walk is. */
struct walk {
    struct way *way;
    struct str real; /* "/srv/pg" of where it is; "" is the root */
    char *rest;      /* what is still to go */
    int fd;          /* of where it is */
    int links;
};

#define own_walk __attribute__((cleanup(walk_done)))

static void
walk_done(struct walk *w)
{
    str_done(&w->real);
    free(w->rest);
    own_fd_drop(&w->fd);
}

static void
stand_on(struct walk *w, int fd)
{
    own_fd_drop(&w->fd);
    w->fd = fd;
}

static const char *
where(const struct walk *w)
{
    return w->real.size == 0 ? "/" : w->real.text;
}

/* ---- whose it is ---- */

static bool
note(struct walk *w, const char *name, struct err *e)
{
    struct way *way = w->way;

    if (way->others == NULL)
        way->others = name == NULL ? strdup(where(w)) : str_format("%s/%s", w->real.text, name);
    return way->others != NULL || err_memory(e);
}

/* Who may write in a directory can put something else in place of what is in it; where the
 * directory is sticky (/tmp), only of what is his own. */
static bool
note_directory(struct walk *w, struct err *e)
{
    struct stat s = {0};

    if (fstat(w->fd, &s) < 0)
        return err_errno(e, "look at '%s'", where(w));
    return (s.st_uid == 0 &&
            ((s.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (s.st_mode & S_ISVTX) != 0)) ||
           note(w, NULL, e);
}

/* ---- one step ---- */

static bool
to_root(struct walk *w, struct err *e)
{
    stand_on(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    str_clear(&w->real);
    return (w->fd >= 0 || err_errno(e, "open '/'")) && (str_add(&w->real, "", 0) || err_memory(e));
}

static bool
to_parent(struct walk *w, struct err *e)
{
    int up = openat(w->fd, "..", STEP | O_DIRECTORY);
    const char *slash = w->real.size == 0 ? NULL : strrchr(w->real.text, '/');

    if (up < 0)
        return err_errno(e, "open '%s/..'", where(w));
    stand_on(w, up);
    if (slash != NULL) {
        w->real.size = (size_t)(slash - w->real.text);
        w->real.text[w->real.size] = '\0';
    }
    return true;
}

/* What the link says is gone first, then the rest. */
static bool
along_link(struct walk *w, int link, const char *name, const char *after, struct err *e)
{
    char target[PATH_MAX];
    ssize_t size = readlinkat(link, "", target, sizeof(target) - 1);
    char *rest = NULL;

    if (size <= 0)
        return err_errno(e, "read the link '%s/%s'", w->real.text, name);
    target[size] = '\0';
    if (++w->links > LINKS_MAX)
        return err_set(e, ERR_CONFIG, "'%s/%s': too many symbolic links", w->real.text, name);
    rest = str_format("%s/%s", target, after);
    if (rest == NULL)
        return err_memory(e);
    free(w->rest);
    w->rest = rest;
    return target[0] != '/' || to_root(w, e);
}

static bool
into(struct walk *w, const char *name, const char *after, struct err *e)
{
    own_fd int fd = openat(w->fd, name, STEP);
    struct stat s = {0};

    if (fd < 0 || fstat(fd, &s) < 0) {
        bool missing = errno == ENOENT;

        (void)err_errno(e, "open '%s/%s'", w->real.text, name);
        if (missing)
            e->code = ERR_CREATE;
        return false;
    }
    if (!note_directory(w, e))
        return false;
    if (S_ISLNK(s.st_mode))
        return (s.st_uid == 0 || note(w, name, e)) && along_link(w, fd, name, after, e);
    if (!S_ISDIR(s.st_mode))
        return err_set(e, ERR_CONFIG, "'%s/%s' is not a directory", w->real.text, name);
    if (!str_addf(&w->real, "/%s", name))
        return err_memory(e);
    stand_on(w, fd);
    fd = -1;
    return true;
}

static bool
step(struct walk *w, struct err *e)
{
    char *at = w->rest + strspn(w->rest, "/");
    size_t size = strcspn(at, "/");
    own_mem char *name = strndup(at, size);
    own_mem char *after = strdup(at + size);

    if (name == NULL || after == NULL)
        return err_memory(e);
    memmove(w->rest, at + size, strlen(at + size) + 1);
    if (size == 0 || strcmp(name, ".") == 0)
        return true;
    return strcmp(name, "..") == 0 ? to_parent(w, e) : into(w, name, after, e);
}

/* To its end, or to a directory into which we may not go: *shut is its owner then. */
static bool
walk(struct way *way, const char *path, uid_t *shut, struct err *e)
{
    own_walk struct walk w = {.way = way, .rest = strdup(path), .fd = -1};
    struct stat here = {0};
    struct err ignored = {0};

    if (w.rest == NULL)
        return err_memory(e);
    if (!to_root(&w, e))
        return false;
    while (*w.rest != '\0')
        if (!step(&w, e)) {
            if (e->code == ERR_PERMISSION && fstat(w.fd, &here) == 0 &&
                note_directory(&w, &ignored))
                *shut = here.st_uid;
            return false;
        }
    if (fstat(w.fd, &way->about) < 0)
        return err_errno(e, "look at '%s'", where(&w));
    way->directory = strdup(where(&w));
    return way->directory != NULL || err_memory(e);
}

/* ---- as another user ---- */

/* A data directory is its owner's alone, and so is the way to what is beneath it. */
static bool
walk_there(void *argument, struct str *answer, struct err *e)
{
    own_way struct way way = {0};
    uid_t shut = 0;

    if (!walk(&way, argument, &shut, e))
        return false;
    return (str_add(answer, (const char *)&way.about, sizeof(way.about)) &&
            str_add(answer, way.directory, strlen(way.directory) + 1) &&
            (way.others == NULL || str_add(answer, way.others, strlen(way.others) + 1))) ||
           err_memory(e);
}

/* What is beneath his directory he could lead elsewhere, and so it is noted by then. */
static bool
walk_as(uid_t user, struct way *way, const char *path, struct err *e)
{
    own_str struct str answer = {0};
    own_mem char *asked = strdup(path);
    const char *texts = NULL, *end = NULL;

    if (asked == NULL)
        return err_memory(e);
    if (!child_run_as(user, walk_there, asked, WALK_MS, &answer, e))
        return false;
    if (answer.size < sizeof(way->about) + 2 || answer.text[answer.size - 1] != '\0')
        return err_set(e, ERR_INTERNAL, "the answer about '%s' makes no sense", path);
    memcpy(&way->about, answer.text, sizeof(way->about));
    texts = answer.text + sizeof(way->about);
    end = answer.text + answer.size;
    way->directory = strdup(texts);
    texts += strlen(texts) + 1;
    if (way->others == NULL && texts < end)
        way->others = strdup(texts);
    return (way->directory != NULL && (texts == end || way->others != NULL)) || err_memory(e);
}

bool
way_find(struct way *way, const char *path, struct err *e)
{
    uid_t shut = geteuid();
    struct err again = {0};

    if (walk(way, path, &shut, e))
        return true;
    if (shut == geteuid() || shut == 0 || !child_may_switch())
        return false;
    if (walk_as(shut, way, path, &again)) {
        *e = (struct err){0};
        return true;
    }
    *e = again;
    return false;
}

/* ---- looking ---- */

struct look {
    int why;
    struct stat about;
};

static bool
look_there(void *argument, struct str *answer, struct err *e)
{
    struct look l = {.why = 0};

    if (lstat(argument, &l.about) < 0)
        l.why = errno;
    return str_add(answer, (const char *)&l, sizeof(l)) || err_memory(e);
}

bool
way_look(const char *path, struct stat *about)
{
    const char *slash = strrchr(path, '/');
    own_mem char *parent = slash == NULL ? NULL : strndup(path, (size_t)(slash - path) + 1);
    own_mem char *asked = strdup(path);
    own_way struct way way = {0};
    own_str struct str answer = {0};
    struct look l = {.why = EACCES};
    struct err ignored = {0};

    if (lstat(path, about) == 0)
        return true;
    if (errno != EACCES || !child_may_switch() || parent == NULL || asked == NULL)
        return false;
    if (way_find(&way, parent, &ignored) &&
        child_run_as(way.about.st_uid, look_there, asked, WALK_MS, &answer, &ignored) &&
        answer.size == sizeof(l))
        memcpy(&l, answer.text, sizeof(l));
    *about = l.about;
    errno = l.why;
    return l.why == 0;
}

/* ---- opening ---- */

/* A kernel before 5.6, or a container's filter of system calls that is older than this one. */
static bool
is_unknown(int why)
{
    return why == ENOSYS || why == EPERM;
}

/* The same without openat2(2): each name by itself. */
static int
open_each(int root, const char *directory)
{
    own_mem char *all = strdup(directory);
    own_fd int at = openat(root, ".", STEP | O_DIRECTORY);
    char *rest = NULL;

    if (all == NULL)
        return -1;
    for (char *name = strtok_r(all, "/", &rest); name != NULL && at >= 0;
         name = strtok_r(NULL, "/", &rest)) {
        int next = openat(at, name, STEP | O_DIRECTORY);

        own_fd_drop(&at);
        at = next;
    }
    return at < 0 ? -1 : openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool
way_open(const char *directory, int *fd, struct err *e)
{
    static const struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    own_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char *below = directory + strspn(directory, "/");
    long opened = -1;

    if (root < 0)
        return err_errno(e, "open '/'");
    opened = syscall(SYS_openat2, root, *below == '\0' ? "." : below, &how, sizeof(how));
    if (opened < 0 && is_unknown(errno))
        opened = open_each(root, below);
    if (opened < 0 && (errno == ELOOP || errno == ENOTDIR))
        return err_set(e, ERR_BUSY, "the directory '%s' is being changed by somebody", directory);
    if (opened < 0)
        return err_errno(e, "open the directory '%s'", directory);
    *fd = (int)opened;
    return true;
}

void
way_done(struct way *w)
{
    free(w->directory);
    free(w->others);
    *w = (struct way){0};
}
