/* carrier.h: the one process of a run that speaks with issuers and name servers.
 *
 * It has the network and the account keys, and no key of a certificate: it is forked before any is
 * read or made, and may not open the files that hold them. The process that has these keys brings
 * signing requests and gets chains. It dies with us.
 */
#ifndef PGCERT_CLI_CARRIER_H
#define PGCERT_CLI_CARRIER_H

#include "cli/errand.h"

/*
 * Starts it, for as many certificates at the same time as there are; that it runs already is
 * nothing to do. To be called before a key of a certificate is in memory. Where it was not started,
 * the functions below do everything themselves.
 *
 * Errors: ERR_SYSTEM  no process to be had; ERR_CREATE  the directories that it writes to
 */
MUST_USE bool carrier_start(struct app *app, struct err *e);

/* As errand_issue(), errand_ask() and errand_sweep(); what is waited for is shown. Another Error is
 * ERR_INTERNAL: it died. */
MUST_USE bool carrier_issue(struct app *app, const struct errand *errand, struct str *chain_pem,
                            struct err *warning, struct err *e);
MUST_USE bool carrier_ask(struct app *app, struct issuer *issuer, const char *url,
                          struct acme_window *w, struct err *e);
MUST_USE bool carrier_sweep(struct app *app, struct err *e);

/* Will it listen at a port itself? */
bool carrier_listens(const struct app *app);

/* Lets it remember what it knows of the issuers, and ends it. */
void carrier_stop(struct app *app);

#endif
