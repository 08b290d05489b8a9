/* visit.h: one command's use of an account: what is on disk, the client for it, and what is
 * remembered afterwards. */
#ifndef PGCERT_ACME_VISIT_H
#define PGCERT_ACME_VISIT_H

#include "acme/acme.h"
#include "acme/client.h"

/*
 * Makes a client of what is on disk; asks the server only to settle a change of the key.
 *
 * Gives:  c                 kid and key are NULL when they are not there
 *         deactivated_at_s  when we deactivated the account; 0: we did not
 * Errors: what account_load() has
 */
MUST_USE bool visit_begin(const struct acme_access *a, struct client *c, int64_t *deactivated_at_s,
                          struct err *e);

/* For what needs an account that is there: finds its URL where only the key is left. ERR_INPUT: it
 * is deactivated, or there is none. */
MUST_USE bool visit_needs_account(struct client *c, int64_t deactivated_at_s, struct err *e);

/* Remembers directory and nonce, whatever came, and drops the client. Gives `good` back. */
bool visit_end(struct client *c, bool good);

#endif
