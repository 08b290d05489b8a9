/* report.h: what is known of a certificate, for people and as JSON. */
#ifndef PGCERT_CLI_REPORT_H
#define PGCERT_CLI_REPORT_H

#include "cli/app.h"
#include "cli/plan.h"

/* One target of a certificate as it was found or left. */
struct report_target {
    const char *name; /* borrowed from the settings */
    struct served served;
    bool did_prove; /* in this run */
    struct err e;   /* ERR_NONE: nothing wrong */
};

struct report {
    const struct certificate *certificate; /* borrowed */
    struct state state;
    struct plan plan;
    struct report_target *targets;
    size_t target_count;
    struct list did;    /* "renewed" "deployed" "proved", in that order, each once */
    struct err trouble; /* the gravest error; ERR_NONE: all is well */
};

#define own_report __attribute__((cleanup(report_done)))

/* Loads state and plan and makes room for the targets. */
MUST_USE bool report_init(struct report *r, const struct app *app, const struct certificate *c,
                          struct err *e);

/* Notes an error; the gravest one stays. */
void report_trouble(struct report *r, const struct err *e);

/* Was the last proof of that target of what is issued, and has nothing failed there since? */
bool report_is_proved(const struct report *r, const char *target);

/* Notes something done, once. */
void report_did(struct report *r, const char *what);

/* As interface and manual promise; with `did` and `exit` after a run. NULL: out of memory. */
MUST_USE struct json_t *report_json(const struct report *r, bool after_run);

/* The certificate and its targets, for `status`: some lines, at most 80 columns. */
void report_print(const struct report *r, int64_t now_s);

/* One line, for `renew`. */
void report_print_line(const struct report *r, int64_t now_s);

/* The end of several: {"certificates": [...]} on standard output; takes the array, and what is said
 * of the private CA: "private_ca", NULL: not there. */
void report_print_json(struct json_t *certificates, struct json_t *private_ca);

void report_done(struct report *r);

#endif
