/* cmd_watch.c: stay, and deploy whenever a certificate's files change. */
#include "base/dial.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/workers.h"
#include "cli/commands.h"
#include "cli/trust.h"
#include "cli/watch_clients.h"
#include "cli/watch_event.h"
#include "cli/watch_paths.h"
#include "cli/watch_work.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORK_MOST_MS 1800000 /* longer than all that a worker waits for */
#define END_MOST_MS 60000    /* how long its end is waited for when we are to end */

static const char *dial_by_path;

static const struct flag flags[] = {
    {"--dial-by", NULL, NULL, &dial_by_path, "SOCKET",
     "this process has no network: who listens there makes connections (pgcert dial)"},
    {0},
};

/* All that goes on. Its items are the certificates of the settings, by their place there, and
 * behind them, where a target has mutual_tls, what servers trust of clients. */
struct watcher {
    struct app *app;
    struct watch *watch;
    struct loop *loop;
    struct watch_item *items;
    size_t *which; /* room for those that are worked on */
    bool has_clients;

    struct worker worker;
    size_t at_work;      /* how many it works on */
    size_t heard;        /* of how many it has told */
    int64_t deadline_ms; /* when it is killed */
    bool is_outdated;    /* it works by settings that are gone */
    bool is_ending;
    uint64_t short_told; /* a digest of what was told of missing watches */
    struct err e;        /* why it has to end */
};

static int64_t
now_ms(const struct watcher *w)
{
    return w->app->clock->steady_ms(w->app->clock);
}

static size_t
item_count(const struct watcher *w)
{
    return w->app->config.certificate_count + w->has_clients;
}

/* NULL: it is what servers trust of clients, the last item. */
static const struct certificate *
certificate(const struct watcher *w, size_t item)
{
    return item < w->app->config.certificate_count ? &w->app->config.certificates[item] : NULL;
}

static const char *
name_of(const struct watcher *w, size_t item)
{
    const struct certificate *c = certificate(w, item);

    return c == NULL ? WATCH_CLIENTS : c->name;
}

/* ---- what systemd and people are told ---- */

static void
say_status(const struct watcher *w)
{
    size_t failing = 0;
    const char *first = "";

    for (size_t i = 0; i < item_count(w); i++)
        if (w->items[i].failures > 0 && failing++ == 0)
            first = name_of(w, i);
    if (failing == 0)
        notify_say("STATUS=%zu certificates watched, all is well",
                   w->app->config.certificate_count);
    else
        notify_say("STATUS=%zu of %zu certificates fail: %s%s", failing, item_count(w), first,
                   failing > 1 ? " ..." : "");
}

static void
say_short(struct watcher *w)
{
    const char *why = watch_is_short(w->watch);

    if (why == NULL || w->short_told == watch_plan_digest(why))
        return;
    w->short_told = watch_plan_digest(why);
    log_say(LOG_LEVEL_WARNING, "%s", why);
}

/* As root it would be, but the state is another user's. */
static void
say_shut(const struct watcher *w)
{
    for (size_t i = 0; geteuid() != 0 && i < w->app->config.issuer_count; i++) {
        const struct issuer *one = &w->app->config.issuers[i];

        if (one->type == ISSUER_FILES && files_are_shut(&one->files))
            log_say(LOG_LEVEL_WARNING,
                    "[issuer %s]: user %u may not read its files, so what is new there is not "
                    "taken in here; pgcert hook or renew as root does that, and it is deployed "
                    "here then",
                    one->name, (unsigned)geteuid());
    }
}

/* Those fail, and the reason that the kernel gives would tell nobody what to do. */
static void
say_no_network(const struct watcher *w)
{
    const struct config *c = &w->app->config;

    for (size_t i = 0; dial_by_path != NULL && i < c->target_count; i++)
        if (reload_needs_network(c->targets[i]))
            log_say(LOG_LEVEL_WARNING,
                    "[target %s] needs the network (a program, Patroni, or a connection that is no "
                    "Unix socket), and this service has none; give it one by "
                    "pgcert-watch.service.d/network.conf: pgcert-watch(1)",
                    c->targets[i]->name);
}

/* ---- what is watched ---- */

static bool
set_paths(struct watcher *w, size_t item, struct err *e)
{
    own_watch_paths struct watch_paths paths = {0};
    const struct certificate *c = certificate(w, item);

    return (c == NULL ? watch_clients_list(w->app, &paths, e)
                      : watch_paths_list(&w->app->config, c, &paths, e)) &&
           watch_set(w->watch, item, paths.items, paths.count, e);
}

/* What is remembered of one may be damaged, or closed, which the others do not suffer from: when it
 * is worked on, it is told. */
static void
set_all_paths(struct watcher *w)
{
    for (size_t i = 0; i < item_count(w); i++) {
        struct err one = {0};

        if (!set_paths(w, i, &one))
            log_debug("%s", one.text);
    }
}

/* Begins with the settings as they are now; each certificate is due. */
static bool
begin(struct watcher *w, const char *event, struct err *e)
{
    size_t count = 0;

    w->has_clients = trust_is_wanted(w->app);
    count = item_count(w);
    w->watch = watch_new(e);
    w->items = calloc(count + 1, sizeof(*w->items));
    w->which = calloc(count + 1, sizeof(*w->which));
    if (w->watch == NULL)
        return false;
    if (w->items == NULL || w->which == NULL)
        return err_memory(e);
    set_all_paths(w);
    if (!loop_hear(w->loop, watch_descriptor(w->watch), e))
        return false;
    say_short(w);
    say_shut(w);
    say_no_network(w);
    watch_event_begin(w->app, event, w->app->config.certificate_count, watch_count(w->watch));
    for (size_t i = 0; i < count; i++)
        w->items[i].due_ms = now_ms(w);
    return true;
}

static void
stop_watching(struct watcher *w)
{
    if (w->watch != NULL)
        loop_ignore(w->loop, watch_descriptor(w->watch));
    watch_free(&w->watch);
    own_mem_drop(&w->items);
    own_mem_drop(&w->which);
    w->items = NULL;
    w->which = NULL;
}

/* ---- the worker ---- */

/* What was read when we were root is of that moment: the first worker, which has its own copy,
 * takes it in. Later it would be taken for what the files hold. */
static void
forget_ahead(struct watcher *w)
{
    for (size_t i = 0; i < w->app->config.issuer_count; i++)
        if (w->app->config.issuers[i].type == ISSUER_FILES)
            files_forget_ahead(&w->app->config.issuers[i].files);
}

static void
start_worker(struct watcher *w, struct err *e)
{
    struct watch_job job = {w->app, w->items, w->which, w->at_work};

    if (!workers_start(&w->worker, watch_work, &job, e))
        return;
    forget_ahead(w);
    w->heard = 0;
    w->is_outdated = false;
    w->deadline_ms = now_ms(w) + WORK_MOST_MS;
    if (!loop_hear(w->loop, w->worker.out, e))
        workers_kill(&w->worker);
}

/* Starts one for all that are due. Where none can be had, they fail. */
static void
work(struct watcher *w)
{
    int64_t now = now_ms(w);
    struct err e = {0};

    w->at_work = 0;
    for (size_t i = 0; i < item_count(w); i++)
        if (w->items[i].due_ms >= 0 && w->items[i].due_ms <= now)
            w->which[w->at_work++] = i;
    if (w->at_work == 0)
        return;
    for (size_t i = 0; i < w->at_work; i++)
        w->items[w->which[i]].due_ms = -1;
    start_worker(w, &e);
    if (w->worker.pid != 0)
        return;
    watch_event_error(w->app, &e);
    for (size_t i = 0; i < w->at_work; i++)
        watch_plan_bad(&w->items[w->which[i]], 0, now);
}

static int64_t
prove_again_ms(const struct watcher *w, const struct watch_word *word)
{
    int64_t now_s = w->app->clock->now_s(w->app->clock);
    int64_t left_s = word->proved_at_s + w->app->config.settings.prove_again_s - now_s;

    if (word->again_s > 0)
        return now_ms(w) + word->again_s * 1000;
    if (word->proved_at_s == 0)
        return -1;
    return now_ms(w) + (left_s > 0 ? left_s : 1) * 1000;
}

static void
take_word(struct watcher *w, const struct watch_word *word)
{
    struct watch_item *i = &w->items[word->item];
    int64_t now = now_ms(w);
    struct err e = {0};

    w->heard++;
    if (word->is_busy) {
        watch_plan_busy(i, now);
        return;
    }
    /* which files are in place, may be known now only */
    if ((word->did || !word->is_good || i->failures > 0) && !set_paths(w, word->item, &e))
        log_debug("%s", e.text);
    i->is_ours = word->did;
    if (!word->is_good) {
        watch_plan_bad(i, word->told, now);
        return;
    }
    /* what somebody else has done meanwhile cannot be told from what we did: it is looked at again
     */
    watch_plan_good(i, word->deployed, now,
                    word->did ? watch_plan_look(w->app->config.settings.prove_again_s, now)
                              : prove_again_ms(w, word));
}

/* Those it has not told of: it was killed. */
static void
give_up_rest(struct watcher *w)
{
    struct err e = {0};

    (void)err_set(&e, ERR_INTERNAL, "the process that did the work has ended too early; try again");
    if (w->heard < w->at_work)
        watch_event_error(w->app, &e);
    for (size_t i = 0; i < w->at_work && w->heard < w->at_work; i++) {
        struct watch_item *item = &w->items[w->which[i]];

        if (item->due_ms < 0)
            watch_plan_bad(item, 0, now_ms(w));
    }
}

/* What we did ourselves is no change; all of it has happened before the worker has ended. */
static void
absorb(struct watcher *w)
{
    if (!watch_read(w->watch, now_ms(w), &w->e))
        loop_end(w->loop);
    for (size_t i = 0; i < w->at_work; i++) {
        struct watch_item *item = &w->items[w->which[i]];

        if (item->is_ours)
            watch_absorb(w->watch, w->which[i]);
        item->is_ours = false;
    }
}

static void
finish_worker(struct watcher *w, bool is_late)
{
    loop_ignore(w->loop, w->worker.out);
    if (is_late)
        workers_kill(&w->worker);
    else if (!workers_finish(&w->worker))
        log_debug("the worker has ended badly");
    if (!w->is_outdated) {
        give_up_rest(w);
        absorb(w);
    }
    say_short(w);
    say_status(w);
    if (w->is_ending)
        loop_end(w->loop);
}

static void
hear_worker(struct watcher *w)
{
    struct watch_word word;
    ssize_t size = read(w->worker.out, &word, sizeof(word));

    if (size < 0 && errno == EINTR)
        return;
    if (size != (ssize_t)sizeof(word))
        finish_worker(w, false);
    else if (!w->is_outdated && word.item < item_count(w))
        take_word(w, &word);
}

/* ---- the loop ---- */

/* What has changed is due, at once or when it is whole. */
static void
take_changes(struct watcher *w)
{
    const char *path = NULL;
    size_t item = 0;

    while (watch_take(w->watch, now_ms(w), &item, &path)) {
        const struct certificate *c = certificate(w, item);
        bool match = c == NULL || watch_paths_match(c);

        watch_event_change(w->app, name_of(w, item), path);
        watch_plan_change(&w->items[item], match, now_ms(w));
    }
}

static int64_t
earlier(int64_t a_ms, int64_t b_ms)
{
    if (a_ms < 0 || b_ms < 0)
        return a_ms < 0 ? b_ms : a_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

/* Does what can be done now, and says when to be called again. While a worker is at work, changes
 * wait: most are its own, and it has the lock. */
static void
turn(struct watcher *w)
{
    int64_t next_ms = -1;

    if (w->worker.pid == 0 && !w->is_ending && w->e.code == ERR_NONE) {
        take_changes(w);
        work(w);
    }
    if (w->worker.pid != 0)
        next_ms = w->deadline_ms;
    else
        next_ms = earlier(watch_due_ms(w->watch), watch_plan_next(w->items, item_count(w)));
    if (!loop_wake_at(w->loop, next_ms, &w->e))
        loop_end(w->loop);
}

static void
on_input(void *user, int fd)
{
    struct watcher *w = user;

    if (w->worker.pid != 0 && fd == w->worker.out)
        hear_worker(w);
    else if (!watch_read(w->watch, now_ms(w), &w->e))
        loop_end(w->loop);
    turn(w);
}

static void
on_wake(void *user)
{
    struct watcher *w = user;

    if (w->worker.pid != 0 && now_ms(w) >= w->deadline_ms)
        finish_worker(w, true);
    turn(w);
}

/* ---- signals ---- */

/* The new settings, or those before when they are not good. */
static bool
read_again(struct app *app, struct err *e)
{
    struct config before = app->config;

    app->config = (struct config){0};
    if (app_read_config(app, e) && app_enter_state(app, e)) {
        config_done(&before);
        return true;
    }
    config_done(&app->config);
    app->config = before; /* in its old place: there are pointers into it */
    return false;
}

static void
reload(struct watcher *w)
{
    struct err e = {0};

    notify_reloading();
    if (read_again(w->app, &e)) {
        stop_watching(w);
        w->is_outdated = true;
        if (!begin(w, "reloaded", &w->e))
            loop_end(w->loop);
    } else {
        (void)err_wrap(&e, "the settings stay as they were");
        watch_event_error(w->app, &e);
    }
    notify_say("READY=1");
    if (w->e.code == ERR_NONE)
        say_status(w);
}

/* What a worker does is ended in order, unless we are told twice. */
static void
end(struct watcher *w)
{
    notify_say("STOPPING=1\nSTATUS=ending");
    if (w->worker.pid == 0 || w->is_ending)
        loop_end(w->loop);
    w->is_ending = true;
    w->deadline_ms = now_ms(w) + END_MOST_MS;
}

static void
on_signal(void *user, int number)
{
    struct watcher *w = user;

    if (number != SIGHUP)
        end(w);
    else if (!w->is_ending)
        reload(w);
    if (w->e.code == ERR_NONE) /* else there may be nothing left to work with */
        turn(w);
}

static const struct loop_handlers handlers = {
    .signal = on_signal,
    .input = on_input,
    .wake = on_wake,
};

static void
watcher_done(struct watcher *w)
{
    stop_watching(w);
    workers_kill(&w->worker);
    loop_free(&w->loop);
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    __attribute__((cleanup(watcher_done))) struct watcher w = {.app = app};

    (void)argc;
    (void)argv;
    if (dial_by_path != NULL)
        dial_at(dial_by_path);
    w.loop = loop_new(&handlers, &w, e);
    if (w.loop == NULL || !begin(&w, "watching", e))
        return false;
    notify_say("READY=1");
    turn(&w);
    if (!loop_run(w.loop, e))
        return false;
    *e = w.e;
    watch_event_end(app);
    return e->code == ERR_NONE;
}

const struct command cmd_watch = {
    .name = "watch",
    .arguments = "",
    .needs = NEED_CONFIG | NEED_STATE | NEED_DEPLOY | NEED_SIGHT,
    .flags = flags,
    .run = run,
    .summary = "stay, and deploy whenever a certificate's files change",
    .details = "What is in place of a file that was deployed is put right as well, and what is\n"
               "served is proved again now and then. SIGHUP reads the settings again. It\n"
               "obtains nothing: that is for renew, and its timer.",
};
