/* watch_event.c: what `watch` has to tell. */
#include "cli/watch_event.h"

#include "base/fiber.h"
#include "base/log.h"
#include "cli/event.h"
#include "cli/term.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define TAKEN_MS 1000 /* how long whoever reads our lines may be busy with others */

/* ---- lines ---- */

/* What watch_event_await() has found. */
static bool is_stuck, is_error_stuck;

static bool
can_write(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return fiber_poll(&p, 1, wait_ms) != 0; /* a failure is the writer's */
}

void
watch_event_await(void)
{
    is_stuck = !can_write(STDOUT_FILENO, is_stuck ? 0 : TAKEN_MS);
    is_error_stuck = is_stuck && !can_write(STDERR_FILENO, 0);
}

/* To a pager, or a stopped terminal, we would write for ever, and hold the lock meanwhile. What is
 * dropped is told once, where that is not as stuck. */
static bool
is_taken(void)
{
    static bool was_told;

    if (is_stuck && !is_error_stuck && !was_told) {
        was_told = true;
        log_say(LOG_LEVEL_WARNING, "nobody reads the lines of watch, so they are dropped until "
                                   "somebody does");
    }
    return !is_stuck;
}

/* {"event": ..., "at": ...} */
static struct json_t *
event_new(const struct app *app, const char *event)
{
    struct json_t *object = json_new_object();

    json_put_text(object, "event", event);
    json_put_time(object, "at", app->clock->now_s(app->clock));
    return object;
}

/* One line, which is out before anything else happens. */
static void
print(const struct json_t *object)
{
    own_mem char *text = json_encode(object);

    if (text != NULL && is_taken())
        (void)printf("%s\n", text);
    (void)fflush(stdout);
}

void
watch_event_begin(const struct app *app, const char *event, size_t certificates, size_t directories)
{
    own_json struct json_t *object = app->json ? event_new(app, event) : NULL;

    watch_event_await();
    if (object != NULL) {
        json_put_int(object, "certificates", (int64_t)certificates);
        json_put_int(object, "directories", (int64_t)directories);
        print(object);
    } else if (!app->quiet && is_taken()) {
        (void)printf("%s: %zu certificate%s in %zu director%s\n", event, certificates,
                     certificates == 1 ? "" : "s", directories, directories == 1 ? "y" : "ies");
        (void)fflush(stdout);
    }
}

void
watch_event_change(const struct app *app, const char *certificate, const char *path)
{
    own_json struct json_t *object = app->json ? event_new(app, "changed") : NULL;

    watch_event_await();
    if (object != NULL) {
        json_put_text(object, "name", certificate);
        json_put_text(object, "path", path);
        print(object);
    } else if (!app->quiet && is_taken()) {
        (void)printf("%s: '%s' has changed\n", certificate, path);
        (void)fflush(stdout);
    }
}

/* Each target's failure; or that of the whole, where it is none of theirs. */
static void
tell_failures(const struct report *r, const char *again)
{
    bool told = false;

    for (size_t i = 0; i < r->target_count; i++) {
        const struct report_target *t = &r->targets[i];
        struct err e = t->e;

        if (e.code == ERR_NONE)
            continue;
        (void)err_wrap(&e, "%s: [target %s]", r->certificate->name, t->name);
        event_failed(r, t->name, &e, again);
        told = true;
    }
    if (!told)
        event_failed(r, NULL, &r->trouble, again);
}

void
watch_event_report(const struct app *app, const struct report *r, int64_t again_ms)
{
    bool bad = r->trouble.code != ERR_NONE;
    own_json struct json_t *object =
        app->json && r->state.json != NULL ? event_new(app, bad ? "failed" : "done") : NULL;
    char again[CLOCK_SPAN_SIZE];

    clock_span(again, again_ms);
    term_clear();
    if (bad)
        tell_failures(r, again);
    event_report(r);
    if (object != NULL) {
        json_put(object, "certificate", report_json(r, true));
        print(object);
    } else if (!app->quiet && !app->json && !event_is_line() && r->did.count > 0 && is_taken()) {
        report_print_line(r, app->clock->now_s(app->clock));
    }
}

void
watch_event_clients(struct app *app, const struct trust_done *done)
{
    own_json struct json_t *object = app->json ? event_new(app, "clients") : NULL;

    watch_event_await();
    if (done->did_prove)
        event_clients(done->target, done->did_install);
    if (object == NULL && is_taken()) {
        trust_print_lines(app, done); /* a failure is told by who knows whether it is new */
        (void)fflush(stdout);
    }
    if (object == NULL)
        return;
    json_put_text(object, "target", done->target);
    json_put_bool(object, "deployed", done->did_install);
    json_put_bool(object, "proved", done->did_prove);
    json_put_int(object, "ended", (int64_t)done->ended->count);
    print(object);
}

void
watch_event_error(const struct app *app, const struct err *e)
{
    own_json struct json_t *object = app->json ? event_new(app, "error") : NULL;

    watch_event_await();
    event_failed(NULL, NULL, e, "");
    if (object == NULL)
        return;
    json_put_text(object, "error", e->text);
    print(object);
}

void
watch_event_end(const struct app *app)
{
    own_json struct json_t *object = app->json ? event_new(app, "stopped") : NULL;

    watch_event_await();
    if (object != NULL)
        print(object);
}
