/* hba_block.h: pgcert's block in a file of the administrator's (pg_hba.conf, pg_ident.conf). */
#ifndef PGCERT_RELOAD_HBA_BLOCK_H
#define PGCERT_RELOAD_HBA_BLOCK_H

#include "base/err.h"
#include "base/str.h"

#define HBA_BLOCK_BEGIN "# begin: pgcert client certificates"
#define HBA_BLOCK_END "# end: pgcert client certificates"
#define HBA_BLOCK_NOTE                                                                             \
    "# written by pgcert setup --mutual-tls, which replaces what is changed in here"
#define HBA_BLOCK_FROM "# clients come from:" /* and from where, so that it can be kept */
#define HBA_BLOCK_FIRST 3 /* the number of its first line, as it stands at the top */

/* Where it stands, with both markers and the end of its last line; both 0: there is none. */
struct hba_block {
    size_t start, end;
};

/*
 * Finds the block in the bytes of a file.
 *
 * Errors: ERR_CONFIG  a marker is missing, or there is more than one block; which line
 */
MUST_USE bool hba_block_find(struct hba_block *b, const char *text, size_t size, struct err *e);

/*
 * Adds the words that its line HBA_BLOCK_FROM has.
 *
 * Errors: as hba_block_find(); also ERR_CONFIG when one of them is no source
 */
MUST_USE bool hba_block_sources(const struct str *file, struct list *sources, struct err *e);

/*
 * Makes the file anew: the block at its top, for the first line that matches counts, then every
 * other byte as it was.
 *
 * Takes:  file   as it is
 *         lines  between the markers, each with its line end; none: no block
 * Gives:  out    appended
 * Errors: as hba_block_find()
 */
MUST_USE bool hba_block_replace(const struct str *file, const struct str *lines, struct str *out,
                                struct err *e);

#endif
