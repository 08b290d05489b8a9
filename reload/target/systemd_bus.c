/* systemd_bus.c: sd-bus, loaded late, and never waiting without a deadline. */
#include "reload/target/systemd.h"

#include "base/clock.h"
#include "base/fiber.h"
#include "base/lazy.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#define CALL_MS 5000 /* systemd answers within some milliseconds */
#define OWN_SOCKET "/run/systemd/private"
#define SYSTEM_SOCKET "/run/dbus/system_bus_socket"
#define SERVICE "org.freedesktop.systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define UNIT "org.freedesktop.systemd1.Unit"
#define MANAGER_PATH "/org/freedesktop/systemd1"

/* clang-format off */
static struct {
    int (*new)(sd_bus **);
    int (*set_address)(sd_bus *, const char *);
    int (*set_client)(sd_bus *, int);
    int (*start)(sd_bus *);
    sd_bus *(*close)(sd_bus *);
    int (*fd)(sd_bus *);
    int (*events)(sd_bus *);
    int (*process)(sd_bus *, sd_bus_message **);
    int (*call)(sd_bus *, sd_bus_slot **, const char *, const char *, const char *, const char *,
                sd_bus_message_handler_t, void *, const char *, ...);
    int (*match)(sd_bus *, sd_bus_slot **, const char *, const char *, const char *, const char *,
                 sd_bus_message_handler_t, sd_bus_message_handler_t, void *);
    sd_bus_slot *(*forget)(sd_bus_slot *);
    sd_bus_message *(*keep)(sd_bus_message *);
    sd_bus_message *(*drop)(sd_bus_message *);
    int (*read)(sd_bus_message *, const char *, ...);
    const sd_bus_error *(*error)(sd_bus_message *);
    const char *(*sender)(sd_bus_message *);
} sd;

static const struct lazy_symbol symbols[] = {
    {"sd_bus_new",                 &sd.new},
    {"sd_bus_set_address",         &sd.set_address},
    {"sd_bus_set_bus_client",      &sd.set_client},
    {"sd_bus_start",               &sd.start},
    {"sd_bus_close_unref",         &sd.close}, /* to flush could wait without end */
    {"sd_bus_get_fd",              &sd.fd},
    {"sd_bus_get_events",          &sd.events},
    {"sd_bus_process",             &sd.process},
    {"sd_bus_call_method_async",   &sd.call},
    {"sd_bus_match_signal_async",  &sd.match},
    {"sd_bus_slot_unref",          &sd.forget},
    {"sd_bus_message_ref",         &sd.keep},
    {"sd_bus_message_unref",       &sd.drop},
    {"sd_bus_message_read",        &sd.read},
    {"sd_bus_message_get_error",   &sd.error},
    {"sd_bus_message_get_sender",  &sd.sender},
    {NULL,                         NULL},
};

/* What the name of a D-Bus error means for us. */
static const struct {
    const char *name;
    enum err_code code;
    const char *remedy;
} meanings[] = {
    {"org.freedesktop.DBus.Error.AccessDenied", ERR_PERMISSION,
     "; run pgcert as root, or allow org.freedesktop.systemd1.manage-units by a rule of polkit"},
    {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", ERR_PERMISSION,
     "; run pgcert as root, or allow org.freedesktop.systemd1.manage-units by a rule of polkit"},
    {"org.freedesktop.systemd1.NoSuchUnit",           ERR_CONFIG,  ""},
    {"org.freedesktop.systemd1.UnitMasked",           ERR_CONFIG,  ""},
    {"org.freedesktop.systemd1.JobTypeNotApplicable", ERR_CONFIG,  ""},
    {"org.freedesktop.DBus.Error.NoReply",            ERR_TIMEOUT, ""},
};
/* clang-format on */

struct systemd_bus {
    sd_bus *bus;
    bool is_own;   /* systemd itself is at the other end, and nobody else */
    char name[32]; /* which the bus has for systemd, such as ":1.0"; "" before its first answer */
};

/* An answer that is waited for. */
struct answer {
    bool is_there;
    sd_bus_message *message;
};

/* A job that is waited for. */
struct job {
    const struct systemd_bus *bus;
    char *path; /* NULL: not known yet */
    bool has_ended;
    char result[32];
};

/* ---- waiting ---- */

/* sd-bus gives -errno. */
static bool
failed(int result, const char *what, struct err *e)
{
    errno = -result;
    (void)err_errno(e, "%s", what);
    if (result == -ENOTCONN || result == -ECONNRESET || result == -EPIPE)
        e->code = ERR_NETWORK;
    return false;
}

/* In place of sd_bus_wait(), so that other fibers go on. */
static bool
wait_for(struct systemd_bus *b, const bool *done, int64_t timeout_ms, struct err *e)
{
    int64_t until_ms = clock_system.steady_ms(&clock_system) + timeout_ms;

    while (!*done) {
        int64_t left_ms = until_ms - clock_system.steady_ms(&clock_system);
        int worked = sd.process(b->bus, NULL);
        struct pollfd p = {.fd = sd.fd(b->bus)};

        if (worked < 0)
            return failed(worked, "speak with systemd", e);
        if (worked > 0)
            continue;
        if (left_ms <= 0)
            return err_set(e, ERR_TIMEOUT, "systemd has not answered in time");
        p.events = (short)sd.events(b->bus);
        if (fiber_poll(&p, 1, (int)left_ms) < 0 && errno != EINTR)
            return err_errno(e, "wait for systemd");
    }
    return true;
}

static int
take_answer(sd_bus_message *m, void *user, sd_bus_error *ignored)
{
    struct answer *a = user;

    (void)ignored;
    a->is_there = true;
    a->message = sd.keep(m);
    return 0;
}

static bool
judge(sd_bus_message *m, const char *method, struct err *e)
{
    const sd_bus_error *error = sd.error(m);
    enum err_code code = ERR_SYSTEM;
    const char *remedy = "";

    if (error == NULL)
        return true;
    for (size_t i = 0; i < COUNT(meanings); i++) {
        if (strcmp(error->name, meanings[i].name) != 0)
            continue;
        code = meanings[i].code;
        remedy = meanings[i].remedy;
    }
    return err_set(e, code, "systemd refuses %s: %.300s%s", method,
                   error->message != NULL ? error->message : error->name, remedy);
}

/* What is called, with its arguments, all texts. */
struct call {
    const char *path, *interface, *method;
    const char *types, *first, *second;
};

static const char *
sender_of(sd_bus_message *m)
{
    const char *sender = sd.sender(m);

    return sender == NULL ? "" : sender;
}

/* *reply is the caller's to drop. */
static bool
call(struct systemd_bus *b, const struct call *c, sd_bus_message **reply, struct err *e)
{
    struct answer a = {0};
    sd_bus_slot *slot = NULL;
    int sent = sd.call(b->bus, &slot, SERVICE, c->path, c->interface, c->method, take_answer, &a,
                       c->types, c->first, c->second);
    bool good =
        sent < 0 ? failed(sent, "speak with systemd", e) : wait_for(b, &a.is_there, CALL_MS, e);

    (void)sd.forget(slot);
    if (good) /* only who was called can answer */
        (void)snprintf(b->name, sizeof(b->name), "%s", sender_of(a.message));
    good = good && judge(a.message, c->method, e);
    if (good)
        *reply = TAKE(a.message);
    (void)sd.drop(a.message);
    return good;
}

/* ---- what is asked ---- */

/* The one text of an answer. */
static bool
ask_text(struct systemd_bus *b, const struct call *c, const char *type, char **out, struct err *e)
{
    sd_bus_message *reply = NULL;
    const char *text = NULL;
    int got = 0;

    if (!call(b, c, &reply, e))
        return false;
    got = type[0] == 'v' ? sd.read(reply, "v", type + 1, &text) : sd.read(reply, type, &text);
    *out = got < 0 || text == NULL ? NULL : strdup(text);
    (void)sd.drop(reply);
    return *out != NULL ||
           err_set(e, ERR_PROTOCOL, "systemd's answer to %s has no text", c->method);
}

static bool
ask_state(struct systemd_bus *b, const char *path, const char *name, char out[static 32],
          struct err *e)
{
    const struct call get = {
        path, "org.freedesktop.DBus.Properties", "Get", "ss", UNIT, name,
    };
    own_mem char *text = NULL;

    if (!ask_text(b, &get, "vs", &text, e))
        return false;
    (void)snprintf(out, 32, "%s", text);
    return true;
}

static bool
ask_can_reload(struct systemd_bus *b, const char *path, bool *can, struct err *e)
{
    const struct call get = {
        path, "org.freedesktop.DBus.Properties", "Get", "ss", UNIT, "CanReload",
    };
    sd_bus_message *reply = NULL;
    int truth = 0;
    int got = 0;

    if (!call(b, &get, &reply, e))
        return false;
    got = sd.read(reply, "v", "b", &truth);
    (void)sd.drop(reply);
    *can = truth != 0;
    return got >= 0 || failed(got, "read systemd's answer", e);
}

bool
systemd_look(struct systemd_bus *b, const char *unit, struct systemd_unit *out, struct err *e)
{
    const struct call load = {MANAGER_PATH, MANAGER, "LoadUnit", "s", unit, NULL};
    own_mem char *path = NULL;

    return ask_text(b, &load, "o", &path, e) && ask_state(b, path, "LoadState", out->load, e) &&
           ask_state(b, path, "ActiveState", out->active, e) &&
           ask_can_reload(b, path, &out->can_reload, e);
}

/* ---- jobs ---- */

/* JobRemoved has number, path, unit and result. On a bus anybody may send one. */
static int
see_job_end(sd_bus_message *m, void *user, sd_bus_error *ignored)
{
    struct job *job = user;
    uint32_t number = 0;
    const char *path = NULL;
    const char *unit = NULL;
    const char *result = NULL;

    (void)ignored;
    if (!job->bus->is_own && strcmp(sender_of(m), job->bus->name) != 0)
        return 0;
    if (job->path == NULL || sd.read(m, "uoss", &number, &path, &unit, &result) < 0 ||
        strcmp(path, job->path) != 0)
        return 0;
    job->has_ended = true;
    (void)snprintf(job->result, sizeof(job->result), "%s", result);
    return 0;
}

/* Without it a failure to watch would end the connection. */
static int
see_watch(sd_bus_message *m, void *user, sd_bus_error *ignored)
{
    (void)m;
    (void)user;
    (void)ignored;
    return 0;
}

static bool
run_job(struct systemd_bus *b, const struct call *start, struct job *job, int64_t timeout_ms,
        struct err *e)
{
    const struct call subscribe = {MANAGER_PATH, MANAGER, "Subscribe", "", NULL, NULL};
    sd_bus_message *reply = NULL;

    if (!call(b, &subscribe, &reply, e))
        return false;
    (void)sd.drop(reply);
    if (!ask_text(b, start, "o", &job->path, e))
        return false;
    if (!wait_for(b, &job->has_ended, timeout_ms, e)) {
        char span[CLOCK_SPAN_SIZE];

        clock_span(span, timeout_ms);
        return e->code != ERR_TIMEOUT
                   ? false
                   : err_set(e, ERR_TIMEOUT, "systemd's %s of '%s' has not ended within %s",
                             start->method, start->first, span);
    }
    return strcmp(job->result, "done") == 0 ||
           err_set(e, ERR_SYSTEM,
                   "systemd's %s of '%s' ended as '%s'; why is told by: journalctl -u %s",
                   start->method, start->first, job->result, start->first);
}

bool
systemd_do(struct systemd_bus *b, const char *method, const char *unit, int64_t timeout_ms,
           struct err *e)
{
    const struct call start = {MANAGER_PATH, MANAGER, method, "ss", unit, "replace"};
    struct job job = {.bus = b};
    sd_bus_slot *slot = NULL;
    /* before the job, or it may have ended before we listen */
    int watched = sd.match(b->bus, &slot, b->is_own ? NULL : SERVICE, MANAGER_PATH, MANAGER,
                           "JobRemoved", see_job_end, see_watch, &job);
    bool good = watched < 0 ? failed(watched, "watch systemd's jobs", e)
                            : run_job(b, &start, &job, timeout_ms, e);

    (void)sd.forget(slot);
    free(job.path);
    return good;
}

/* ---- the connection ---- */

static bool
connect_to(struct systemd_bus *b, const char *socket, struct err *e)
{
    const char *end = strrchr(socket, '/');
    own_mem char *address = str_format("unix:path=%s", socket);
    int result = address == NULL ? -ENOMEM : sd.new(&b->bus);

    b->is_own = end != NULL && strcmp(end, "/private") == 0;
    if (result >= 0)
        result = sd.set_address(b->bus, address);
    if (result >= 0 && !b->is_own) /* a bus wants to be greeted, systemd itself does not */
        result = sd.set_client(b->bus, 1);
    if (result >= 0)
        result = sd.start(b->bus);
    if (result == -ENOENT || result == -ECONNREFUSED)
        return err_set(e, ERR_NETWORK,
                       "systemd is not to be reached at '%s'; is it what runs this machine?",
                       socket);
    if (result >= 0)
        return true;
    errno = -result;
    return err_errno(e, "connect to '%s'", socket);
}

struct systemd_bus *
systemd_open(const char *socket, struct err *e)
{
    static void *library;
    const char *standard = geteuid() == 0 ? OWN_SOCKET : SYSTEM_SOCKET;
    struct systemd_bus *b = NULL;

    if (!lazy_load(&library, "libsystemd.so.0", symbols, e))
        return NULL;
    b = calloc(1, sizeof(*b));
    if (b == NULL)
        (void)err_memory(e);
    else if (connect_to(b, socket != NULL ? socket : standard, e))
        return b;
    systemd_close(b);
    return NULL;
}

void
systemd_close(struct systemd_bus *b)
{
    if (b == NULL)
        return;
    (void)sd.close(b->bus);
    free(b);
}
