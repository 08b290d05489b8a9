/* make.h: make one CA: its key, its place in the index, its certificate. */
#ifndef PGCERT_CA_MAKE_H
#define PGCERT_CA_MAKE_H

#include "ca/authority.h"

#define MAKE_ID_TEXT 32

/* What the CAs that are made together share. */
struct make {
    struct ca *ca;             /* borrowed */
    const char *root_key_file; /* where the root's key goes; NULL: into the directory. Borrowed. */
    char id[MAKE_ID_TEXT];     /* in their names: "1f00a2b3"; of a later generation "2 1f00a2b3" */
};

/* Fills it; generation: from 1. ERR_INTERNAL. */
MUST_USE bool make_begin(struct make *m, struct ca *ca, int64_t generation,
                         const char *root_key_file, struct err *e);

/* A root's key is written to a file that is new, or that an interrupted run was about to write.
 *
 * Takes:  file       NULL: none is wanted
 *         of_before  the name of the file that the interrupted run was given; empty: none
 * Errors: ERR_INPUT  it exists */
MUST_USE bool make_check_key_file(const char *file, const struct str *of_before, struct err *e);

/*
 * Makes a key, which is on disk when this returns, and a certificate, which is not: nothing of that
 * CA counts before make_save().
 *
 * Takes:  a       without key and certificate, of m->ca
 * Errors: ERR_CONFIG  the key of the root that signs it is kept elsewhere; ERR_REFUSED  the root
 *         has expired; ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION, ERR_INPUT, ERR_INTERNAL; and those
 *         of a token
 */
MUST_USE bool make_sign(const struct make *m, struct authority *a, struct err *e);

/* Writes the certificate. ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION, ERR_INTERNAL. */
MUST_USE bool make_save(const struct make *m, const struct authority *a, struct err *e);

#endif
