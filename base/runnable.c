/* runnable.c: who can change a program, each directory above it, and the way that leads there. */
#include "base/runnable.h"

#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* path_resolution(7) */

/* A directory in which everybody may write is good when it is sticky, as /tmp is. */
static bool
is_safe(const struct stat *s, uid_t user)
{
    bool others_write = (s->st_mode & (S_IWGRP | S_IWOTH)) != 0;
    bool is_sticky = S_ISDIR(s->st_mode) && (s->st_mode & S_ISVTX) != 0;

    return (s->st_uid == 0 || s->st_uid == user) && (!others_write || is_sticky);
}

static bool
check_place(const char *path, uid_t user, struct err *e)
{
    struct stat s = {0};

    if (stat(path, &s) < 0)
        return err_errno(e, "look at '%s'", path);
    return is_safe(&s, user) ||
           err_set(e, ERR_PERMISSION,
                   "others than root and user %u can change '%s', so that it is not run; try: "
                   "chown root '%s' && chmod go-w '%s'",
                   (unsigned)user, path, path, path);
}

/* ---- the way as it is written ---- */

/* A link may lead elsewhere tomorrow, if somebody else made it. */
static bool
check_link(const char *path, const struct stat *s, uid_t user, struct err *e)
{
    return s->st_uid == 0 || s->st_uid == user ||
           err_set(e, ERR_PERMISSION,
                   "the symbolic link '%s' belongs to user %u, who is neither root nor user %u, so "
                   "that it is not followed; name the program by its real path",
                   path, (unsigned)s->st_uid, (unsigned)user);
}

/* In place of the link, which ends *path at `end`, what it says. */
static bool
replace_link(char **path, const char *link, const char *end, struct err *e)
{
    char target[PATH_MAX];
    ssize_t size = readlink(link, target, sizeof(target) - 1);
    const char *name = strrchr(link, '/');
    int directory = name == NULL ? 0 : (int)(name - link) + 1;
    char *next = NULL;

    if (size <= 0)
        return err_errno(e, "read the link '%s'", link);
    target[size] = '\0';
    next = target[0] == '/' ? str_format("%s%s", target, end)
                            : str_format("%.*s%s%s", directory, link, target, end);
    if (next == NULL)
        return err_memory(e);
    free(*path);
    *path = next;
    return true;
}

/* Judges name after name, up to the first link, which is replaced. */
static bool
check_names(char **path, uid_t user, bool *has_link, struct err *e)
{
    const char *end = *path;

    *has_link = false;
    while (*end != '\0') {
        own_mem char *place = NULL;
        struct stat s = {0};

        end += strspn(end, "/");
        end += strcspn(end, "/");
        place = strndup(*path, (size_t)(end - *path));
        if (place == NULL)
            return err_memory(e);
        if (lstat(place, &s) < 0)
            return err_errno(e, "look at '%s'", place);
        if (!S_ISLNK(s.st_mode)) {
            if (!check_place(place, user, e))
                return false;
            continue;
        }
        *has_link = true;
        return check_link(place, &s, user, e) && replace_link(path, place, end, e);
    }
    return true;
}

static bool
check_way(const char *path, uid_t user, struct err *e)
{
    own_mem char *way = strdup(path);
    bool has_link = true;

    if (way == NULL)
        return err_memory(e);
    for (int links = 0; has_link; links++) {
        if (links > LINKS_MAX)
            return err_set(e, ERR_CONFIG, "'%s': too many symbolic links", path);
        if (!check_names(&way, user, &has_link, e))
            return false;
    }
    return true;
}

/* ---- all of it ---- */

bool
runnable_check(const char *path, uid_t user, char **resolved, struct err *e)
{
    own_mem char *real = realpath(path, NULL);
    own_mem char *place = NULL;
    struct stat s = {0};

    if (real == NULL && (errno == ENOENT || errno == ENOTDIR))
        return err_set(e, ERR_CONFIG, "there is no program '%s'", path);
    if (real == NULL || stat(real, &s) < 0)
        return err_errno(e, "look at '%s'", path);
    if (!S_ISREG(s.st_mode))
        return err_set(e, ERR_CONFIG, "'%s' is not a program", path);
    if (!check_way(path, user, e))
        return false;
    place = strdup(real);
    if (place == NULL)
        return err_memory(e);
    while (place[0] != '\0') {
        if (!check_place(place, user, e))
            return false;
        *strrchr(place, '/') = '\0';
    }
    if (!check_place("/", user, e))
        return false;
    *resolved = TAKE(real);
    return true;
}
