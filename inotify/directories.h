/* directories.h: one inotify watch for each directory, shared by all who ask for a name in it. */
#ifndef PGCERT_INOTIFY_DIRECTORIES_H
#define PGCERT_INOTIFY_DIRECTORIES_H

#include "base/err.h"
#include "inotify/chain.h"

#include <stddef.h>
#include <stdint.h>

struct hook; /* one name in one directory */

/* One watched directory. */
struct directory {
    int number; /* inotify's, each larger than those before */
    struct hook *hooks;
    size_t count, room;
};

/* All of them. */
struct directories {
    int fd; /* inotify's */
    struct directory *items;
    size_t count, room;
};

#define own_directories __attribute__((cleanup(directories_done)))

/* Errors: ERR_SYSTEM  the kernel has no inotify left for this user, with what to do */
MUST_USE bool directories_init(struct directories *d, struct err *e);

/*
 * From now on `owner` hears of that part of a directory, and of what becomes of the directory
 * itself, once more for each call.
 *
 * Takes:  name   for CHAIN_NAME and CHAIN_FILE
 *         owner  never looked into; borrowed
 * Gives:  number    of the directory
 * Errors: ERR_BUSY    there is no such directory any more: its parent tells
 *         ERR_SYSTEM  no watch is left (ENOSPC, in errno), or out of memory
 *         ERR_PERMISSION
 */
MUST_USE bool directories_add(struct directories *d, enum chain_part part, const char *directory,
                              const char *name, void *owner, int *number, struct err *e);

/* Takes the oldest hook of that owner back; a directory without any is not watched any more. */
void directories_drop(struct directories *d, int number, const void *owner);

/* An owner hears that something has happened. */
typedef void directories_hear(void *user, void *owner);

/*
 * Hands out what has happened, and does not wait for more.
 *
 * Gives:  lost  the kernel had to drop events: everything may have changed
 * Errors: ERR_SYSTEM
 */
MUST_USE bool directories_read(struct directories *d, directories_hear *hear, void *user,
                               bool *lost, struct err *e);

void directories_done(struct directories *d);

#endif
