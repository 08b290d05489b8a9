/* clients.h: what the private CA has issued to clients: list, show, revoke. */
#ifndef PGCERT_CLI_CLIENTS_H
#define PGCERT_CLI_CLIENTS_H

#include "cli/app.h"

/* Which are listed, and how. */
struct clients_filter {
    int wanted_count;
    char **wanted;     /* users or serial numbers; none: all */
    const char *state; /* "valid" "expired" "revoked"; NULL: all */
    const char *sort;  /* "issued" "user" "expiry" "state" "serial"; NULL: issued */
};

/* Prints a table, or JSON. ERR_USAGE  no such state or order; ERR_INPUT, ERR_SYSTEM. */
MUST_USE bool clients_list(const struct app *app, const struct clients_filter *filter,
                           struct err *e);

/* Prints all that is known of a user: certificates and bundle. ERR_INPUT  there is nothing. */
MUST_USE bool clients_show(const struct app *app, char *user, struct err *e);

/*
 * Revokes every valid certificate of the users, or those with the serial numbers, and makes the
 * CRL.
 *
 * Takes:  reason     a word of ca_reasons
 * Errors: ERR_INPUT  for a name that has no certificate that is valid or revoked; nothing is
 *                    revoked then
 *         and those of ca_revoke() and ca_refresh()
 */
MUST_USE bool clients_revoke(const struct app *app, int count, char **names, const char *reason,
                             struct err *e);

#endif
