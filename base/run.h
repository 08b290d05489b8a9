/* run.h: run another program, bounded, with nothing of ours but what it is given. */
#ifndef PGCERT_BASE_RUN_H
#define PGCERT_BASE_RUN_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

#define RUN_OUTPUT_MAX ((size_t)64 * 1024) /* of each of its two outputs; the rest is dropped */

/* What is run. Everything is borrowed. */
struct run {
    const char *path;               /* absolute */
    const char *const *arguments;   /* from argv[0] on, NULL-ended */
    const struct list *environment; /* "NAME=value" each: all of it, nothing comes from ours */
    const struct str *input;        /* its standard input; NULL: /dev/null */
    const struct list *secrets;     /* what no text about it may hold; NULL: nothing */
    int64_t timeout_ms;
};

/* How it ended. */
struct run_result {
    int status;     /* its exit status, when signal is 0 */
    int signal;     /* which ended it; 0: it ended itself */
    struct str out; /* the first RUN_OUTPUT_MAX bytes that it wrote */
    struct str err; /* the last RUN_OUTPUT_MAX bytes of its complaints */
};

#define own_run_result __attribute__((cleanup(run_result_done)))

/*
 * Runs a program to its end.
 *
 * It begins in "/", in a process group of its own, with default signals, and has no descriptor but
 * its standard ones; it is killed when we end. No shell, no search in PATH. When it has left a
 * process behind which still holds its outputs, that one is not waited for.
 *
 * Gives:  result  how it ended, also when it failed; also after ERR_TIMEOUT
 * Errors: ERR_CONFIG      there is no such program, or the kernel cannot run it
 *         ERR_PERMISSION  it may not be run
 *         ERR_TIMEOUT     it took longer than timeout_ms: its group got SIGTERM, then SIGKILL
 *         ERR_SYSTEM      no process or descriptor to be had
 */
MUST_USE bool run_program(const struct run *r, struct run_result *result, struct err *e);

/* ERR_NETWORK unless it ended itself with status 0: how it ended, and the last lines of what it
 * complained, without the secrets. */
MUST_USE bool run_judge(const struct run *r, const struct run_result *result, struct err *e);

/* Puts "NAME=value" into an environment, in place of another value. False when memory ran out. */
MUST_USE bool run_set(struct list *environment, const char *name, const char *value);

/* The same with our own value of NAME, when there is one. */
MUST_USE bool run_inherit(struct list *environment, const char *name);

/* Frees the outputs and zeroes. */
void run_result_done(struct run_result *result);

#endif
