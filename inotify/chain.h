/* chain.h: the way from / to a file, through every symbolic link. */
#ifndef PGCERT_INOTIFY_CHAIN_H
#define PGCERT_INOTIFY_CHAIN_H

#include "base/err.h"

#include <stdbool.h>

#define CHAIN_LINKS_MAX 40 /* as many as the kernel follows (path_resolution(7)) */

/* What matters of a directory on the way. A directory with many other names in it, as /tmp, is
 * mostly only passed, and what becomes of those is not heard. */
enum chain_part {
    CHAIN_PASSED, /* what becomes of itself */
    CHAIN_NAME,   /* what becomes of a name in it: a link, or nothing is there */
    CHAIN_FILE,   /* and what becomes of its contents: the way ends in it */
    CHAIN_ALL,    /* what becomes of all names: the way ends in the directory */
};

/*
 * One step.
 *
 * Takes:  directory  without symbolic links
 *         name       for CHAIN_NAME and CHAIN_FILE; else NULL
 */
typedef bool chain_step(void *user, enum chain_part part, const char *directory, const char *name,
                        struct err *e);

/*
 * Goes the way, and calls step() before the look at a name that counts, so that a watch which it
 * sets is there before that. The way ends early where something is missing or cannot be entered:
 * whatever makes it passable happens to a name that was told.
 *
 * Takes:  path  absolute
 * Errors: those of step()
 */
MUST_USE bool chain_walk(const char *path, chain_step *step, void *user, struct err *e);

#endif
