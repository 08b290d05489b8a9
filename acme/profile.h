/* profile.h: kinds of certificates that an issuer offers (draft-aaron-acme-profiles). */
#ifndef PGCERT_ACME_PROFILE_H
#define PGCERT_ACME_PROFILE_H

#include "acme/acme.h"
#include "acme/client.h"

/*
 * Does the directory offer the profile of the settings? Asks nothing where none is set, nor when
 * the remembered directory has it.
 *
 * Errors: ERR_CONFIG  it does not: with those that there are and the nearest one
 *         and what client_refresh() has
 */
MUST_USE bool profile_check(struct client *c, const struct acme_issuer *issuer, struct err *e);

/* Was an order on disk made with the profile of the settings? */
bool profile_same(const struct acme_issuer *issuer, const struct json_t *saved);

#endif
