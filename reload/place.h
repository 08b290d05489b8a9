/* place.h: the directory in which one file is replaced: found, judged, opened, locked. */
#ifndef PGCERT_RELOAD_PLACE_H
#define PGCERT_RELOAD_PLACE_H

#include "base/err.h"
#include "base/str.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/types.h>

struct place {
    char *directory;   /* without symbolic links */
    const char *name;  /* of the file; borrowed */
    struct stat about; /* of the directory */
    char *others;      /* see reload/way.h */
    int fd;            /* -1: not opened yet */
};

#define own_place __attribute__((cleanup(place_done)))

/*
 * Finds the directory of a file. Touches nothing.
 *
 * Takes:  path  absolute; must outlive the place
 * Errors: ERR_CONFIG  not the path of a file; ERR_CREATE  there is no such directory;
 *         ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool place_find(struct place *p, const char *path, struct err *e);

/*
 * May a path be used that a server told us? As root only where it leads into a directory of that
 * server's user, or to a file that has his group: else he could name whatever he likes, and root
 * would read or write there. What leads elsewhere later was changed by root, or is refused by
 * place_open().
 *
 * Takes:  teller  the server's user
 * Errors: ERR_PERMISSION  it leads elsewhere; else as place_find()
 */
MUST_USE bool place_believe(const char *path, uid_t teller, struct err *e);

/*
 * Can nobody but its owner replace a file there?
 *
 * Takes:  secret  the file holds a private key, which user `reader` must be able to use
 *                 ((uid_t)-1: not known)
 * Errors: ERR_PERMISSION
 * Source: PostgreSQL src/backend/libpq/be-secure-common.c, check_ssl_key_file_permissions()
 */
MUST_USE bool place_judge(const struct place *p, bool secret, uid_t reader, struct err *e);

/* Opens the very directory that was found, as who we are now, without any link. Errors: ERR_BUSY it
 * was changed meanwhile; ERR_PERMISSION  we are root, and somebody else could lead us there;
 * ERR_SYSTEM */
MUST_USE bool place_open(struct place *p, struct err *e);

/* Locks it against other runs until it is closed. Errors: ERR_BUSY, ERR_SYSTEM */
MUST_USE bool place_lock(const struct place *p, struct err *e);

#define PLACE_ID_SIZE 17 /* 16 hexadecimal digits */

/* A new id, for the temporary files of one change. It begins with eight digits of that text. */
MUST_USE bool place_id(char id[static PLACE_ID_SIZE], const char *text, struct err *e);

/* The name of the file's temporary form. Errors: ERR_CONFIG  it would be too long */
MUST_USE bool place_temporary(char name[static NAME_MAX + 1], const struct place *p, const char *id,
                              struct err *e);

/* The ids of the file's temporary forms, which killed runs have left. Errors: ERR_SYSTEM,
 * ERR_PERMISSION */
MUST_USE bool place_leftovers(const struct place *p, struct list *ids, struct err *e);

/* Is there a regular file of that name? Errors: ERR_CONFIG  something else is; ERR_SYSTEM */
MUST_USE bool place_has(const struct place *p, const char *name, bool *there, struct err *e);

/* Makes what was renamed there last a crash. Errors: ERR_SYSTEM */
MUST_USE bool place_sync(const struct place *p, struct err *e);

/* Closes and frees. */
void place_done(struct place *p);

#endif
