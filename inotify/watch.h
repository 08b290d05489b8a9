/* watch.h: notice that files have changed, when the change is over, and wait for it. The face of
 * the room.
 *
 * A thing is a number, and some paths that belong together: the files of one certificate, say. What
 * is reported is that the contents of one of them are others than before, however that came about:
 * written in place, renamed over, by a link anywhere on the way to it, by a directory that was
 * replaced, removed or came back.
 *
 * Source: inotify(7), sd-event(3), sd_notify(3)
 */
#ifndef PGCERT_INOTIFY_WATCH_H
#define PGCERT_INOTIFY_WATCH_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* ---- what has changed ---- */

#define WATCH_SIZE_MAX ((size_t)1024 * 1024) /* a larger file is looked at no further */
#define WATCH_BLIND_MS 30000                 /* how often what cannot be watched is looked at */

/* Does that name in a directory count? */
typedef bool watch_filter(const char *name);

struct watch_path {
    const char *path;        /* absolute */
    watch_filter *is_wanted; /* it is a directory, and counts are these names in it; NULL: a file */
};

struct watch;

#define own_watch __attribute__((cleanup(watch_free)))

/* Watches nothing yet. NULL and ERR_SYSTEM: no inotify instance is left, with what to do. */
MUST_USE struct watch *watch_new(struct err *e);

/*
 * Watches these paths for a thing from now on, and no others. What a path held that was there
 * before is still compared with; the contents of a new one are as they are now.
 *
 * Takes:  thing  small numbers, from 0; watched is by directory, so that many paths in one
 *                directory cost one of the user's watches
 * Errors: ERR_SYSTEM  out of memory, and nothing of it is watched any more; that no watch is left
 *                     is no error, see watch_is_short()
 */
MUST_USE bool watch_set(struct watch *w, size_t thing, const struct watch_path *paths, size_t count,
                        struct err *e);

/* Readable when something has happened. */
int watch_descriptor(const struct watch *w);

/* Takes in what has happened, when it is readable. Errors: ERR_SYSTEM */
MUST_USE bool watch_read(struct watch *w, int64_t now_ms, struct err *e);

/* When to call watch_take() again, steady milliseconds; -1: when it is readable. */
int64_t watch_due_ms(const struct watch *w);

/*
 * The next thing with changed contents, once the change is over.
 *
 * Gives:  path  the first of its paths that has changed; borrowed until watch_set()
 * Returns false when there is none any more.
 */
bool watch_take(struct watch *w, int64_t now_ms, size_t *thing, const char **path);

/* Whatever has happened to a thing so far was our own doing: it is no change. */
void watch_absorb(struct watch *w, size_t thing);

/* Why something had to be left unwatched, of several reasons the one that matters most: it is
 * looked at every WATCH_BLIND_MS, unless it may not be read. NULL: all is watched. */
const char *watch_is_short(const struct watch *w);

/* How many directories are watched. */
size_t watch_count(const struct watch *w);

void watch_free(struct watch **w);

/* ---- waiting ---- */

/* What is called when something comes. */
struct loop_handlers {
    void (*signal)(void *user, int number); /* SIGHUP, SIGINT, SIGTERM */
    void (*input)(void *user, int fd);      /* readable, or its other end is closed */
    void (*wake)(void *user);               /* what loop_wake_at() said */
};

struct loop;

#define own_loop __attribute__((cleanup(loop_free)))

/*
 * Blocks the signals, and answers systemd's watchdog where it wants that (WatchdogSec=).
 *
 * Takes:  handlers, user  borrowed
 * Errors: ERR_INTERNAL  libsystemd is missing; ERR_SYSTEM
 */
MUST_USE struct loop *loop_new(const struct loop_handlers *handlers, void *user, struct err *e);

/* From now on input() is called for that descriptor; until loop_ignore(). Errors: ERR_SYSTEM */
MUST_USE bool loop_hear(struct loop *l, int fd, struct err *e);
void loop_ignore(struct loop *l, int fd);

/* When wake() is called, once, steady milliseconds; -1: not at all. Errors: ERR_SYSTEM */
MUST_USE bool loop_wake_at(struct loop *l, int64_t at_ms, struct err *e);

/* Waits and calls until loop_end(). Errors: ERR_SYSTEM */
MUST_USE bool loop_run(struct loop *l, struct err *e);
void loop_end(struct loop *l);

/* The signals stay blocked. */
void loop_free(struct loop **l);

#endif
