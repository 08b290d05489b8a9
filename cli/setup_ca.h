/* setup_ca.h: what `setup` does where the private CA signs. */
#ifndef PGCERT_CLI_SETUP_CA_H
#define PGCERT_CLI_SETUP_CA_H

#include "cli/report.h"

#define SETUP_CA_ISSUER "ca" /* the name of the [issuer] that is written when there is none */

/* Says that there is no complete private CA yet, and that one will be, or would be, made. */
void setup_ca_announce(const struct app *app, bool dry);

/* Makes it when there is none; one that a killed run has begun is made anew. Errors: ca_init(). */
MUST_USE bool setup_ca_make(struct app *app, struct err *e);

/* Says what clients need to connect to what was set up: the root, and how they ask for it. */
void setup_ca_tell(const struct app *app, const struct report *r);

#endif
