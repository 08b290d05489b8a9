/* reader.c: follow a path as the kernel would, and see who owns each step of it. */
#include "base/reader.h"

#include "base/child.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel has it: path_resolution(7) */
#define READ_MS 10000

/* ---- who decides ---- */

/* The way to a file. */
struct way {
    char done[PATH_MAX]; /* without any link; "" is the root directory */
    char rest[PATH_MAX]; /* still to be followed */
    int links;
};

/* The next word of the rest; false at its end. */
static bool
next_word(struct way *w, char word[static NAME_MAX + 1], struct err *e)
{
    const char *begin = w->rest + strspn(w->rest, "/");
    size_t size = strcspn(begin, "/");

    word[0] = '\0';
    if (size > NAME_MAX)
        return err_set(e, ERR_INPUT, "a name in the path is too long");
    memcpy(word, begin, size);
    word[size] = '\0';
    memmove(w->rest, begin + size, strlen(begin + size) + 1);
    return true;
}

static bool
append(char path[static PATH_MAX], const char *first, const char *second, struct err *e)
{
    own_mem char *both = str_format("%s/%s", first, second);

    if (both == NULL)
        return err_memory(e);
    if (strlen(both) >= PATH_MAX)
        return err_set(e, ERR_INPUT, "the path is too long");
    memcpy(path, both, strlen(both) + 1);
    return true;
}

/* A link that is root's leads on. */
static bool
follow(struct way *w, const char *link, struct err *e)
{
    char target[PATH_MAX];
    ssize_t size = readlink(link, target, sizeof(target) - 1);

    if (size < 0)
        return err_errno(e, "follow '%s'", link);
    if (++w->links > LINKS_MAX)
        return err_set(e, ERR_SYSTEM, "follow '%s': the links go in circles", link);
    target[size] = '\0';
    if (target[0] == '/')
        w->done[0] = '\0';
    return append(w->rest, target, w->rest, e);
}

/* Where others may put names a link or a file may be one that they have put there: root's own, by a
 * hard link. A directory cannot be linked. */
static bool
judge_parent(const struct way *w, const char *path, const struct stat *s, struct err *e)
{
    const char *directory = w->done[0] == '\0' ? "/" : w->done;
    struct stat parent = {0};
    bool is_kept = false;

    if (lstat(directory, &parent) < 0)
        return err_errno(e, "look at '%s'", directory);
    is_kept = (parent.st_mode & S_ISVTX) != 0 && S_ISDIR(s->st_mode);
    return (parent.st_mode & (S_IWGRP | S_IWOTH)) == 0 || is_kept ||
           err_set(e, ERR_PERMISSION,
                   "root will not read '%s': others than root can change what is in '%s'; try: "
                   "chmod go-w '%s'",
                   path, directory, directory);
}

/* One step; *user is not 0 when it is somebody's, and the way is his from there on. */
static bool
step(struct way *w, const char *word, uid_t *user, struct err *e)
{
    char path[PATH_MAX];
    struct stat s = {0};

    if (strcmp(word, ".") == 0)
        return true;
    if (strcmp(word, "..") == 0) {
        char *slash = strrchr(w->done, '/');

        if (slash != NULL)
            *slash = '\0';
        return true;
    }
    if (!append(path, w->done, word, e))
        return false;
    if (lstat(path, &s) < 0)
        return err_errno(e, "read '%s'", path);
    *user = s.st_uid;
    if (s.st_uid != 0)
        return true;
    if (!judge_parent(w, path, &s, e))
        return false;
    if (S_ISLNK(s.st_mode))
        return follow(w, path, e);
    memcpy(w->done, path, strlen(path) + 1);
    return true;
}

bool
reader_find(const char *path, uid_t *user, struct err *e)
{
    struct way w = {.links = 0};
    char word[NAME_MAX + 1], here[PATH_MAX] = "";

    if (path[0] != '/' && getcwd(here, sizeof(here)) == NULL)
        return err_errno(e, "find the working directory");
    if (!append(w.rest, here, path, e))
        return false;
    *user = 0;
    do {
        if (!next_word(&w, word, e) || (word[0] != '\0' && !step(&w, word, user, e)))
            return err_wrap(e, "'%s'", path);
    } while (word[0] != '\0' && *user == 0);
    return true;
}

/* ---- read ---- */

struct wanted {
    const char *path;
    size_t size_max;
};

static bool
read_it(void *argument, struct str *answer, struct err *e)
{
    const struct wanted *w = argument;

    return file_read(AT_FDCWD, w->path, w->size_max, answer, e);
}

static bool
read_secret(void *argument, struct str *answer, struct err *e)
{
    const struct wanted *w = argument;

    return file_read_secret(w->path, w->size_max, answer, e);
}

/* Ourselves, or as the one whose it is where that is another, and we may. */
static bool
read_named(child_task *task, const char *path, size_t size_max, struct str *out, struct err *e)
{
    struct wanted w = {path, size_max};
    struct err ignored = {0};
    uid_t user = 0;

    if (!child_may_switch() || !reader_find(path, &user, &ignored) || user == 0)
        return task(&w, out, e);
    return child_run_as(user, task, &w, READ_MS, out, e) ||
           err_wrap(e, "as user %u, to whom the way to it belongs", (unsigned)user);
}

bool
reader_read_secret(const char *path, size_t size_max, struct str *out, struct err *e)
{
    return read_named(read_secret, path, size_max, out, e);
}

bool
reader_read_named(const char *path, size_t size_max, struct str *out, struct err *e)
{
    return read_named(read_it, path, size_max, out, e);
}

bool
reader_read(const char *told_by, const char *path, size_t size_max, struct str *out, struct err *e)
{
    struct wanted w = {path, size_max};
    uid_t user = geteuid();
    const char *his = told_by;

    if (user == 0 && !reader_find(told_by, &user, e))
        return false;
    if (user == 0 && geteuid() == 0) {
        his = path;
        if (!reader_find(path, &user, e))
            return false;
    }
    if (child_run_as(user, read_it, &w, READ_MS, out, e))
        return true;
    return user == geteuid()
               ? false
               : err_wrap(e, "as user %u, to whom the way to '%s' belongs", (unsigned)user, his);
}
