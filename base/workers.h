/* workers.h: the same for many items, on all cores, by forked children; or one child beside us. */
#ifndef PGCERT_BASE_WORKERS_H
#define PGCERT_BASE_WORKERS_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* Works on one item. What it changes in memory is lost, unless it is the only one. Returns false
 * and `e`. */
typedef bool workers_step(void *context, size_t item, struct err *e);

/*
 * Runs the step for each item whose error has the code ERR_NONE, and returns when all have ended; a
 * child does not outlive its parent. An item that fails does not stop the others. A single item is
 * worked on in this process.
 *
 * Takes:  errors      one for each item; filled where the step fails, or the child has died
 * Errors: ERR_SYSTEM  no child could be started; then no step was run
 */
MUST_USE bool workers_run(workers_step *step, void *context, struct err *errors, size_t count,
                          struct err *e);

/* A child that works while we go on. `{0}` is none. */
struct worker {
    pid_t pid; /* 0: there is none */
    int out;   /* what it says; its end is the child's end */
};

/* What the child does: it has all that we had in memory, no signal is blocked, and an interrupt
 * from the terminal is not for it. It says what it has to say to `out`. */
typedef void worker_main(void *context, int out);

/* Starts one; it dies with us, unless it becomes another user. Errors: ERR_SYSTEM */
MUST_USE bool workers_start(struct worker *w, worker_main *main, void *context, struct err *e);

/* Waits for its end, which has come when `out` has ended. False when it was not a good one: it was
 * killed. */
bool workers_finish(struct worker *w);

/* Kills it, and waits for its end. */
void workers_kill(struct worker *w);

#endif
