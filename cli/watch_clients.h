/* watch_clients.h: what servers trust of clients, kept by `watch` as certificates are: one more
 * thing that is watched, and worked on.
 */
#ifndef PGCERT_CLI_WATCH_CLIENTS_H
#define PGCERT_CLI_WATCH_CLIENTS_H

#include "cli/watch_paths.h"
#include "cli/watch_work.h"

/* How it is called beside the names of certificates. */
#define WATCH_CLIENTS "clients"

/*
 * Lists what may change: the certificates and CRLs of the private CA, and what was deployed of
 * them, with the sign that the server there has started.
 *
 * Gives:  out  empty before
 * Errors: ERR_SYSTEM
 */
MUST_USE bool watch_clients_list(const struct app *app, struct watch_paths *out, struct err *e);

/* Brings them to the targets that have mutual_tls, as trust_keep() does, tells what is new, and
 * says its word. No other fiber must run. */
void watch_clients_work(const struct watch_job *job, size_t item, int out);

#endif
