/* way.h: the way to a directory: walked name by name, with who could have led it elsewhere; and
 * gone again, as another user, without any symbolic link. */
#ifndef PGCERT_RELOAD_WAY_H
#define PGCERT_RELOAD_WAY_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/stat.h>

struct way {
    char *directory;   /* where it ends, without symbolic links */
    struct stat about; /* of that */
    /* The first link or directory on it which somebody but root could change, and so lead it to
     * where he likes; NULL: there is none. */
    char *others;
};

#define own_way __attribute__((cleanup(way_done)))

/*
 * Walks to a directory. Symbolic links are followed, since administrators make them (a data
 * directory often is one); whose they are is noted. Beneath a directory into which only its owner
 * may go it is walked as him, where we may become others.
 *
 * Takes:  path  absolute
 * Errors: ERR_CREATE  something on it is not there; ERR_CONFIG  where it ends is no directory, or
 *         it has too many links; ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool way_find(struct way *w, const char *path, struct err *e);

/*
 * Opens a directory by its real name for reading: none of the names may be a symbolic link now.
 *
 * Takes:  directory  as way_find() gave it
 * Gives:  fd
 * Errors: ERR_BUSY  a link stands in the way; ERR_SYSTEM, ERR_PERMISSION
 * Source: openat2(2), RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS
 */
MUST_USE bool way_open(const char *directory, int *fd, struct err *e);

/* As lstat(2) of something in a directory, into which only its owner may be able to look. False
 * with errno. */
MUST_USE bool way_look(const char *path, struct stat *about);

/* Empties it. */
void way_done(struct way *w);

#endif
