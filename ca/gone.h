/* gone.h: the CAs that rollovers have taken away. For the room's own use. */
#ifndef PGCERT_CA_GONE_H
#define PGCERT_CA_GONE_H

#include "ca/authority.h"

/* Appends the certificates of those that signed for clients, also of those of tenants, as PEM; the
 * oldest first. What in their directories is no certificate is passed over. ERR_SYSTEM,
 * ERR_PERMISSION. */
MUST_USE bool gone_add(const struct ca_config *config, struct str *pem, struct err *e);

/* Adds the key ids of the same. Errors as gone_add(). */
MUST_USE bool gone_ids(const struct ca_config *config, struct list *ids, struct err *e);

#endif
