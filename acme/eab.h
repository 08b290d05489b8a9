/* eab.h: external account binding: the issuer's customer vouches for the account (RFC 8555
 * section 7.3.4). */
#ifndef PGCERT_ACME_EAB_H
#define PGCERT_ACME_EAB_H

#include "acme/acme.h"
#include "acme/client.h"

/* Are its settings there? */
bool eab_is_set(const struct acme_issuer *issuer);

/*
 * Adds "externalAccountBinding" to the payload of newAccount, where the settings have one.
 *
 * Takes:  c        with the account's key
 *         payload  an object
 * Errors: ERR_CONFIG  the server requires one and there is none; one setting without the other; the
 *                     file holds no base64url
 *         and what file_read_secret() and client_refresh() have
 */
MUST_USE bool eab_add(struct json_t *payload, struct client *c, const struct acme_issuer *issuer,
                      struct err *e);

#endif
