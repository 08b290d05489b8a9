/* session.h: an account as the orders of one run share it; see acme_open(). */
#ifndef PGCERT_ACME_SESSION_H
#define PGCERT_ACME_SESSION_H

#include "acme/acme.h"
#include "acme/client.h"

/*
 * Opens the account, the first time: registers it when there is none, tells the server of changed
 * contacts. What came of it holds for the run, so that a server which refuses the account is not
 * asked a hundred times.
 *
 * Gives:  unsaid  why the contacts could not be told, to the first order alone; else unchanged
 * Errors: what account_open() has
 */
MUST_USE bool session_open_account(struct client *c, const struct acme_access *access,
                                   struct err *unsaid, struct err *e);

/* The server has forgotten the account `kid`: registers again, once for all orders. */
MUST_USE bool session_register_again(struct client *c, const struct acme_access *access,
                                     const char *kid, struct err *e);

#endif
