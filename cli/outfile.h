/* outfile.h: a file that a run leaves for others to read: metrics, the page of status. */
#ifndef PGCERT_CLI_OUTFILE_H
#define PGCERT_CLI_OUTFILE_H

#include "base/err.h"
#include "base/str.h"

/*
 * Writes it, whole or not at all: 0644, or with the mode that the file has already. As root as the
 * owner of its directory; as anybody else no directory is too strange, for nothing of root's is at
 * stake.
 *
 * Errors: ERR_CREATE, ERR_SYSTEM; ERR_PERMISSION  we may not write in its directory
 */
MUST_USE bool outfile_write(const char *path, const struct str *text, struct err *e);

#endif
