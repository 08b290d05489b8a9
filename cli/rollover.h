/* rollover.h: the private CA's certificates are replaced, root and all, while everything goes on.
 */
#ifndef PGCERT_CLI_ROLLOVER_H
#define PGCERT_CLI_ROLLOVER_H

#include "cli/app.h"

/* What must be known before a step is taken, by who deploys; a port. */
struct rollover_evidence {
    /* Is there any target that gets what is to be trusted from us? Else somebody brings it there.
     */
    bool (*is_kept)(const struct app *app);
    /* Does every target that checks clients trust what is published now, and is it proved?
     *
     * Gives:  is_deployed  false: it is to be tried again later, and `why` says what is missing */
    bool (*deployed)(struct app *app, struct ca *ca, bool *is_deployed, struct str *why,
                     struct err *e);
    /* How many sessions were opened with a certificate of that CA? */
    bool (*sessions_of)(struct app *app, const X509 *issuer, int64_t *count, struct err *e);
};

/* What was said. */
struct rollover_way {
    const char *root_key_file; /* where the new root's key goes; NULL: with the others */
    bool abort;                /* go back instead */
    bool force;                /* the step for which it waited before is taken nevertheless */
    const struct rollover_evidence *evidence;
};

/*
 * Goes as many steps as can be gone, tells each, and what is waited for. What is done is kept: the
 * next call goes on.
 *
 * Errors: ERR_REFUSED  there is no way back any more
 *         and those of ca_rollover_begin() and the others; those of renew
 */
MUST_USE bool rollover_go(struct app *app, const struct rollover_way *way, struct err *e);

/* Prints where it stands and what for it waits; nothing where there is none. Errors as
 * ca_rollover_left(). */
MUST_USE bool rollover_print(struct ca *ca, struct err *e);

/* Puts the same as the member "rollover", null where there is none.
 *
 * Takes:  seen  what was seen to be waited for; NULL: what the CA alone can tell */
MUST_USE bool rollover_put_json(struct ca *ca, const struct str *seen, struct json_t *object,
                                struct err *e);

#endif
