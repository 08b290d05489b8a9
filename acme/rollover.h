/* rollover.h: another key for the same account (RFC 8555 section 7.3.5), whenever it is killed. */
#ifndef PGCERT_ACME_ROLLOVER_H
#define PGCERT_ACME_ROLLOVER_H

#include "acme/client.h"

/*
 * Makes a new key, writes it to account.key.new, and has the server take it; then it is
 * account.key.
 *
 * Takes:  c  with key and kid
 * Gives:  c  with the new key
 * Errors: what client_post() has, and the server says that the old key holds; when that is not
 * known, account.key.new is left for rollover_settle()
 */
MUST_USE bool rollover_run(struct client *c, const char *directory, struct err *e);

/* Where account.key.new was left by a run that broke off, asks the server which key it knows and
 * keeps that one. Asks nothing where there is none. ERR_INPUT when it is damaged. */
MUST_USE bool rollover_settle(struct client *c, const char *directory, struct err *e);

#endif
