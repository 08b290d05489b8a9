/* ca_report.h: how the private CA stands, for `status`: what ends, and what to do about it. */
#ifndef PGCERT_CLI_CA_REPORT_H
#define PGCERT_CLI_CA_REPORT_H

#include "base/json.h"
#include "cli/app.h"

/* One CA and its CRL. */
struct ca_report_row {
    const struct ca_look *look; /* borrowed of the report */
    struct list problems;       /* sentences; empty: all is well */
    bool has_ended;             /* the CA or its CRL; or there is no CRL */
};

struct ca_report {
    struct ca_looks looks;
    struct ca_report_row *rows;   /* one for each look */
    size_t bundles, due, expired; /* of clients that were not revoked */
    struct err trouble;           /* why it could not be looked at; ERR_NONE: it was */
};

#define own_ca_report __attribute__((cleanup(ca_report_done)))

/* Looks at it without its lock; what goes wrong is part of the report. Takes r zeroed. */
void ca_report_init(struct ca_report *r, const struct app *app);

/* The same without the bundles, which take longer the more there are. */
void ca_report_init_short(struct ca_report *r, const struct app *app);

/* Some lines on standard output, at most 80 columns. */
void ca_report_print(const struct ca_report *r, const struct app *app);

/* As the manual promises. NULL: out of memory. */
MUST_USE struct json_t *ca_report_json(const struct ca_report *r, const struct app *app);

void ca_report_done(struct ca_report *r);

#endif
