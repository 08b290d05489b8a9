/* account.h: the account at the server: made once, its URL remembered (RFC 8555 section 7.3). */
#ifndef PGCERT_ACME_ACCOUNT_H
#define PGCERT_ACME_ACCOUNT_H

#include "acme/acme.h"
#include "acme/client.h"

/*
 * Loads the account's key and URL as far as they are there; settles a change of the key that broke
 * off (see rollover.h).
 *
 * Takes:  directory       account.key and account.json are in it
 * Gives:  c               its key and kid; NULL: not there
 *         deactivated_at  when we deactivated it; 0: we did not
 * Errors: ERR_INPUT  a file is damaged; and what rollover_settle() has
 */
MUST_USE bool account_load(struct client *c, const char *directory, int64_t *deactivated_at_s,
                           struct err *e);

/*
 * Makes the client ready to sign: loads the account's key (or makes one, fsynced before use) and
 * URL (or registers).
 *
 * Errors: ERR_CONFIG   the terms of service are not agreed to, a binding is missing (eab.h)
 *         ERR_REFUSED  it was deactivated here
 *         and what account_load() and client_post() have
 */
MUST_USE bool account_open(struct client *c, const struct acme_issuer *issuer,
                           const char *directory, struct err *e);

/* Makes a new key, fsynced, in the place of the old one. */
MUST_USE bool account_make_key(struct client *c, const char *directory, struct err *e);

/* Registers the key, or finds the account which it has already, and remembers the URL. */
MUST_USE bool account_register(struct client *c, const struct acme_issuer *issuer,
                               const char *directory, struct err *e);

/*
 * Makes key and account of the client those of the directory, fsynced. Killed at any time, the next
 * run finds the account of whichever key is there.
 *
 * Takes:  c      with key and kid
 *         found  what account_find() brought
 */
MUST_USE bool account_adopt(const struct client *c, const char *directory,
                            const struct answer *found, struct err *e);

/* Asks for the account of the key and never makes one (RFC 8555 section 7.3.1). ERR_REFUSED and
 * c->account_is_gone: there is none. */
MUST_USE bool account_find(struct client *c, struct answer *a, struct err *e);

/* Tells the server of contacts that have changed in the settings; asks nothing when they have not.
 * Source: RFC 8555 section 7.3.2 */
MUST_USE bool account_tell_contacts(struct client *c, const struct acme_issuer *issuer,
                                    const char *directory, struct err *e);

/* Remembers that it was deactivated. */
MUST_USE bool account_mark_deactivated(const struct client *c, const char *directory,
                                       struct err *e);

#endif
