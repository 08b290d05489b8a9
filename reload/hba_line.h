/* hba_line.h: the lines of one client, in the syntax of pg_hba.conf and pg_ident.conf. */
#ifndef PGCERT_RELOAD_HBA_LINE_H
#define PGCERT_RELOAD_HBA_LINE_H

#include "reload/reload.h"

/*
 * Appends a name as a word that means nothing but itself: bare where it is plain, else in quotes.
 *
 * Errors: ERR_INPUT  no file can hold it: empty, a control character, or a '/' at its beginning,
 *                    which PostgreSQL 16 takes for a regular expression also in quotes
 * Source: PostgreSQL src/backend/libpq/hba.c, next_token(), regcomp_auth_token()
 */
MUST_USE bool hba_line_add_name(struct str *line, const char *name, struct err *e);

#endif
