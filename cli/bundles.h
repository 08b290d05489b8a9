/* bundles.h: make bundles for clients, many at a time; one that fails does not stop the others. */
#ifndef PGCERT_CLI_BUNDLES_H
#define PGCERT_CLI_BUNDLES_H

#include "ca/ca.h"
#include "cli/app.h"

/* One run. */
struct bundles {
    struct app *app;              /* borrowed */
    struct ca *ca;                /* open until the end */
    bool is_one;                  /* whose failure needs no name in front */
    struct bundles_item *items;   /* those that wait */
    struct bundles_trust *trusts; /* what servers' certificates end in */
    struct ca_bundle_order *orders;
    struct err *errors;
    size_t count;
    size_t told;         /* how many were made */
    bool is_open;        /* JSON has begun, and not ended */
    enum err_code worst; /* of those that failed */
};

#define own_bundles __attribute__((cleanup(bundles_done)))

/* Opens the CA. Errors as ca_open(). */
MUST_USE bool bundles_begin(struct bundles *b, struct app *app, struct err *e);

/*
 * Takes one more; when enough wait, they are made, and each is told.
 *
 * Takes:  what       what the bundle is made of; emptied, also when that fails
 *         directory  free()d, also when that fails
 *         replace    it is a bundle that is there
 * Errors: those that concern all: nothing more is to be added
 */
MUST_USE bool bundles_add(struct bundles *b, struct ca_bundle_found *what, char *directory,
                          bool replace, struct err *e);

/* One that could not even be added: tells why, and goes on. */
void bundles_fail(struct bundles *b, const char *user, struct err *e);

/* What the certificate of a server of that name ends in; borrowed. NULL: a root that every system
 * trusts. ERR_SYSTEM, ERR_PERMISSION. */
MUST_USE bool bundles_trust(struct bundles *b, const char *host, const struct str **pem,
                            struct err *e);

/* Makes those that wait, and ends what is printed. The gravest error without text, when one was
 * told; or one that concerns all. */
MUST_USE bool bundles_end(struct bundles *b, struct err *e);

/* Closes the CA, frees. */
void bundles_done(struct bundles *b);

#endif
