/* access.h: the way to the account at an issuer. */
#ifndef PGCERT_CLI_ACCESS_H
#define PGCERT_CLI_ACCESS_H

#include "cli/app.h"

/*
 * Finds the account of an [issuer NAME]; asks nothing yet.
 *
 * Gives:  access     borrows from the settings and from *directory
 *         directory  to be free()d
 * Errors: ERR_USAGE  there is no such section
 *         and what http_new() has
 */
MUST_USE bool access_open(struct app *app, const char *issuer_name, struct acme_access *access,
                          char **directory, struct err *e);

#endif
