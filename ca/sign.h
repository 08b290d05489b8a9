/* sign.h: certificates for clients in steps, so that one fsync records many. For the room's own
 * use. */
#ifndef PGCERT_CA_SIGN_H
#define PGCERT_CA_SIGN_H

#include "ca/authority.h"

/*
 * Says what would be signed for a client, and by whom. The public key may come later.
 *
 * Takes:  client  borrowed as long as `order` is
 * Errors: those of ca_sign_client(), but for the index's
 */
MUST_USE bool sign_plan_client(struct ca *ca, const struct ca_client *client,
                               struct authority_order *order, struct err *e);

#endif
