/* clients.h: what the private CA has issued to clients: list, show, revoke. */
#ifndef PGCERT_CLI_CLIENTS_H
#define PGCERT_CLI_CLIENTS_H

#include "base/json.h"
#include "cli/app.h"

/* Which are listed, and how. */
struct clients_filter {
    int wanted_count;
    char **wanted;      /* users or serial numbers; none: all */
    const char *tenant; /* the users are those of this one; NULL: of none */
    bool every_tenant;  /* whosesoever they are */
    const char *state;  /* "valid" "expired" "revoked" "gone"; NULL: all */
    const char *sort;   /* "issued" "user" "expiry" "state" "serial"; NULL: issued */
};

/* Prints a table, or JSON. ERR_USAGE  no such state or order; ERR_INPUT, ERR_SYSTEM. */
MUST_USE bool clients_list(const struct app *app, const struct clients_filter *filter,
                           struct err *e);

/* Prints all that is known of a user (of a tenant; NULL: of none): certificates and bundle.
 * ERR_INPUT  there is nothing. */
MUST_USE bool clients_show(const struct app *app, const char *tenant, char *user, struct err *e);

/* What is to be revoked; all borrowed. */
struct clients_revocation {
    const struct clients_filter *filter; /* its state and sort are not used */
    const char *reason;                  /* a word of ca_reasons */
    bool keep_sessions;                  /* those who are connected stay so */
};

/*
 * Revokes every valid certificate of the users that the filter names, or those with the serial
 * numbers, makes the CRL, deploys and proves it on every target with mutual_tls, and ends the
 * sessions there that were opened with them; what is done is printed. What is revoked already is
 * made sure of again.
 *
 * Errors: ERR_INPUT  for a name that has no certificate that is valid or revoked; nothing is
 *                    revoked then
 *         and those of ca_revoke(), ca_refresh(), trust_keep() and trust_end_sessions()
 */
MUST_USE bool clients_revoke(struct app *app, const struct clients_revocation *what, struct err *e);

/* ---- for those above ---- */

/* Reads what was issued to clients. `list` is empty before. ERR_CONFIG  there is no CA; ERR_INPUT,
 * ERR_SYSTEM. */
MUST_USE bool clients_read(const struct app *app, struct ca_list *list, struct err *e);

/* The first word of the filter that means nothing in the list; NULL: each means something.
 * ERR_SYSTEM. */
MUST_USE bool clients_missing(const struct ca_list *list, const struct clients_filter *filter,
                              const char **missing, struct err *e);

/* Is it what that word of the filter means: a user, or a serial number? */
bool clients_is_meant(const struct ca_issued *one, const char *word,
                      const struct clients_filter *filter);

/* Those which the filter lets through move to the front, the others are gone. ERR_SYSTEM. */
MUST_USE bool clients_select(struct ca_list *list, const struct clients_filter *filter,
                             struct err *e);

/* NULL: out of memory. */
MUST_USE struct json_t *clients_json(const struct ca_list *list);

#endif
