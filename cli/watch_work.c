/* watch_work.c: one pass over some certificates, as `renew` makes it, but for what it orders. */
#include "cli/watch_work.h"

#include "base/fiber.h"
#include "base/file.h"
#include "base/journal.h"
#include "base/log.h"
#include "cli/keep.h"
#include "cli/watch_clients.h"
#include "cli/watch_event.h"
#include "cli/watch_paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct watch_word) <= PIPE_BUF, "a word is written in one piece");

/* One certificate of it. */
struct task {
    const struct watch_job *job;
    size_t item;
    int out;
    enum log_level level; /* of what is told */
};

void
watch_work_say(int out, const struct watch_word *w)
{
    if (!file_write_all(out, w, sizeof(*w)))
        log_debug("the watching process is gone");
}

/* Until when it is proved; 0: it is served nowhere. */
static int64_t
oldest_proof(const struct report *r)
{
    int64_t oldest_s = 0;

    for (size_t i = 0; i < r->target_count; i++) {
        struct proof proof = state_proof(&r->state, r->targets[i].name);

        if (proof.at_s != 0 && !proof.is_unprovable && (oldest_s == 0 || proof.at_s < oldest_s))
            oldest_s = proof.at_s;
    }
    return oldest_s;
}

/* Ordering is the timer's business; only what another tool has obtained is taken in here. Where
 * nothing is issued yet, there is nothing to do. */
static void
keep(struct app *app, struct report *r)
{
    bool is_files = watch_paths_is_files(r->certificate);

    if (is_files || r->plan.generation.number != 0)
        keep_certificate(app, KEEP_DEPLOY | (is_files ? KEEP_OBTAIN : 0), r);
}

/* All that failed, as one text to compare with what failed before. */
static uint64_t
digest_failures(const struct report *r)
{
    own_str struct str text = {0};

    if (r->trouble.code == ERR_NONE)
        return 0;
    for (size_t i = 0; i < r->target_count; i++)
        if (r->targets[i].e.code != ERR_NONE && !str_addf(&text, "%s\n", r->targets[i].e.text))
            break; /* out of memory: what differs there is not told */
    return watch_plan_digest(text.size > 0 ? text.text : r->trouble.text);
}

/* What is new of it. In between nothing is waited for, so that the lines of others stay quiet. */
static void
report(const struct task *t, const struct report *r, uint64_t failure)
{
    const struct watch_item *i = &t->job->items[t->item];
    enum log_level quiet = LOG_LEVEL_NONE;

    if (r->did.count == 0 && failure == 0)
        return;
    if (failure != 0 && failure == i->told)
        return;
    watch_event_await(); /* now: while it is not quiet, no other fiber must go on */
    quiet = log_set_level(t->level);
    watch_event_report(t->job->app, r, failure == 0 ? 0 : watch_plan_backoff(i->failures + 1));
    (void)log_set_level(quiet);
}

static void
work_on(void *argument)
{
    const struct task *t = argument;
    struct app *app = t->job->app;
    const struct certificate *c = &app->config.certificates[t->item];
    own_report struct report r = {0};
    struct watch_word w = {.item = t->item};
    struct err e = {0};

    if (report_init(&r, app, c, &e)) {
        keep(app, &r);
    } else {
        (void)err_wrap(&e, "%s", c->name);
        report_trouble(&r, &e);
    }
    w.told = digest_failures(&r);
    w.is_good = w.told == 0;
    w.did = r.did.count > 0;
    w.deployed = list_has(&r.did, "deployed");
    w.proved_at_s = r.state.json == NULL ? 0 : oldest_proof(&r);
    report(t, &r, w.told);
    watch_work_say(t->out, &w);
}

/* None of them could be worked on. That another run is at work is no news. */
static void
give_up(const struct watch_job *job, int out, const struct err *e)
{
    uint64_t told = watch_plan_digest(e->text);

    if (e->code != ERR_BUSY && job->items[job->which[0]].told != told)
        watch_event_error(job->app, e);
    for (size_t i = 0; i < job->count; i++) {
        struct watch_word w = {.item = job->which[i], .is_busy = e->code == ERR_BUSY, .told = told};

        watch_work_say(out, &w);
    }
}

static bool
is_clients(const struct watch_job *job, size_t item)
{
    return item == job->app->config.certificate_count;
}

static bool
work_on_all(const struct watch_job *job, size_t count, int out, struct err *e)
{
    own_mem struct task *tasks = calloc(count + 1, sizeof(*tasks));
    own_mem struct fiber_task *fibers = calloc(count + 1, sizeof(*fibers));
    enum log_level level = LOG_LEVEL_INFO;
    bool good = false;

    if (tasks == NULL || fibers == NULL)
        return err_memory(e);
    /* whoever fails tells; here only what is new of it is told, by report() */
    level = log_set_level(LOG_LEVEL_NONE);
    if (level == LOG_LEVEL_DEBUG)
        (void)log_set_level(level);
    for (size_t i = 0; i < count; i++) {
        const char *name = job->app->config.certificates[job->which[i]].name;

        tasks[i] = (struct task){job, job->which[i], out, level};
        fibers[i] = (struct fiber_task){name, &tasks[i]};
    }
    good = fiber_run(work_on, fibers, count, e);
    (void)log_set_level(level);
    return good;
}

void
watch_work(void *context, int out)
{
    const struct watch_job *job = context;
    struct err e = {0};
    bool has_clients = is_clients(job, job->which[job->count - 1]);

    job->app->is_watching = false; /* from here on we do something */
    if (!app_lock_for(job->app, APP_DEPLOY, &e) ||
        !work_on_all(job, job->count - has_clients, out, &e))
        give_up(job, out, &e);
    else if (has_clients) /* of all the last: by then the server has its certificate */
        watch_clients_work(job, job->which[job->count - 1], out);
    (void)fflush(stdout);
    journal_linger();
}
