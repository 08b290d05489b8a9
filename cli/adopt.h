/* adopt.h: take over what another tool has renewed. */
#ifndef PGCERT_CLI_ADOPT_H
#define PGCERT_CLI_ADOPT_H

#include "cli/report.h"

/*
 * Checks the files of an issuer and stores them as a new generation, unless the newest one is the
 * same.
 *
 * Takes:  force   also what is older than the newest generation; and the newest one becomes the
 * wanted one again after a rollback
 * Errors: what files_read() has; ERR_INPUT  not acceptable, older, or revoked; ERR_SYSTEM ...
 */
MUST_USE bool adopt_run(struct app *app, const struct issuer *issuer, bool force, struct report *r,
                        struct err *e);

/*
 * Where there is nothing to take over: forgets an earlier failure, unless the files are closed to
 * us; and warns when the other tool is late.
 *
 * Errors: ERR_INPUT  the certificate has ended
 */
MUST_USE bool adopt_settle(struct app *app, struct report *r, struct err *e);

#endif
