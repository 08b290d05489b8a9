/* retire.h: the end of a rollover. For the room's own use. */
#ifndef PGCERT_CA_RETIRE_H
#define PGCERT_CA_RETIRE_H

#include "ca/authority.h"

/* Goes on with what a killed run has begun: the old CAs go away, the new ones take their places.
 * Nothing where nothing was begun; the certificates are to be read after it. ERR_CREATE,
 * ERR_SYSTEM, ERR_PERMISSION. */
MUST_USE bool retire_finish(struct ca *ca, struct err *e);

#endif
