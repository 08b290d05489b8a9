/* handover.c: wait for the other user's proof. */
#include "cli/handover.h"

#include "base/fiber.h"
#include "base/log.h"
#include "cli/deliver.h"
#include "inotify/watch.h"

#define TOO_LONG_S INT64_C(86400) /* then it will not come about by itself */

static bool
are_brought(const struct report *r)
{
    for (size_t i = 0; i < r->target_count; i++)
        if (!report_is_proved(r, r->targets[i].name))
            return false;
    return true;
}

static int
least(int64_t a_ms, int64_t b_ms)
{
    return (int)(b_ms < 0 || a_ms < b_ms ? a_ms : b_ms);
}

/* Until he has written something down. False: it is too late. */
static bool
wait_for_word(struct app *app, struct watch *w, int64_t deadline_ms, struct err *e)
{
    struct pollfd p = {.fd = watch_descriptor(w), .events = POLLIN};
    int64_t now_ms = app->clock->steady_ms(app->clock);
    const char *path = NULL;
    size_t thing = 0;

    while (now_ms < deadline_ms) {
        int64_t due_ms = watch_due_ms(w);

        if (watch_take(w, now_ms, &thing, &path))
            return true;
        (void)fiber_poll(&p, 1, least(deadline_ms - now_ms, due_ms < 0 ? -1 : due_ms - now_ms));
        now_ms = app->clock->steady_ms(app->clock);
        if (!watch_read(w, now_ms, e))
            return false;
    }
    return false;
}

static bool
wait_for_all(struct app *app, struct report *r, struct err *e)
{
    int64_t deadline_ms =
        app->clock->steady_ms(app->clock) + app->config.settings.lock_wait_s * 1000;
    const struct watch_path path = {.path = r->state.proofs_path};
    own_watch struct watch *w = watch_new(e);

    if (w == NULL || !watch_set(w, 0, &path, 1, e))
        return false;
    do {
        if (!state_read_proofs(&r->state, e))
            return false;
    } while (!are_brought(r) && wait_for_word(app, w, deadline_ms, e));
    return e->code == ERR_NONE;
}

void
handover_wait(struct app *app, struct report *r)
{
    int64_t age_s = app->clock->now_s(app->clock) - r->plan.generation.created_at_s;
    enum err_code code = age_s > TOO_LONG_S ? ERR_UNPROVED : ERR_BUSY;
    struct err e = {0};

    if (!are_brought(r) && !wait_for_all(app, r, &e))
        log_debug("who deploys is not waited for: %s", e.text);
    deliver_recall(r);
    for (size_t i = 0; i < r->target_count; i++) {
        struct report_target *t = &r->targets[i];
        const char *why = state_target_error(&r->state, t->name);

        if (report_is_proved(r, t->name))
            continue;
        if (why != NULL)
            (void)err_set(&t->e, code, "who deploys has failed: %s", why);
        else
            (void)err_set(&t->e, code,
                          "what is issued is not proved to be served by who deploys, a member of "
                          "group '%s' (pgcert-watch.service does it)",
                          app->config.settings.deploy_group);
        deliver_tell(r, t);
    }
}
