/* rollover.h: where the replacement of all CAs stands. For the room's own use. */
#ifndef PGCERT_CA_ROLLOVER_H
#define PGCERT_CA_ROLLOVER_H

#include "ca/authority.h"

#define ROLLOVER_CROSS AUTHORITY_NEXT "/cross" /* the next root, signed by the present one */

/* Reads where it stands. ERR_INPUT  the file is damaged; ERR_SYSTEM, ERR_PERMISSION. */
MUST_USE bool rollover_read(const struct ca_config *config, struct ca_rollover *rollover,
                            struct err *e);

/* Writes where it stands: what is in ca->rollover; nothing is left of it when that is nowhere.
 * ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION. */
MUST_USE bool rollover_save(const struct ca *ca, struct err *e);

/* Overwrites a key and removes it; that it is not there is not an error. ERR_SYSTEM,
 * ERR_PERMISSION. */
MUST_USE bool rollover_wipe(const char *path, struct err *e);

#endif
