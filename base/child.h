/* child.h: run a part of ourselves as another user, bounded; once, or as a conversation. */
#ifndef PGCERT_BASE_CHILD_H
#define PGCERT_BASE_CHILD_H

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

struct passwd;

/*
 * Becomes a user for good: groups, group, user, HOME, USER and LOGNAME; libpq's variables (PG*) of
 * the user we were are dropped, and no program can gain privileges any more.
 *
 * Errors: ERR_PERMISSION, ERR_SYSTEM; then the process is in between, and must end
 */
MUST_USE bool child_become(const struct passwd *user, struct err *e);

/*
 * As root: becomes a user as child_become() does, but keeps the right to become others (CAP_SETUID
 * and CAP_SETGID, in force only in a child that is being started), so that tasks can be run as
 * whoever they belong to: as root as well, who has no capabilities then. The user may be root
 * itself, which is what it owns then, and no more. Nothing that is started can get more rights.
 * Where root itself may not settle that, as in some containers, it is child_become().
 *
 * Takes:  group    of which it is a member as well; (gid_t)-1: none
 *         listens  a child will listen at a port below 1024: child_start_listener()
 * Errors: as child_become()
 * Source: capabilities(7)
 */
MUST_USE bool child_settle(const struct passwd *user, gid_t group, bool listens, struct err *e);

/* May a task be run as any user? As root, and by who has settled. */
bool child_may_switch(void);

/* Are we root, with root's rights? Not so in a task that who has settled runs as root. */
bool child_is_root(void);

/* In a task run as root by who has settled: what is ours can be given to that group then, by
 * fchown(2), as root with its rights could. Else there is nothing to do. False with errno. */
MUST_USE bool child_join(gid_t group);

/* A task: fills `answer` (at most CHILD_ANSWER_MAX bytes), or fills `e` and returns false. */
typedef bool child_task(void *argument, struct str *answer, struct err *e);

#define CHILD_ANSWER_MAX (4 * 1024 * 1024)

/*
 * Runs the task as the given user.
 *
 * When we are that user already, it is simply called; but settled as root, a task of root's is run
 * as any other's (child_join()). As root, or settled, a child is forked which
 * drops supplementary groups (initgroups), group and user for good, checks that it cannot come
 * back, runs the task, and sends answer and error over a socketpair; it dies with its parent.
 *
 * Takes:  timeout_ms  after which the child is killed
 * Gives:  answer      appended
 * Errors: ERR_PERMISSION  neither that user nor root; ERR_TIMEOUT; ERR_INTERNAL  the child died;
 *         else what the task said
 */
MUST_USE bool child_run_as(uid_t user, child_task *task, void *argument, int64_t timeout_ms,
                           struct str *answer, struct err *e);

struct confine; /* base/confine.h */

/*
 * In a task: confines the process, where it is one of its own. Where the task is simply called, the
 * process is that of who asked for it, and has other things to do: then nothing is done.
 *
 * Errors: as confine_enter()
 */
MUST_USE bool child_confine(const struct confine *c, struct err *e);

/* Answers one question, as a task does. What `argument` points to is the child's own copy, and
 * lives from one question to the next. An empty question is the last one: let go of what you hold.
 */
typedef bool child_answerer(void *argument, const struct str *question, struct str *answer,
                            struct err *e);

/* A child that stays. */
struct child;

#define own_child __attribute__((cleanup(child_stop)))

/*
 * Starts a conversation: as child_run_as(), but the child answers question after question.
 *
 * Takes:  argument  lives at least as long as the child
 *         prepare   what a forked child does before the first question, while we go on; NULL:
 * nothing Errors: ERR_PERMISSION  neither that user nor root; ERR_SYSTEM  no process to be had
 */
MUST_USE struct child *child_start_as(uid_t user, child_answerer *answerer,
                                      void (*prepare)(void *argument), void *argument,
                                      struct err *e);

/* What a child that works beside us does all the time: it polls `control` among its descriptors,
 * and calls child_turn(self) whenever there is something to read; it returns when that is false. */
typedef void child_work(void *argument, struct child *self, int control);

/*
 * Starts a child that works beside us and answers questions as well. It is a process of its own
 * also when we are that user already, it gives up its capabilities, and it dies with us.
 *
 * Takes:  argument  as child_start_as() has it
 * Errors: as child_start_as()
 */
MUST_USE struct child *child_start_beside(uid_t user, child_answerer *answerer, child_work *work,
                                          void *argument, struct err *e);

/* The same for one that is going to listen at a port below 1024, and to hand that to a child of
 * another user: the capabilities for these two it keeps, as far as we have them. */
MUST_USE struct child *child_start_listener(uid_t user, child_answerer *answerer, child_work *work,
                                            void *argument, struct err *e);

/* In such a child: answers one question. False: it was the last one, or nobody is there to ask. */
MUST_USE bool child_turn(struct child *self);

/* In such a child: closes every descriptor but these (sorted here) and standard error, which stays
 * for what goes wrong in a library. */
void child_keep_only(int *descriptors, size_t count);

/*
 * Asks, and waits for the answer.
 *
 * Takes:  timeout_ms  after which the child is killed; then every later question fails
 * Gives:  answer      appended
 * Errors: as child_run_as()
 */
MUST_USE bool child_ask(struct child *c, const struct str *question, int64_t timeout_ms,
                        struct str *answer, struct err *e);

/* Asks the empty question, ends the child and frees it. NULL is nothing to stop. */
void child_stop(struct child **c);

/* For one that has become another program, and answers nothing: waits a moment for its end, ends it
 * and frees it. */
void child_end(struct child **c);

#endif
