/* account_file.h: where an account is exported to and imported from. */
#ifndef PGCERT_CLI_ACCOUNT_FILE_H
#define PGCERT_CLI_ACCOUNT_FILE_H

#include "base/err.h"
#include "base/str.h"

/*
 * Reads an account's file.
 *
 * Takes:  path  "-": standard input
 * Errors: ERR_USAGE  standard input is a terminal; ERR_INPUT  far too large; and what
 *         file_read_secret() has
 */
MUST_USE bool account_file_read(const char *path, struct str *text, struct err *e);

/*
 * Writes one, 0600 and fsynced.
 *
 * Takes:  path   NULL: standard output
 *         force  a file that is there may be replaced
 * Errors: ERR_USAGE   standard output is a terminal, which would keep the key on the screen
 *         ERR_CREATE  the file is there; and what file_replace() has
 */
MUST_USE bool account_file_write(const char *path, const struct str *text, bool force,
                                 struct err *e);

#endif
