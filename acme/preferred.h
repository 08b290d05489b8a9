/* preferred.h: of several chains for one certificate, the one which the settings prefer. */
#ifndef PGCERT_ACME_PREFERRED_H
#define PGCERT_ACME_PREFERRED_H

#include "acme/acme.h"
#include "acme/client.h"

/*
 * Does the chain lead to what is wanted: is that the common name of its topmost certificate's
 * issuer, or the SHA-256 fingerprint (with or without colons) of its root? A root that is not in
 * the chain is looked for among those that are trusted.
 *
 * Takes:  trust_file  as in struct acme_issuer
 * Gives:  top         that common name, appended
 * Errors: ERR_INPUT   the chain is damaged; and what cert_trust() has
 */
MUST_USE bool preferred_is(const char *wanted, const struct str *chain_pem, const char *trust_file,
                           bool *is, struct str *top, struct err *e);

/*
 * Replaces the chain by the first one that is preferred, downloading alternates (RFC 8555
 * section 7.4.2) as long as there is none.
 *
 * Takes:  alternates  their URLs
 *         chain_pem   the one offered first
 * Errors: ERR_CONFIG and others: there is none, or it could not be had; chain_pem is as it was
 */
MUST_USE bool preferred_choose(struct client *c, const struct acme_issuer *issuer,
                               const struct list *alternates, struct str *chain_pem, struct err *e);

#endif
