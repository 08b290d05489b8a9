/* history.c: the file history.json. What is configured no longer is forgotten. */
#include "cli/history.h"

#include "base/log.h"

#include <stdlib.h>

static char *
path_of(const struct app *app)
{
    return str_format("%s/history.json", app->config.settings.state);
}

void
history_note(struct app *app, const char *certificate, enum err_code code)
{
    if (app->config.settings.metrics_file == NULL)
        return;
    if (app->noted == NULL)
        app->noted = json_new_object();
    json_put_int(app->noted, certificate, app_exit_status(code));
}

struct history
history_of(const struct json_t *all, const char *certificate)
{
    const struct json_t *one = json_member(json_member(all, "certificates"), certificate);

    return (struct history){.run_at_s = json_member_int(one, "run_at"),
                            .good_at_s = json_member_int(one, "good_at"),
                            .status = json_member_int(one, "status"),
                            .runs = json_member_int(one, "runs"),
                            .failures = json_member_int(one, "failures"),
                            .in_a_row = json_member_int(one, "in_a_row")};
}

static void
put(struct json_t *certificates, const char *name, const struct history *h)
{
    struct json_t *one = json_new_object();

    json_put_int(one, "run_at", h->run_at_s);
    json_put_int(one, "good_at", h->good_at_s);
    json_put_int(one, "status", h->status);
    json_put_int(one, "runs", h->runs);
    json_put_int(one, "failures", h->failures);
    json_put_int(one, "in_a_row", h->in_a_row);
    json_put(certificates, name, one);
}

static void
add(struct history *h, int64_t status, int64_t now_s)
{
    bool is_good = status == 0;

    h->run_at_s = now_s;
    h->status = status;
    h->runs++;
    h->failures += !is_good;
    h->in_a_row = is_good ? 0 : h->in_a_row + 1;
    if (is_good)
        h->good_at_s = now_s;
}

/* The certificates of the settings, as they are remembered and were noted. */
static struct json_t *
gather(const struct app *app, const struct json_t *before, int64_t now_s)
{
    const struct config *c = &app->config;
    struct json_t *certificates = json_new_object();

    for (size_t i = 0; i < c->certificate_count; i++) {
        const char *name = c->certificates[i].name;
        struct history h = history_of(before, name);

        if (json_member(app->noted, name) != NULL)
            add(&h, json_member_int(app->noted, name), now_s);
        put(certificates, name, &h);
    }
    return certificates;
}

static struct json_t *
gather_runs(const struct json_t *before, const struct history_run *now)
{
    struct json_t *runs = json_new_object();
    struct json_t *one = json_new_object();
    struct history_run run = {0};
    void *cursor = NULL;

    while (history_each(before, &cursor, &run))
        json_put(runs, run.command,
                 json_keep(json_member(json_member(before, "runs"), run.command)));
    json_put_int(one, "at", now->at_s);
    json_put_int(one, "took_ms", now->took_ms);
    json_put_int(one, "status", now->status);
    json_put(runs, now->command, one);
    return runs;
}

struct json_t *
history_load(const struct app *app, const struct history_run *now)
{
    own_mem char *path = path_of(app);
    struct err e = {0};
    own_json struct json_t *before = path == NULL ? NULL : json_load(path, &e);
    struct json_t *all = json_new_object();

    if (before == NULL)
        log_debug("what earlier runs came to is forgotten: %s", e.text);
    json_put(all, "certificates", gather(app, before, now->at_s));
    json_put(all, "runs", gather_runs(before, now));
    return all;
}

bool
history_each(const struct json_t *all, void **cursor, struct history_run *run)
{
    const struct json_t *one = NULL;

    if (!json_each(json_member(all, "runs"), cursor, &run->command, &one))
        return false;
    run->at_s = json_member_int(one, "at");
    run->took_ms = json_member_int(one, "took_ms");
    run->status = json_member_int(one, "status");
    return true;
}

bool
history_save(const struct app *app, const struct json_t *all, struct err *e)
{
    own_mem char *path = path_of(app);

    return path == NULL ? err_memory(e) : json_save(all, path, e);
}
