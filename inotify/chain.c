/* chain.c: path_resolution(7), step by step. */
#include "inotify/chain.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* On the way. */
struct way {
    char directory[PATH_MAX]; /* where we are, without links; "" is / */
    char rest[PATH_MAX];      /* what is still to be looked up */
    int links;
};

/* Cuts the first name off the rest. False at the end. */
static bool
next_name(struct way *w, char name[static NAME_MAX + 1])
{
    const char *start = w->rest + strspn(w->rest, "/");
    size_t size = strcspn(start, "/");

    if (size == 0 || size > NAME_MAX)
        return false;
    memcpy(name, start, size);
    name[size] = '\0';
    start += size;
    start += strspn(start, "/");
    memmove(w->rest, start, strlen(start) + 1);
    return true;
}

static void
leave_directory(struct way *w)
{
    char *slash = strrchr(w->directory, '/');

    if (slash != NULL)
        *slash = '\0';
}

/* Puts what a link says in front of the rest. False where the kernel would not follow it, either.
 */
static bool
follow(struct way *w, const char *link)
{
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t size = readlink(link, target, sizeof(target) - 1);
    int made = 0;

    if (size <= 0 || ++w->links > CHAIN_LINKS_MAX)
        return false;
    target[size] = '\0';
    made = snprintf(rest, sizeof(rest), "%s/%s", target, w->rest);
    if (made < 0 || (size_t)made >= sizeof(rest))
        return false;
    if (target[0] == '/')
        w->directory[0] = '\0';
    memcpy(w->rest, rest, (size_t)made + 1);
    return true;
}

/* Enters what has that name. False: the way ends here. */
static bool
enter(struct way *w, const char *name)
{
    char path[PATH_MAX];
    struct stat s = {0};
    int made = snprintf(path, sizeof(path), "%s/%s", w->directory, name);

    if (made < 0 || (size_t)made >= sizeof(path) || lstat(path, &s) < 0)
        return false;
    if (S_ISLNK(s.st_mode))
        return follow(w, path);
    if (!S_ISDIR(s.st_mode))
        return false;
    memcpy(w->directory, path, (size_t)made + 1);
    return true;
}

static const char *
place(const struct way *w)
{
    return w->directory[0] == '\0' ? "/" : w->directory;
}

bool
chain_walk(const char *path, chain_step *step, void *user, struct err *e)
{
    struct way w = {.links = 0};
    char name[NAME_MAX + 1];

    if (snprintf(w.rest, sizeof(w.rest), "%s", path) >= (int)sizeof(w.rest))
        return true; /* no file has such a name */
    while (next_name(&w, name)) {
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) {
            leave_directory(&w);
            continue;
        }
        if (!step(user, place(&w), name, w.rest[0] == '\0', e))
            return false;
        if (!enter(&w, name))
            return true;
    }
    return step(user, place(&w), NULL, true, e);
}
