/* import_report.h: what was taken over of another client, what was not, and what is to be done. */
#ifndef PGCERT_CLI_IMPORT_REPORT_H
#define PGCERT_CLI_IMPORT_REPORT_H

#include "acme/acme.h"
#include "cli/app.h"
#include "cli/import.h"

/* A run of import, as it is told. */
struct import_report {
    const struct app *app;
    bool is_dry;
    struct json_t *certificates, *accounts;
    enum err_code worst; /* the gravest error so far; each was told */
};

/* ERR_SYSTEM. */
MUST_USE bool import_report_begin(struct import_report *r, const struct app *app, bool is_dry,
                                  struct err *e);

/* An error, told at once. */
void import_report_trouble(struct import_report *r, const struct err *e);

/* Settings that were written, or would be. */
void import_report_settings(const struct import_report *r, const char *path,
                            const struct str *text);

/* One certificate, at its end; path of its settings, NULL: none were written. */
void import_report_certificate(struct import_report *r, const struct import_certificate *c,
                               const char *path);

/* An account that is ours now. */
void import_report_account(struct import_report *r, const char *issuer,
                           const struct acme_account *a);

/* What concerns all, and how the client is stopped. */
void import_report_end(struct import_report *r, const struct import *im);

void import_report_done(struct import_report *r);

#endif
