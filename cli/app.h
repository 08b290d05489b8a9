/* app.h: what commands share: options, settings, the lock. */
#ifndef PGCERT_CLI_APP_H
#define PGCERT_CLI_APP_H

#include "base/clock.h"
#include "base/err.h"
#include "base/fiber.h"
#include "base/json.h"
#include "cli/config.h"

struct carrier; /* cli/carrier.h */
struct child;   /* base/child.h */

/* What this process may do with the state directory: one of the two where they are two users'. */
enum app_part {
    APP_OBTAIN = 1, /* as its owner */
    APP_DEPLOY = 2, /* as a member of [pgcert] deploy_group; where none is set, as its owner */
};

/* Whether this process has given up the network: seclude.h. */
struct seclusion {
    struct fiber_lock lock;
    bool is_decided;
    struct err e;          /* why it could not, for good */
    struct child *dialler; /* who makes connections for us; NULL: we ourselves */
};

struct app {
    const char *config_path;
    bool json;
    bool quiet;
    bool is_watching; /* as root, which keeps its rights to see files everywhere */
    struct clock *clock;
    struct config config; /* empty until app_read_config() */
    int parts;            /* enum app_part, all until app_enter_state() */
    int lock;             /* -1 until app_lock() */
    int deploy_lock;      /* the same, where who deploys is another user */
    int64_t started_ms;   /* on the steady clock */
    struct seclusion seclusion;
    struct carrier *carrier; /* who speaks with issuers; NULL: we ourselves */
    struct json_t *noted;    /* what certificates came to in this run: history.h */
};

/* Reads the settings. */
MUST_USE bool app_read_config(struct app *app, struct err *e);

/*
 * Enters the state directory, if there is one: as root we become its owner, since nothing is
 * written as root into a directory of somebody else; where that is root, we give up root's rights,
 * unless the settings have root run a program.
 * What belongs to others is done as they (child_settle()). Makes nothing.
 */
MUST_USE bool app_enter_state(struct app *app, struct err *e);

/* May we do these parts here? Else ERR_PERMISSION, with who may; ERR_BUSY where nobody knows yet.
 */
MUST_USE bool app_may(const struct app *app, int parts, struct err *e);

/* Enters the state directory, made when missing, and locks it, so that there is one run at a time;
 * waits a while. It stays locked until the end; again is nothing to do. For who may obtain. */
MUST_USE bool app_lock(struct app *app, struct err *e);

/* The same for who may do these parts: where two users share it, one may deploy while the other
 * obtains, and root keeps both from it. */
MUST_USE bool app_lock_for(struct app *app, int parts, struct err *e);

/* The certificates named by the arguments, each once, all when there are none; free() it. NULL and
 * ERR_USAGE for a name that is not in the settings. */
MUST_USE struct certificate **app_select(const struct app *app, int argc, char **argv,
                                         size_t *count, struct err *e);

/* The one object that --json promises, on standard output. */
void app_print_json(const struct json_t *object);

/* An error of one certificate or of the whole, on standard error; a temporary one with when it is
 * tried again. */
void app_tell(const struct err *e);

/* The exit status of an error (sysexits(3) and ours). */
int app_exit_status(enum err_code code);

/* Of two codes the graver one, by the order 81 80 78 77 69 76 74 75. */
enum err_code app_graver(enum err_code a, enum err_code b);

void app_done(struct app *app);

#endif
