/* watch_clients.c: what servers trust of clients, kept by `watch`. */
#include "cli/watch_clients.h"

#include "base/log.h"
#include "cli/trust.h"
#include "cli/watch_event.h"

#include <string.h>

#define ENDING_S 30 /* how often those are looked for whose sessions are to end */

/* What became of it. */
struct outcome {
    struct app *app;
    struct str failures;  /* a line for each target */
    enum log_level level; /* of what is told */
    bool did, deployed;
};

/* ---- what is watched ---- */

static bool
is_cert(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL && strcmp(dot, ".crt") == 0;
}

static bool
add_authority(const struct config *c, struct watch_paths *out, struct err *e)
{
    /* clients.crl comes last of what is made: the others for when it was copied */
    static const struct {
        const char *name;
        watch_filter *is_wanted;
    } rows[] = {{"clients.crl", NULL},   {"client-ca.crt", NULL}, {"root.crt", NULL},
                {"rollover.json", NULL}, {"ending.json", NULL},   {"tenants", is_cert}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *path = str_format("%s/%s", c->ca.directory, rows[i].name);

        if (!watch_paths_add(out, path, rows[i].is_wanted, e))
            return false;
    }
    return true;
}

bool
watch_clients_list(const struct app *app, struct watch_paths *out, struct err *e)
{
    const struct config *c = &app->config;

    if (!add_authority(c, out, e))
        return false;
    for (size_t i = 0; i < c->target_count; i++) {
        own_trust_known struct trust_known known = {0};

        if (!reload_wants_clients(c->targets[i]))
            continue;
        trust_recall(app, c->targets[i]->name, &known);
        if (known.file != NULL && !watch_paths_add_deployed(out, known.file, e))
            return false;
    }
    return true;
}

/* ---- the work ---- */

static void
tell_done(const struct outcome *o, const struct trust_done *done)
{
    enum log_level quiet = log_set_level(o->level);

    watch_event_clients(o->app, done);
    (void)log_set_level(quiet);
}

/* What is not a target's, beside what they have said. */
static void
add_whole(struct outcome *o, const struct err *e)
{
    if (e->text[0] != '\0' &&
        !str_addf(&o->failures, "%s%s", o->failures.size > 0 ? "; " : "", e->text))
        log_debug("out of memory");
}

static void
note(void *to, const struct trust_done *done)
{
    struct outcome *o = to;

    if (done->target == NULL) {
        add_whole(o, done->e);
        return;
    }
    o->did = o->did || done->did_install || done->did_prove || done->ended->count > 0;
    o->deployed = o->deployed || done->did_install;
    if (done->did_install || done->did_prove || done->ended->count > 0)
        tell_done(o, done);
    if (done->e->code != ERR_NONE &&
        !str_addf(&o->failures, "%s[target %s] clients: %s", o->failures.size > 0 ? "; " : "",
                  done->target, done->e->text))
        log_debug("out of memory");
}

/* Of its targets the oldest proof; *ending: there are sessions that are to end. */
static int64_t
oldest_proof(const struct app *app, bool *ending)
{
    int64_t oldest_s = 0;

    for (size_t i = 0; i < app->config.target_count; i++) {
        own_trust_known struct trust_known known = {0};

        if (!reload_wants_clients(app->config.targets[i]))
            continue;
        trust_recall(app, app->config.targets[i]->name, &known);
        *ending = *ending || known.ending > 0;
        if (known.proved_at_s != 0 && (oldest_s == 0 || known.proved_at_s < oldest_s))
            oldest_s = known.proved_at_s;
    }
    return oldest_s;
}

static void
tell(const struct outcome *o, const struct watch_item *item, enum err_code code, uint64_t told)
{
    char again[CLOCK_SPAN_SIZE];
    struct err e = {0};

    if (told == item->told)
        return;
    clock_span(again, watch_plan_backoff(item->failures + 1));
    (void)err_set(&e, code, "%s; tried again in %s", o->failures.text, again);
    watch_event_error(o->app, &e);
}

void
watch_clients_work(const struct watch_job *job, size_t item, int out)
{
    /* whoever fails tells; here only what is new of it is told */
    struct outcome o = {.app = job->app, .level = log_set_level(LOG_LEVEL_NONE)};
    struct watch_word w = {.item = item};
    struct err e = {0};
    bool ending = false;

    if (o.level == LOG_LEVEL_DEBUG)
        (void)log_set_level(o.level);
    w.is_good = trust_keep(job->app, NULL, false, note, &o, &e);
    (void)log_set_level(o.level);
    w.did = o.did;
    w.deployed = o.deployed;
    w.proved_at_s = oldest_proof(job->app, &ending);
    w.again_s = ending ? ENDING_S : 0;
    if (!w.is_good) {
        add_whole(&o, &e);
        w.told = watch_plan_digest(o.failures.size > 0 ? o.failures.text : "");
        tell(&o, &job->items[item], e.code, w.told);
    }
    watch_work_say(out, &w);
    str_done(&o.failures);
}
