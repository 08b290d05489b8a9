/* seclude.h: who has keys gives up the network. */
#ifndef PGCERT_CLI_SECLUDE_H
#define PGCERT_CLI_SECLUDE_H

#include "cli/app.h"

/*
 * To be called when keys are made or brought to servers. In root's run this process then has no
 * network any more, and starts no program: issuers are the carrier's, and the connections of proofs
 * are made by another process, `pgcert dial`, which is started anew and so has nothing of ours in
 * its memory; it connects to this host, and to where the settings say that servers are proved. To
 * be called after carrier_start().
 *
 * Where the settings want more than that (a program, a server that is reached over the network
 * alone, a token), and in the run of any other user, nothing is done. Once done, or failed, it is
 * that for good.
 *
 * Errors: ERR_SYSTEM  the kernel can do it, and does not; or no process to be had
 */
MUST_USE bool seclude(struct app *app, struct err *e);

/* The hosts where the settings say that servers are proved. False when memory ran out. */
MUST_USE bool seclude_add_hosts(const struct config *c, struct list *hosts);

#endif
