/* contents.h: the files of a client's bundle. For the room's own use. */
#ifndef PGCERT_CA_CONTENTS_H
#define PGCERT_CA_CONTENTS_H

#include "ca/ca.h"

/* What the files are made from; all borrowed. */
struct contents {
    const struct ca_bundle *bundle; /* with a password */
    const struct str *pkcs8;        /* the key by keyfile_pkcs8() */
    const struct chain *chain;
    const char *serial;
};

/*
 * Writes them into a directory that has none of them, 0600.
 *
 * Takes:  sync       each is on disk when this returns, and the directory as well; else the caller
 *                    sees to that
 * Errors: ERR_SYSTEM, ERR_PERMISSION, ERR_INTERNAL
 */
MUST_USE bool contents_write(const char *directory, const struct contents *contents, bool sync,
                             struct err *e);

/* Moves what else somebody has put into one directory to another; what has a name that is taken
 * there stays. */
void contents_move_others(const char *from, const char *to);

/* Removes the directory and these files in it: what else somebody has put there stays. */
void contents_remove(const char *directory);

#endif
