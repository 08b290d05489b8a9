/* args.h: flags of the command line by tables. */
#ifndef PGCERT_CLI_ARGS_H
#define PGCERT_CLI_ARGS_H

#include "base/err.h"

struct flag {
    const char *name;  /* "--force" */
    const char *alias; /* "-c", or NULL */
    bool *present;     /* set when it is given; NULL: it takes a value */
    const char **value;
    const char *metavar; /* what the value is, for the help */
    const char *help;
};

/*
 * Takes the flags of the tables out of the arguments; the others stay, in order, in argv[0...].
 *
 * Takes:  tables      NULL-ended array of tables, each ended by a row without name
 *         first_only  stop at the first argument which is no flag
 * Errors: ERR_USAGE   unknown, with the nearest known one; a value is missing
 */
MUST_USE bool args_take(const struct flag *const *tables, bool first_only, int *argc, char **argv,
                        struct err *e);

#endif
