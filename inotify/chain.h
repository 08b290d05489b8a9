/* chain.h: the way from / to a file, through every symbolic link. */
#ifndef PGCERT_INOTIFY_CHAIN_H
#define PGCERT_INOTIFY_CHAIN_H

#include "base/err.h"

#include <stdbool.h>

#define CHAIN_LINKS_MAX 40 /* as many as the kernel follows (path_resolution(7)) */

/*
 * One step: that name is looked up in that directory.
 *
 * Takes:  directory  without symbolic links
 *         name       NULL: the way ends in the directory itself
 *         is_last    nothing follows the name, unless it is a link
 */
typedef bool chain_step(void *user, const char *directory, const char *name, bool is_last,
                        struct err *e);

/*
 * Goes the way, and calls step() before each look at a name, so that a watch which it sets is there
 * before that. The way ends early where something is missing or cannot be entered: whatever makes
 * it passable happens to a name that was told.
 *
 * Takes:  path  absolute
 * Errors: those of step()
 */
MUST_USE bool chain_walk(const char *path, chain_step *step, void *user, struct err *e);

#endif
