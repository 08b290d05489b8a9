/* history.h: what the last runs came to: STATE/history.json, for metrics. */
#ifndef PGCERT_CLI_HISTORY_H
#define PGCERT_CLI_HISTORY_H

#include "cli/app.h"

/* Of one certificate. */
struct history {
    int64_t run_at_s;       /* when a run had to do with it; 0: none had */
    int64_t good_at_s;      /* when one came to a good end: issued, deployed, served */
    int64_t status;         /* the exit status that it gave the last one */
    int64_t runs, failures; /* since they are counted */
    int64_t in_a_row;       /* failures since good_at_s */
};

/* The last run of one command. */
struct history_run {
    const char *command; /* borrowed */
    int64_t at_s, took_ms, status;
};

/* Notes what a certificate came to in this run; nothing is written yet. Does nothing where no
 * metrics are wanted. */
void history_note(struct app *app, const char *certificate, enum err_code code);

/* Loads what is remembered, with what was noted in this run and the run itself added. Damaged is as
 * good as missing. NULL: out of memory. */
MUST_USE struct json_t *history_load(const struct app *app, const struct history_run *now);

/* Of a certificate; all 0 where nothing is known. */
struct history history_of(const struct json_t *all, const char *certificate);

/* Visits the runs, one for each command; start with *cursor = NULL. False at the end. */
bool history_each(const struct json_t *all, void **cursor, struct history_run *run);

/* ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION. */
MUST_USE bool history_save(const struct app *app, const struct json_t *all, struct err *e);

#endif
