/* import_take.h: what was found of another client becomes ours: secrets, accounts, generations. */
#ifndef PGCERT_CLI_IMPORT_TAKE_H
#define PGCERT_CLI_IMPORT_TAKE_H

#include "acme/acme.h"
#include "cli/app.h"
#include "cli/import.h"

/* Looks at key and certificate: their names where none were asked for, their kind. False: c->e,
 * when nothing is known of it. What cannot be used is in c->unfit. */
MUST_USE bool import_take_look(struct import_certificate *c);

/* Can they be served, by what is checked after an order as well? False: c->unfit. */
MUST_USE bool import_take_check(const struct app *app, struct import_certificate *c);

/* Writes the secrets of its DNS provider, 0600, where they are not there yet. The state directory
 * must be locked, here and below. ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION. */
MUST_USE bool import_take_secrets(struct app *app, const struct import *im,
                                  const struct import_certificate *c, struct err *e);

/* Makes its account ours, as acme_account_import(). */
MUST_USE bool import_take_account(struct app *app, const struct import_certificate *c, bool force,
                                  struct acme_account *out, struct err *e);

/* Adds it to the store, unless that or a later one is there; c->did. ERR_CREATE, ERR_SYSTEM,
 * ERR_PERMISSION, ERR_INPUT. */
MUST_USE bool import_take_pair(struct app *app, struct import_certificate *c, struct err *e);

#endif
