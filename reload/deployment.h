/* deployment.h: one deployment on its way; what reload.c, clients.c and setup.c share. */
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

    struct pair pair;                    /* to be served */
    X509 *root;                          /* in which its chain ends; NULL: not known */
    struct str files[INSTALL_FILES_MAX]; /* what is to be in the view's files */

    void *session;
    struct err not_opened; /* why there is no session */
    struct target_view view;

    struct pair old; /* what was in the files before, when it loads */
    struct str old_files[INSTALL_FILES_MAX];
    bool old_found[INSTALL_FILES_MAX];
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

/* Checks what is to be served, before anything else. Errors: as reload_check() */
MUST_USE bool deployment_verify(struct deployment *d, const struct material *m, struct err *e);

/* Ends what a killed run began, makes what is to be in the files, and reads and judges what is in
 * them now. To be called after deployment_look(). */
MUST_USE bool deployment_prepare(struct deployment *d, struct err *e);

/* Only reads and judges what is in them. */
MUST_USE bool deployment_read_old(struct deployment *d, struct err *e);

/* Reads and judges what was in them before that, as what is to be put back. Errors: ERR_INPUT  it
 * does not load, or is not there */
MUST_USE bool deployment_read_previous(struct deployment *d, struct err *e);

/* Puts the new files in place, keeping the old ones when they are worth it. */
MUST_USE bool deployment_install(struct deployment *d, struct err *e);

/* Puts the previous ones back. */
MUST_USE bool deployment_restore(struct deployment *d, struct err *e);

/* What is to be proved, and where; `chain` NULL: nothing in particular, only to look. */
struct proof deployment_proof(const struct deployment *d, const struct chain *chain);

/* Tells the server to read its files, in which `chain` is. Errors: as target_type.reload() */
MUST_USE bool deployment_tell(struct deployment *d, const struct chain *chain, struct err *e);

/* Tells it, and proves that `chain` is served then. */
MUST_USE bool deployment_serve(struct deployment *d, const struct chain *chain, struct err *e);

/* The view's files as install.h wants them. */
void deployment_places(const struct deployment *d, struct install set[static INSTALL_FILES_MAX]);

void deployment_done(struct deployment *d);

#endif
