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

#endif
