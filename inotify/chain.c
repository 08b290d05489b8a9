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

static const char *
place(const struct way *w)
{
    return w->directory[0] == '\0' ? "/" : w->directory;
}

/* What has that name: its type, 0 when it cannot be known. Gives its path. */
static mode_t
look(const struct way *w, const char *name, char path[static PATH_MAX])
{
    struct stat s = {0};
    int made = snprintf(path, PATH_MAX, "%s/%s", w->directory, name);

    if (made < 0 || made >= PATH_MAX || lstat(path, &s) < 0)
        return 0;
    return s.st_mode & S_IFMT;
}

/* Looks a name up, and goes there. Gives is_over: the way ends here. */
static bool
pass(struct way *w, const char *name, bool *is_over, chain_step *step, void *user, struct err *e)
{
    char path[PATH_MAX];
    mode_t type = look(w, name, path);

    if (type != S_IFDIR) {
        /* first watched, then looked at: what happens in between is seen or heard */
        if (!step(user, w->rest[0] == '\0' ? CHAIN_FILE : CHAIN_NAME, place(w), name, e))
            return false;
        type = look(w, name, path);
    }
    *is_over = type != S_IFDIR && (type != S_IFLNK || !follow(w, path));
    if (type != S_IFDIR)
        return true;
    memcpy(w->directory, path, strlen(path) + 1);
    return step(user, CHAIN_PASSED, path, NULL, e);
}

bool
chain_walk(const char *path, chain_step *step, void *user, struct err *e)
{
    struct way w = {.links = 0};
    char name[NAME_MAX + 1];
    bool is_over = false;

    if (snprintf(w.rest, sizeof(w.rest), "%s", path) >= (int)sizeof(w.rest))
        return true; /* no file has such a name */
    while (!is_over && next_name(&w, name)) {
        if (strcmp(name, "..") == 0)
            leave_directory(&w);
        else if (strcmp(name, ".") != 0 && !pass(&w, name, &is_over, step, user, e))
            return false;
    }
    return is_over || step(user, CHAIN_ALL, place(&w), NULL, e);
}
