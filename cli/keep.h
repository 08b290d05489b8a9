/* keep.h: make one certificate issued, deployed and served: the way of a renewal, step by step. */
#ifndef PGCERT_CLI_KEEP_H
#define PGCERT_CLI_KEEP_H

#include "cli/report.h"

enum keep_what {
    KEEP_OBTAIN = 1, /* when it is due */
    KEEP_FORCE = 2,  /* obtain though not due */
    KEEP_DEPLOY = 4, /* bring the targets to it */
};

/* Removes the records that killed runs have left in the DNS; says what could not be removed. */
void keep_sweep(struct app *app);

/* Makes the private CA's CRLs that are due, where there is such a CA and it is ours: they end, and
 * an expired one locks out every client. Errors: what ca_open() and ca_refresh() have. */
MUST_USE bool keep_crls(struct app *app, struct err *e);

/* Will that be asked of an issuer? By what is on disk, without a look at a key. */
bool keep_needs_network(struct app *app, int what, const struct report *r);

/*
 * Obtains what is due and deploys what is not served, as `what` says; what was done and what went
 * wrong is in the report, and was told. A failure of one step leaves those before it as they are.
 */
void keep_certificate(struct app *app, int what, struct report *r);

/* Runs a whole order at the issuer's `rehearsal` directory; what went wrong is in the report, and
 * was told. */
void keep_rehearse(struct app *app, struct report *r);

/* The wanted generation as material; key and chain are read into the strings. */
MUST_USE bool keep_material(const struct report *r, struct str *key_pem, struct str *chain_pem,
                            struct material *m, struct err *e);

#endif
