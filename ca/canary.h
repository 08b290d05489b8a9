/* canary.h: certificates of a client that nobody is. For the room's own use. */
#ifndef PGCERT_CA_CANARY_H
#define PGCERT_CA_CANARY_H

#include "ca/authority.h"

/* Makes one of a CA whose key is about to be wiped: when that is trusted no more, it is refused.
 * Errors: as authority_sign() */
MUST_USE bool canary_retire(struct ca *ca, struct authority *issuer, struct err *e);

/* Sees to it that there are canaries for those who may only read: new ones, or those of before as
 * long as they hold. Errors as ca_sign_client(). */
MUST_USE bool canary_keep(struct ca *ca, bool fresh, struct err *e);

#endif
