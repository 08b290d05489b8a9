/* directories.c: inotify(7), and who wants to know what. */
#include "inotify/directories.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define READ_SIZE 65536  /* some thousand events */
#define READS_AT_ONCE 64 /* who writes without end does not keep us from all else */

#define ITSELF (IN_DELETE_SELF | IN_MOVE_SELF)
#define NAMES (ITSELF | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB)

static const uint32_t masks[] = {
    [CHAIN_PASSED] = ITSELF,
    [CHAIN_NAME] = NAMES,
    [CHAIN_FILE] = NAMES | IN_MODIFY | IN_CLOSE_WRITE,
    [CHAIN_ALL] = NAMES,
};

struct hook {
    uint32_t name; /* NONE, ANY, or a digest: to hear once too often does no harm */
    void *owner;
};

enum { NONE, ANY, FIRST_DIGEST };

/* FNV-1a. */
static uint32_t
digest(const char *name)
{
    uint32_t sum = 2166136261U;

    for (const char *c = name; *c != '\0'; c++)
        sum = (sum ^ (unsigned char)*c) * 16777619U;
    return sum < FIRST_DIGEST ? FIRST_DIGEST : sum;
}

bool
directories_init(struct directories *d, struct err *e)
{
    *d = (struct directories){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (d->fd >= 0)
        return true;
    if (errno == EMFILE)
        return err_set(e, ERR_SYSTEM,
                       "watch files: this user has all the inotify instances that it may have; "
                       "try: sysctl fs.inotify.max_user_instances=512");
    return err_errno(e, "watch files");
}

/* The place of that number, or where it belongs. */
static size_t
place_of(const struct directories *d, int number)
{
    size_t from = 0, until = d->count;

    while (from < until) {
        size_t middle = from + (until - from) / 2;

        if (d->items[middle].number < number)
            from = middle + 1;
        else
            until = middle;
    }
    return from;
}

static struct directory *
find(const struct directories *d, int number)
{
    size_t at = place_of(d, number);

    return at < d->count && d->items[at].number == number ? &d->items[at] : NULL;
}

/* The entry of that number, made where it is new. NULL: out of memory. */
static struct directory *
find_or_make(struct directories *d, int number)
{
    struct directory *found = find(d, number);
    size_t at = place_of(d, number);

    if (found != NULL)
        return found;
    if (d->count == d->room) {
        size_t room = d->room == 0 ? 16 : d->room * 2;
        struct directory *items = reallocarray(d->items, room, sizeof(*items));

        if (items == NULL)
            return NULL;
        d->items = items;
        d->room = room;
    }
    memmove(&d->items[at + 1], &d->items[at], (d->count - at) * sizeof(*d->items));
    d->items[at] = (struct directory){.number = number};
    d->count++;
    return &d->items[at];
}

static bool
add_hook(struct directory *one, uint32_t name, void *owner)
{
    if (one->count == one->room) {
        size_t room = one->room == 0 ? 2 : one->room * 2;
        struct hook *hooks = reallocarray(one->hooks, room, sizeof(*hooks));

        if (hooks == NULL)
            return false;
        one->hooks = hooks;
        one->room = room;
    }
    one->hooks[one->count++] = (struct hook){name, owner};
    return true;
}

static void
forget(struct directories *d, struct directory *one)
{
    size_t at = (size_t)(one - d->items);

    free(one->hooks);
    d->count--;
    memmove(one, one + 1, (d->count - at) * sizeof(*one));
}

bool
directories_add(struct directories *d, enum chain_part part, const char *directory,
                const char *name, void *owner, int *number, struct err *e)
{
    uint32_t mask = masks[part] | IN_MASK_ADD | IN_ONLYDIR | IN_DONT_FOLLOW;
    uint32_t heard = part == CHAIN_ALL ? ANY : name == NULL ? NONE : digest(name);
    struct directory *one = NULL;

    *number = inotify_add_watch(d->fd, directory, mask);
    if (*number < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
        return err_set(e, ERR_BUSY, "'%s' is gone", directory);
    if (*number < 0) {
        int kept = errno;

        (void)err_errno(e, "watch '%s'", directory);
        errno = kept;
        return false;
    }
    one = find_or_make(d, *number);
    return (one != NULL && add_hook(one, heard, owner)) || err_memory(e);
}

void
directories_drop(struct directories *d, int number, const void *owner)
{
    struct directory *one = find(d, number);

    for (size_t i = 0; one != NULL && i < one->count; i++) {
        if (one->hooks[i].owner != owner)
            continue;
        one->count--;
        memmove(&one->hooks[i], &one->hooks[i + 1], (one->count - i) * sizeof(*one->hooks));
        break;
    }
    if (one == NULL || one->count > 0)
        return;
    (void)inotify_rm_watch(d->fd, number);
    forget(d, one);
}

/* ---- hearing ---- */

/* What becomes of the directory itself has no name, and all hear of it. */
static void
tell(const struct directory *one, const struct inotify_event *event, directories_hear *hear,
     void *user)
{
    bool all = event->len == 0;
    uint32_t wanted = all ? NONE : digest(event->name);

    for (size_t i = 0; i < one->count; i++)
        if (all || one->hooks[i].name == wanted || one->hooks[i].name == ANY)
            hear(user, one->hooks[i].owner);
}

static void
hand_out(struct directories *d, const struct inotify_event *event, directories_hear *hear,
         void *user, bool *lost)
{
    struct directory *one = find(d, event->wd);

    if ((event->mask & IN_Q_OVERFLOW) != 0)
        *lost = true;
    if (one == NULL)
        return; /* it was watched when this happened */
    tell(one, event, hear, user);
    if ((event->mask & IN_IGNORED) != 0)
        forget(d, one);
}

bool
directories_read(struct directories *d, directories_hear *hear, void *user, bool *lost,
                 struct err *e)
{
    own_mem char *events = malloc(READ_SIZE);

    *lost = false;
    if (events == NULL)
        return err_memory(e);
    for (int i = 0; i < READS_AT_ONCE; i++) {
        ssize_t size = read(d->fd, events, READ_SIZE);

        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (size <= 0)
            return err_errno(e, "hear of changed files");
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event =
                (const void *)(events + at); /* aligned: inotify(7) */

            hand_out(d, event, hear, user, lost);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
    return true;
}

void
directories_done(struct directories *d)
{
    for (size_t i = 0; i < d->count; i++)
        free(d->items[i].hooks);
    free(d->items);
    own_fd_drop(&d->fd);
    *d = (struct directories){.fd = -1};
}
