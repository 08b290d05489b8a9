/* workers.h: the same for many items, on all cores, by forked children. */
#ifndef PGCERT_BASE_WORKERS_H
#define PGCERT_BASE_WORKERS_H

#include "base/err.h"

#include <stddef.h>

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

#endif
