/* fiber.c: stacks by ucontext(3), one loop that waits for all. */
#include "base/fiber.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#define GUARD 4096 /* bytes below a stack that end the program when it overflows */

struct fiber {
    const char *name;
    void *argument;
    ucontext_t context;
    void *memory; /* GUARD and the stack */
    void *shadow; /* AddressSanitizer's */
    bool is_ready, is_over;

    struct pollfd *fds; /* of fiber_poll(), the waiter's own */
    nfds_t fd_count;
    int fd_result; /* as poll(2) returns it, but errno negative */
    bool is_polling;
    int64_t until_ms; /* negative: no deadline */

    struct fiber_queue *queue; /* where it waits; NULL: nowhere */
    struct fiber *next;        /* in that queue */
};

/* One fiber_run(). */
static struct loop {
    fiber_main *main;
    ucontext_t context; /* of the loop itself */
    void *shadow;
    const void *stack; /* of the loop itself, as AddressSanitizer has it */
    size_t stack_size;
    struct fiber **fibers; /* those that have begun and are not over */
    size_t count;
    struct pollfd *fds; /* of all of them */
    size_t fd_room;
    struct fiber *current; /* NULL: the loop */
} * loop;

static fiber_pump *pump;

static int64_t
now_ms(void)
{
    return clock_system.steady_ms(&clock_system);
}

/* ---- from one stack to another ---- */

/* Tells AddressSanitizer where the program goes on; a fiber that ends leaves its shadow. */
static void
announce(void **shadow, const void *bottom, size_t size)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(shadow, bottom, size);
#else
    (void)shadow;
    (void)bottom;
    (void)size;
#endif
}

static void
arrive(void *shadow, const void **from, size_t *size)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(shadow, from, size);
#else
    (void)shadow;
    (void)from;
    (void)size;
#endif
}

static void *
stack_of(const struct fiber *f)
{
    return (char *)f->memory + GUARD;
}

/* From the loop into a fiber, until it waits or ends. */
static void
enter(struct fiber *f)
{
    f->is_ready = false;
    loop->current = f;
    announce(&loop->shadow, stack_of(f), FIBER_STACK);
    (void)swapcontext(&loop->context, &f->context);
    arrive(loop->shadow, NULL, NULL);
    loop->current = NULL;
}

/* From a fiber back to the loop. */
static void
leave(struct fiber *f)
{
    int kept = errno;

    announce(f->is_over ? NULL : &f->shadow, loop->stack, loop->stack_size);
    (void)swapcontext(&f->context, &loop->context);
    arrive(f->shadow, NULL, NULL);
    errno = kept;
}

static void
begin(void)
{
    struct fiber *f = loop->current;

    arrive(NULL, &loop->stack, &loop->stack_size);
    loop->main(f->argument);
    f->is_over = true;
    leave(f);
}

/* ---- birth and death ---- */

static void
drop(struct fiber *f)
{
    if (f->memory != NULL)
        (void)munmap(f->memory, GUARD + FIBER_STACK);
    free(f);
}

static bool
start(const struct fiber_task *task, struct err *e)
{
    struct fiber *f = calloc(1, sizeof(*f));
    void *memory = mmap(NULL, GUARD + FIBER_STACK, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

    if (f == NULL || memory == MAP_FAILED || mprotect(memory, GUARD, PROT_NONE) < 0) {
        (void)err_errno(e, "get a stack for '%s'", task->name);
        if (memory != MAP_FAILED)
            (void)munmap(memory, GUARD + FIBER_STACK);
        free(f);
        return false;
    }
    *f = (struct fiber){.name = task->name,
                        .argument = task->argument,
                        .memory = memory,
                        .is_ready = true,
                        .until_ms = -1};
    (void)getcontext(&f->context);
    f->context.uc_stack.ss_sp = stack_of(f);
    f->context.uc_stack.ss_size = FIBER_STACK;
    f->context.uc_link = NULL;
    makecontext(&f->context, begin, 0);
    loop->fibers[loop->count++] = f;
    return true;
}

static void
bury(void)
{
    size_t kept = 0;

    for (size_t i = 0; i < loop->count; i++) {
        if (loop->fibers[i]->is_over)
            drop(loop->fibers[i]);
        else
            loop->fibers[kept++] = loop->fibers[i];
    }
    loop->count = kept;
}

/* ---- the loop ---- */

/* Collects what all of them wait for. Gives how long that may take at most; -1: for ever. */
static bool
collect(size_t *fd_count, int *timeout_ms, struct err *e)
{
    int64_t now = now_ms(), until = -1;
    size_t count = 0;

    for (size_t i = 0; i < loop->count; i++) {
        const struct fiber *f = loop->fibers[i];

        count += f->is_polling ? f->fd_count : 0;
        if (f->until_ms >= 0 && (until < 0 || f->until_ms < until))
            until = f->until_ms;
    }
    if (count > loop->fd_room) {
        struct pollfd *fds = reallocarray(loop->fds, count * 2, sizeof(*fds));

        if (fds == NULL)
            return err_memory(e);
        loop->fds = fds;
        loop->fd_room = count * 2;
    }
    *fd_count = 0;
    for (size_t i = 0; i < loop->count; i++)
        for (nfds_t n = 0; loop->fibers[i]->is_polling && n < loop->fibers[i]->fd_count; n++)
            loop->fds[(*fd_count)++] = loop->fibers[i]->fds[n];
    *timeout_ms = until < 0             ? -1
                  : until <= now        ? 0
                  : until - now > 60000 ? 60000
                                        : (int)(until - now);
    return true;
}

static void
take_out(struct fiber *f)
{
    struct fiber_queue *q = f->queue;
    struct fiber *before = NULL;

    if (q == NULL)
        return;
    for (struct fiber *at = q->first; at != f; at = at->next)
        before = at;
    if (before == NULL)
        q->first = f->next;
    else
        before->next = f->next;
    if (q->last == f)
        q->last = before;
    f->queue = NULL;
    f->next = NULL;
}

/* Hands out what came, and wakes those whose time is over. */
static void
hand_out(int result, int error)
{
    int64_t now = now_ms();
    size_t at = 0;

    for (size_t i = 0; i < loop->count; i++) {
        struct fiber *f = loop->fibers[i];
        int hits = 0;

        for (nfds_t n = 0; f->is_polling && n < f->fd_count; n++, at++) {
            f->fds[n].revents = loop->fds[at].revents;
            hits += f->fds[n].revents != 0;
        }
        if (hits > 0 || (f->is_polling && result < 0 && error != EINTR)) {
            f->fd_result = hits > 0 ? hits : -error;
            f->is_ready = true;
        } else if (f->until_ms >= 0 && f->until_ms <= now && !f->is_ready) {
            f->fd_result = 0;
            f->is_ready = true;
            take_out(f);
        }
    }
}

static bool
any_ready(void)
{
    for (size_t i = 0; i < loop->count; i++)
        if (loop->fibers[i]->is_ready)
            return true;
    return false;
}

/* Everybody who can go on does; then waits for something to come. */
static bool
turn(struct err *e)
{
    size_t fd_count = 0;
    int timeout_ms = 0, result = 0;

    for (size_t i = 0; i < loop->count; i++)
        if (loop->fibers[i]->is_ready)
            enter(loop->fibers[i]);
    bury();
    if (loop->count == 0 || any_ready())
        return true;
    if (!collect(&fd_count, &timeout_ms, e))
        return false;
    for (size_t i = 0; i < fd_count; i++)
        loop->fds[i].revents = 0;
    errno = 0;
    result = pump != NULL ? pump(loop->fds, fd_count, timeout_ms)
                          : poll(loop->fds, fd_count, timeout_ms);
    hand_out(result, errno);
    return true;
}

static bool
run_all(const struct fiber_task *tasks, size_t count, struct err *e)
{
    size_t begun = 0;
    bool good = true;

    while (begun < count || loop->count > 0) {
        while (good && begun < count && loop->count < FIBERS_MAX) {
            good = start(&tasks[begun], e);
            begun++;
        }
        if (!good && loop->count == 0)
            return false;
        if (!good)
            begun = count;
        /* without memory for what they wait for, nobody can go on */
        if (loop->count > 0 && !turn(e))
            return false;
    }
    return good;
}

bool
fiber_run(fiber_main *main, const struct fiber_task *tasks, size_t count, struct err *e)
{
    struct fiber *fibers[FIBERS_MAX];
    struct loop l = {.main = main, .fibers = fibers};
    bool good = false;

    if (count <= 1 || fiber_is_inside()) {
        for (size_t i = 0; i < count; i++)
            main(tasks[i].argument);
        return true;
    }
    loop = &l;
    good = run_all(tasks, count, e);
    for (size_t i = 0; i < l.count; i++)
        drop(fibers[i]);
    free(l.fds);
    loop = NULL;
    return good;
}

bool
fiber_is_inside(void)
{
    return loop != NULL && loop->current != NULL;
}

const char *
fiber_name(void)
{
    return fiber_is_inside() ? loop->current->name : NULL;
}

void
fiber_rename(const char *name)
{
    if (fiber_is_inside())
        loop->current->name = name;
}

void
fiber_forget(void)
{
    loop = NULL;
    pump = NULL;
}

void
fiber_set_pump(fiber_pump *new_pump)
{
    pump = new_pump;
}

/* ---- waiting ---- */

static void
rest_until(struct fiber *f, int timeout_ms)
{
    f->until_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    f->fd_result = 0;
    leave(f);
    f->until_ms = -1;
}

int
fiber_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct fiber *f = NULL;

    if (!fiber_is_inside())
        return poll(fds, count, timeout_ms);
    f = loop->current;
    f->fds = fds;
    f->fd_count = count;
    f->is_polling = true;
    rest_until(f, timeout_ms);
    f->is_polling = false;
    if (f->fd_result < 0)
        errno = -f->fd_result;
    return f->fd_result < 0 ? -1 : f->fd_result;
}

bool
fiber_wait(struct fiber_queue *q, int timeout_ms)
{
    struct fiber *f = loop->current;

    f->queue = q;
    f->next = NULL;
    if (q->last == NULL)
        q->first = f;
    else
        q->last->next = f;
    q->last = f;
    f->fd_result = 1;
    f->until_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    leave(f);
    f->until_ms = -1;
    return f->fd_result != 0;
}

void
fiber_wake(struct fiber_queue *q)
{
    struct fiber *f = q->first;

    if (f == NULL)
        return;
    take_out(f);
    f->is_ready = true;
}

void
fiber_wake_all(struct fiber_queue *q)
{
    while (q->first != NULL)
        fiber_wake(q);
}

struct fiber_lock *
fiber_lock(struct fiber_lock *l)
{
    if (l->is_held && fiber_is_inside())
        (void)fiber_wait(&l->queue, -1); /* handed over by fiber_unlock() */
    l->is_held = true;
    return l;
}

void
fiber_unlock(struct fiber_lock **l)
{
    if (*l == NULL)
        return;
    (*l)->is_held = (*l)->queue.first != NULL;
    fiber_wake(&(*l)->queue);
    *l = NULL;
}
