/* batch.h: the same for every selected certificate, all at the same time; one failure never stops
 * or holds up another. */
#ifndef PGCERT_CLI_BATCH_H
#define PGCERT_CLI_BATCH_H

#include "cli/report.h"

/* Works on one certificate; what went wrong is in its report, and told. */
typedef void batch_step(struct app *app, struct report *r);

/* Will its step ask an issuer? It looks at no key. */
typedef bool batch_wish(struct app *app, const struct report *r);

/*
 * Runs the step for the named certificates (all when none is named) and prints the reports.
 *
 * Takes:  wish  when it says yes for one of them, the carrier is started first; NULL: it never does

 * Errors: ERR_SYSTEM  no memory for all of them
 *         ERR_USAGE  a name that is not in the settings
 *         the gravest error of all, without text: it was told already
 */
MUST_USE bool batch_run(struct app *app, int argc, char **argv, batch_step *step, batch_wish *wish,
                        struct err *e);

#endif
