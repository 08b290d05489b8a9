/* loop.c: sd-event(3), loaded when it is needed. */
#include "base/lazy.h"
#include "inotify/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <time.h>

#define INPUTS_MAX 4

/* clang-format off */
/* What is used of libsystemd. */
static struct {
    int (*new)(sd_event **);
    sd_event *(*unref)(sd_event *);
    int (*add_io)(sd_event *, sd_event_source **, int, uint32_t, sd_event_io_handler_t, void *);
    int (*add_time)(sd_event *, sd_event_source **, clockid_t, uint64_t, uint64_t, sd_event_time_handler_t, void *);
    int (*add_signal)(sd_event *, sd_event_source **, int, sd_event_signal_handler_t, void *);
    int (*set_time)(sd_event_source *, uint64_t);
    int (*set_enabled)(sd_event_source *, int);
    sd_event_source *(*drop)(sd_event_source *);
    int (*set_watchdog)(sd_event *, int);
    int (*loop)(sd_event *);
    int (*end)(sd_event *, int);
} sd;

static const struct lazy_symbol symbols[] = {
    {"sd_event_new",                 &sd.new},
    {"sd_event_unref",               &sd.unref},
    {"sd_event_add_io",              &sd.add_io},
    {"sd_event_add_time",            &sd.add_time},
    {"sd_event_add_signal",          &sd.add_signal},
    {"sd_event_source_set_time",     &sd.set_time},
    {"sd_event_source_set_enabled",  &sd.set_enabled},
    {"sd_event_source_disable_unref", &sd.drop},
    {"sd_event_set_watchdog",        &sd.set_watchdog},
    {"sd_event_loop",                &sd.loop},
    {"sd_event_exit",                &sd.end},
    {NULL,                           NULL},
};
/* clang-format on */

/* A descriptor that is heard; source NULL: a free place. */
struct input {
    struct loop *loop;
    int fd;
    sd_event_source *source;
};

struct loop {
    const struct loop_handlers *handlers;
    void *user;
    sd_event *event;
    sd_event_source *timer;
    struct input inputs[INPUTS_MAX];
};

/* What libsystemd returned, as an error. */
static bool
is_good(int result, const char *what, struct err *e)
{
    if (result >= 0)
        return true;
    errno = -result;
    return err_errno(e, "%s", what);
}

static int
on_signal(sd_event_source *s, const struct signalfd_siginfo *about, void *user)
{
    struct loop *l = user;

    (void)s;
    l->handlers->signal(l->user, (int)about->ssi_signo);
    return 0;
}

static int
on_input(sd_event_source *s, int fd, uint32_t what, void *user)
{
    const struct input *i = user;

    (void)s;
    (void)what;
    i->loop->handlers->input(i->loop->user, fd);
    return 0;
}

static int
on_wake(sd_event_source *s, uint64_t now_us, void *user)
{
    struct loop *l = user;

    (void)s;
    (void)now_us;
    l->handlers->wake(l->user);
    return 0;
}

/* sd-event wants signals blocked which it is to deliver. */
static bool
take_signals(struct loop *l, struct err *e)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < COUNT(numbers); i++)
        (void)sigaddset(&set, numbers[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_errno(e, "block signals");
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (!is_good(sd.add_signal(l->event, NULL, numbers[i], on_signal, l), "wait for signals",
                     e))
            return false;
    return true;
}

struct loop *
loop_new(const struct loop_handlers *handlers, void *user, struct err *e)
{
    static void *library;
    own_loop struct loop *l = NULL;

    if (!lazy_load(&library, "libsystemd.so.0", symbols, e))
        return NULL;
    l = calloc(1, sizeof(*l));
    if (l == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    l->handlers = handlers;
    l->user = user;
    if (!is_good(sd.new(&l->event), "make an event loop", e) || !take_signals(l, e) ||
        !is_good(sd.add_time(l->event, &l->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_wake, l),
                 "make a timer", e) ||
        !is_good(sd.set_watchdog(l->event, 1), "answer the watchdog", e))
        return NULL;
    return TAKE(l);
}

bool
loop_hear(struct loop *l, int fd, struct err *e)
{
    for (size_t i = 0; i < INPUTS_MAX; i++) {
        struct input *in = &l->inputs[i];

        if (in->source != NULL)
            continue;
        *in = (struct input){.loop = l, .fd = fd};
        return is_good(sd.add_io(l->event, &in->source, fd, EPOLLIN, on_input, in),
                       "wait for a descriptor", e);
    }
    return err_set(e, ERR_INTERNAL, "more descriptors than the loop has room for");
}

void
loop_ignore(struct loop *l, int fd)
{
    for (size_t i = 0; i < INPUTS_MAX; i++)
        if (l->inputs[i].source != NULL && l->inputs[i].fd == fd)
            l->inputs[i].source = sd.drop(l->inputs[i].source);
}

bool
loop_wake_at(struct loop *l, int64_t at_ms, struct err *e)
{
    if (at_ms < 0)
        return is_good(sd.set_enabled(l->timer, SD_EVENT_OFF), "stop a timer", e);
    return is_good(sd.set_time(l->timer, (uint64_t)at_ms * 1000), "set a timer", e) &&
           is_good(sd.set_enabled(l->timer, SD_EVENT_ONESHOT), "start a timer", e);
}

bool
loop_run(struct loop *l, struct err *e)
{
    return is_good(sd.loop(l->event), "wait for events", e);
}

void
loop_end(struct loop *l)
{
    (void)sd.end(l->event, 0);
}

void
loop_free(struct loop **l)
{
    if (*l == NULL)
        return;
    for (size_t i = 0; i < INPUTS_MAX; i++)
        if ((*l)->inputs[i].source != NULL)
            (void)sd.drop((*l)->inputs[i].source);
    if ((*l)->timer != NULL)
        (void)sd.drop((*l)->timer);
    if ((*l)->event != NULL)
        (void)sd.unref((*l)->event);
    free(*l);
    *l = NULL;
}
