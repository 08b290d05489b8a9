/* names.h: a file with a name a line. */
#ifndef PGCERT_CLI_NAMES_H
#define PGCERT_CLI_NAMES_H

#include "base/err.h"

#include <stddef.h>

/* Takes a name; or, where the line can be none, what is wrong with it. False and `e`: read no
 * more. */
typedef bool names_take(void *context, size_t number, const char *name, struct err *wrong,
                        struct err *e);

/*
 * Reads a file line by line; empty lines are none. A carriage return at the end is not part of it.
 *
 * Takes:  path  "-": standard input
 * Errors: ERR_SYSTEM, ERR_PERMISSION; those of `take`
 */
MUST_USE bool names_read(const char *path, names_take *take, void *context, struct err *e);

#endif
