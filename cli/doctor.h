/* doctor.h: the checks of `doctor`: what each looks at, and what they share.
 *
 * To add one: a function that adds findings, in the file of its subject, and a row in doctor.c.
 */
#ifndef PGCERT_CLI_DOCTOR_H
#define PGCERT_CLI_DOCTOR_H

#include "base/finding.h"
#include "cli/app.h"

struct doctor {
    struct app *app;                   /* borrowed */
    struct examination **examinations; /* one for each target of the settings */
    size_t examination_count;
    struct doctor_issuer *issuers; /* see doctor_issuers() */
    size_t issuer_count;
    bool has_issuers;
};

/* One check. It looks at the host, or at each server, or both. */
struct doctor_check {
    const char *name;
    const char *looks_at; /* for people: "files that the next restart loads" */
    void (*of_host)(struct doctor *d, struct findings *f);
    void (*of_server)(const struct examination *x, struct findings *f);
};

#define DOCTOR_ASKING "server" /* not a check: what a server did not tell stands under it */

/* In the order in which they are made; ended by a row without name. */
extern const struct doctor_check doctor_checks[];

/* NULL when there is none of that name. */
const struct doctor_check *doctor_check_find(const char *name);

/*
 * Makes the checks; changes nothing.
 *
 * Takes:  names  of checks; none: all
 * Gives:  f      empty before
 * Errors: ERR_SYSTEM  out of memory
 */
MUST_USE bool doctor_run(struct app *app, const struct list *names, struct findings *f,
                         struct err *e);

/* ---- by subject ---- */

/* Is it issued, deployed and served, one and the same? */
void doctor_served(struct doctor *d, struct findings *f);

/* How long are the certificates good of those who are connected (mutual_tls)? */
void doctor_connected(struct doctor *d, struct findings *f);

/* Who else may read the secrets, and whether pgcert may? */
void doctor_secrets(struct doctor *d, struct findings *f);

/* What restarts the server when a certificate is renewed, and who else renews it? */
void doctor_hooks(struct doctor *d, struct findings *f);

/* Does something run `pgcert renew`? */
void doctor_timer(struct doctor *d, struct findings *f);

/* Do the issuers answer? */
void doctor_reach(struct doctor *d, struct findings *f);

/* Does this host's clock agree with those of issuers and servers? */
void doctor_clock(struct doctor *d, struct findings *f);
void doctor_clock_of_server(const struct examination *x, struct findings *f);

/* Do name servers answer for the challenges, and may the issuer sign for the names? */
void doctor_dns(struct doctor *d, struct findings *f);

#endif
