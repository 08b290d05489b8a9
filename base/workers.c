/* workers.c: fork, divide the items, hear of each by a pipe. */
#include "base/workers.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 64

/* What a child says when an item is done: written at once, so that no two of them mix. */
struct word {
    size_t item;
    struct err error;
};

_Static_assert(sizeof(struct word) <= PIPE_BUF, "a word is written in one piece");

/* What all children get. */
struct job {
    workers_step *step;
    void *context;
    struct err *errors;
    size_t count;
    size_t workers;
};

/* The cores that this process may use. */
static size_t
count_cores(void)
{
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX : (size_t)cores;
}

/* ---- the child ---- */

/* Every so-manieth item, beginning with its own number. */
static _Noreturn void
work(const struct job *j, size_t number, int out, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    for (size_t i = number; i < j->count; i += j->workers) {
        struct word w = {.item = i};

        if (j->errors[i].code != ERR_NONE)
            continue;
        (void)j->step(j->context, i, &w.error);
        if (!file_write_all(out, &w, sizeof(w)))
            _exit(1);
    }
    _exit(0);
}

/* ---- the parent ---- */

/* Until each child has closed its end. */
static void
listen(const struct job *j, int in, bool *heard)
{
    struct word w;
    size_t have = 0;

    for (;;) {
        ssize_t n = read(in, (char *)&w + have, sizeof(w) - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        have += (size_t)n;
        if (have < sizeof(w))
            continue;
        have = 0;
        if (w.item >= j->count)
            continue;
        heard[w.item] = true;
        j->errors[w.item] = w.error;
    }
}

/* How many were started. */
static size_t
start(const struct job *j, int in, int out, pid_t *pids)
{
    pid_t parent = getpid();

    for (size_t w = 0; w < j->workers; w++) {
        pids[w] = fork();
        if (pids[w] < 0)
            return w;
        if (pids[w] == 0) {
            (void)close(in);
            work(j, w, out, parent);
        }
    }
    return j->workers;
}

static void
await(const pid_t *pids, size_t count)
{
    for (size_t w = 0; w < count; w++)
        while (waitpid(pids[w], NULL, 0) < 0 && errno == EINTR)
            continue;
}

static bool
run(const struct job *j, bool *heard, struct err *e)
{
    int ends[2] = {-1, -1};
    pid_t pids[WORKERS_MAX];
    size_t started = 0;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, "make a pipe for workers");
    started = start(j, ends[0], ends[1], pids);
    if (started == 0)
        (void)err_errno(e, "start a worker");
    own_fd_drop(&ends[1]);
    listen(j, ends[0], heard);
    own_fd_drop(&ends[0]);
    await(pids, started);
    return started > 0;
}

/* Whatever nobody has said a word of: its worker was killed, or could not be started. */
static void
mark_unheard(const struct job *j, const bool *heard)
{
    for (size_t i = 0; i < j->count; i++)
        if (!heard[i] && j->errors[i].code == ERR_NONE)
            (void)err_set(&j->errors[i], ERR_SYSTEM,
                          "the process that worked on it has ended too early; try again");
}

bool
workers_run(workers_step *step, void *context, struct err *errors, size_t count, struct err *e)
{
    struct job j = {step, context, errors, count, count_cores()};
    own_mem bool *heard = NULL;

    j.workers = j.workers > count ? count : j.workers;
    if (j.workers <= 1) {
        for (size_t i = 0; i < count; i++)
            if (errors[i].code == ERR_NONE)
                (void)step(context, i, &errors[i]);
        return true;
    }
    heard = calloc(count, sizeof(*heard));
    if (heard == NULL)
        return err_memory(e);
    if (!run(&j, heard, e))
        return false;
    mark_unheard(&j, heard);
    return true;
}

/* ---- one beside us ---- */

static _Noreturn void
work_beside(worker_main *main, void *context, const int ends[2], pid_t parent)
{
    sigset_t none;

    (void)close(ends[0]);
    (void)signal(SIGINT, SIG_IGN); /* before one that waits comes through */
    (void)sigemptyset(&none);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
        sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        _exit(1);
    main(context, ends[1]);
    _exit(0);
}

bool
workers_start(struct worker *w, worker_main *main, void *context, struct err *e)
{
    int ends[2] = {-1, -1};
    pid_t parent = getpid();
    pid_t pid = 0;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, "make a pipe for a worker");
    pid = fork();
    if (pid == 0)
        work_beside(main, context, ends, parent);
    (void)close(ends[1]);
    if (pid < 0) {
        (void)err_errno(e, "start a worker");
        (void)close(ends[0]);
        return false;
    }
    *w = (struct worker){.pid = pid, .out = ends[0]};
    return true;
}

bool
workers_finish(struct worker *w)
{
    int status = 0;

    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)close(w->out);
    *w = (struct worker){0};
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void
workers_kill(struct worker *w)
{
    if (w->pid == 0)
        return;
    (void)kill(w->pid, SIGKILL);
    (void)workers_finish(w);
}
