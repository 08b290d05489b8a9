/* runnable.c: who can change a program, and each directory above it. */
#include "base/runnable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
