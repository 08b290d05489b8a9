/* metrics.h: what is known at the end of a run, as a file for Prometheus: [pgcert] metrics_file. */
#ifndef PGCERT_CLI_METRICS_H
#define PGCERT_CLI_METRICS_H

#include "cli/app.h"
#include "cli/exposition.h"

/*
 * Writes the file, whole or not at all, from what is on disk and what history_note() was told; asks
 * no server. What goes wrong is told as a warning, for the run itself came to its end. Does nothing
 * where no file is wanted.
 *
 * Takes:  command  the one that has run, and `code`, what it came to
 */
void metrics_write(struct app *app, const char *command, enum err_code code);

/* Those of the private CA and of the clients that it has signed for, where there is one. */
void metrics_ca_add(struct exposition *x, const struct app *app);

#endif
