/* access.h: the way to the account at an issuer. */
#ifndef PGCERT_CLI_ACCESS_H
#define PGCERT_CLI_ACCESS_H

#include "cli/app.h"

/*
 * The way to an issuer, or to its rehearsal directory, ready for the whole run; asks nothing yet.
 *
 * Returns it, borrowed; NULL and ERR_SYSTEM, or what http_new() has
 */
struct reach *access_reach(struct app *app, struct issuer *issuer, bool rehearse, struct err *e);

/* The account at the section [issuer NAME]. NULL and ERR_USAGE: there is no such section. */
const struct acme_access *access_by_name(struct app *app, const char *issuer_name, struct err *e);

#endif
