/* errand.h: what is asked of issuers and name servers while certificates are renewed; done by the
 * process that calls it. carrier.h has it done by another one. */
#ifndef PGCERT_CLI_ERRAND_H
#define PGCERT_CLI_ERRAND_H

#include "cli/app.h"

/* One order. Everything is borrowed. */
struct errand {
    struct issuer *issuer;
    bool is_rehearsal;
    const char *name;          /* of the certificate, for the log */
    const char *order_path;    /* the order in flight */
    const char *journal_path;  /* the published records */
    const struct list *names;  /* that it is for */
    const struct str *csr_der; /* the signing request: the key stays with the caller */
    const char *replaces;      /* acme_renewal_id() of what the issuer gave before; NULL: nothing */
};

/* Obtains a chain. Gives and Errors: as acme_issue() has it; progress may be NULL */
MUST_USE bool errand_issue(struct app *app, const struct errand *errand, struct progress *progress,
                           struct str *chain_pem, struct err *warning, struct err *e);

/* Asks when the issuer would like a renewal. Errors: what acme_renewal_ask() has */
MUST_USE bool errand_ask(struct app *app, struct issuer *issuer, const char *url,
                         struct acme_window *w, struct err *e);

/* Removes the records that killed runs have left in the DNS. Errors: what acme_sweep() has */
MUST_USE bool errand_sweep(struct app *app, struct err *e);

#endif
