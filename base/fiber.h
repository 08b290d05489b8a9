/* fiber.h: several things at the same time in one thread; each is written as if it were alone.
 *
 * A fiber runs until it waits: for descriptors (fiber_poll() in place of poll(2)), for time, for
 * another fiber, or for a request (base/http). Then another one goes on. Nothing else interrupts
 * it: what it does between two waits, no other fiber sees half done.
 *
 * Outside of fibers all of this works too: fiber_poll() is poll(2), a lock is free.
 */
#ifndef PGCERT_BASE_FIBER_H
#define PGCERT_BASE_FIBER_H

#include "base/err.h"

#include <poll.h>
#include <stddef.h>

#define FIBERS_MAX 128 /* of one fiber_run() at the same time, the others queue */

struct fiber;

/* What a fiber does. */
typedef void fiber_main(void *argument);

/* One of those to be run. Everything is borrowed. */
struct fiber_task {
    const char *name; /* in front of what it logs */
    void *argument;
};

/*
 * Runs main() for each task, and ends when all of them have.
 *
 * A single task is simply called, and so is every task inside of a fiber. Each has a stack of
 * FIBER_STACK bytes, of which only what is used takes memory.
 *
 * Errors: ERR_SYSTEM  no memory for stacks; then the tasks that had begun have ended
 */
#define FIBER_STACK ((size_t)512 * 1024)
MUST_USE bool fiber_run(fiber_main *main, const struct fiber_task *tasks, size_t count,
                        struct err *e);

/* Are we inside of one? */
bool fiber_is_inside(void);

/* The name of the one that runs; NULL: outside. */
const char *fiber_name(void);

/* Gives the one that runs another name, borrowed; NULL: none. */
void fiber_rename(const char *name);

/* For a forked child: it is alone, and its waits are waits. */
void fiber_forget(void);

/* ---- waiting ---- */

/* As poll(2), with errno. Other fibers go on meanwhile. */
int fiber_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

/* Those that wait for something which another fiber will do; {0} at first. */
struct fiber_queue {
    struct fiber *first, *last;
};

/* Waits until it is woken, inside of a fiber only. Negative: for as long as it takes. False: the
 * time was over. */
bool fiber_wait(struct fiber_queue *q, int timeout_ms);

/* The first of them, or all, will go on. */
void fiber_wake(struct fiber_queue *q);
void fiber_wake_all(struct fiber_queue *q);

/* What only one may do at a time, in order of arrival; {0} at first. Not to be taken twice. */
struct fiber_lock {
    bool is_held;
    struct fiber_queue queue;
};

/* In a scope: own_lock struct fiber_lock *held = fiber_lock(&lock); */
struct fiber_lock *fiber_lock(struct fiber_lock *l);
void fiber_unlock(struct fiber_lock **l);

#define own_lock __attribute__((cleanup(fiber_unlock), unused))

/* ---- a library that has descriptors of its own ---- */

/* Waits in place of poll(2), for what the library waits for, too, and lets it do its work. */
typedef int fiber_pump(struct pollfd *fds, nfds_t count, int timeout_ms);

/* One for the whole program; NULL: poll(2). */
void fiber_set_pump(fiber_pump *pump);

#endif
