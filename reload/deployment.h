/* deployment.h: one deployment on its way; what reload.c and setup.c share. */
#ifndef PGCERT_RELOAD_DEPLOYMENT_H
#define PGCERT_RELOAD_DEPLOYMENT_H

#include "reload/install.h"
#include "reload/pair.h"
#include "reload/prove.h"
#include "reload/reload.h"
#include "reload/target.h"

struct deployment {
    struct target *target;
    struct clock *clock;
    struct progress *progress;
    struct served *out;

    struct pair pair; /* to be served */
    struct str file;  /* as one file */

    void *session;
    struct err not_opened; /* why there is no session */
    struct target_view view;

    struct pair old; /* what was in the file before, when it loads */
    struct str old_file;
    bool old_loads;
    bool old_is_same;

    int64_t installed_ms; /* on the steady clock */
};

#define own_deployment __attribute__((cleanup(deployment_done)))

/* Opens the session, which begins to connect while we do something else; deployment_look() tells
 * when that failed. */
void deployment_open(struct deployment *d);

/* Opens the session unless it is open, and looks. Errors: see target_type.open() and look(). */
MUST_USE bool deployment_look(struct deployment *d, struct err *e);

/* Reads and judges what is in the file now. */
MUST_USE bool deployment_read_old(struct deployment *d, struct err *e);

/* Puts the new file in place, keeping the old one when it is worth it. */
MUST_USE bool deployment_install(struct deployment *d, struct err *e);

/* What is to be proved, and where; `chain` NULL: nothing in particular, only to look. */
struct proof deployment_proof(const struct deployment *d, const struct chain *chain);

/* Reloads, and proves that `chain` is served then. */
MUST_USE bool deployment_serve(struct deployment *d, const struct chain *chain, struct err *e);

/* The file as install.h wants it. */
struct install deployment_place(const struct deployment *d);

/* Writes down the leaf that is in the file. */
MUST_USE bool deployment_note(struct deployment *d, const struct chain *chain, struct err *e);

void deployment_done(struct deployment *d);

#endif
