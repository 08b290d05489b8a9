/* account.h: the account at the server: made once, its URL remembered (RFC 8555 section 7.3). */
#ifndef PGCERT_ACME_ACCOUNT_H
#define PGCERT_ACME_ACCOUNT_H

#include "acme/acme.h"
#include "acme/client.h"

/*
 * Makes the client ready to sign: loads the account's key (or makes one, fsynced before use) and
 * URL (or registers).
 *
 * Takes:  directory  account.key and account.json are in it
 * Errors: ERR_CONFIG  the terms of service are not agreed to; and what client_post() has
 */
MUST_USE bool account_open(struct client *c, const struct acme_issuer *issuer,
                           const char *directory, struct err *e);

/* Registers the key, or finds the account which it has already, and remembers the URL. */
MUST_USE bool account_register(struct client *c, const struct acme_issuer *issuer,
                               const char *directory, struct err *e);

#endif
