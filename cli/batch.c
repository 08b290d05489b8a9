/* batch.c: all certificates at the same time, each in a fiber. */
#include "cli/batch.h"

#include "base/fiber.h"
#include "cli/carrier.h"
#include "cli/event.h"
#include "cli/history.h"
#include "cli/term.h"

#include <stdlib.h>
#include <sys/resource.h>

#define DESCRIPTORS ((rlim_t)16384) /* for FIBERS_MAX that ask some name servers each */

/* One certificate of a run. */
struct item {
    struct app *app;
    const struct certificate *certificate;
    batch_step *step;
    struct report report;
    bool is_looked_up; /* the report has what is on disk, or trouble says why not */
    struct err trouble;
    struct json_t *json; /* its report; NULL: none is wanted, or there is none */
    enum err_code worst;
};

static void
look_up(struct item *i)
{
    if (!i->is_looked_up && !report_init(&i->report, i->app, i->certificate, &i->trouble))
        (void)err_wrap(&i->trouble, "%s", i->certificate->name);
    i->is_looked_up = true;
}

/* Its report goes to item->json or to standard output. */
static void
run_one(void *argument)
{
    struct item *i = argument;
    struct report *r = &i->report;

    look_up(i);
    if (i->trouble.code == ERR_NONE) {
        i->step(i->app, r);
    } else {
        event_failed(r, NULL, &i->trouble, NULL);
        report_trouble(r, &i->trouble);
    }
    i->worst = r->trouble.code;
    history_note(i->app, i->certificate->name, i->worst);
    if (r->state.json != NULL)
        event_report(r);
    if (r->state.json != NULL && i->app->json) {
        i->json = report_json(r, true);
    } else if (r->state.json != NULL && !i->app->quiet && !event_is_line()) {
        term_clear();
        report_print_line(r, i->app->clock->now_s(i->app->clock));
    }
    report_done(r);
}

/* Looks at those which an issuer on the network signs, and at no key: the carrier, if one of them
 * will need it, must not have any in its memory. */
static bool
start_carrier(struct item *items, size_t count, batch_wish *wish, struct err *e)
{
    bool is_wanted = false;

    for (size_t i = 0; wish != NULL && i < count; i++) {
        if (items[i].certificate->issuer->type != ISSUER_ACME)
            continue;
        look_up(&items[i]);
        is_wanted = is_wanted ||
                    (items[i].trouble.code == ERR_NONE && wish(items[i].app, &items[i].report));
    }
    return !is_wanted || carrier_start(items[0].app, e);
}

/* Our own limit, as far as we may. */
static void
allow_descriptors(void)
{
    struct rlimit limit = {0};

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void
gather(struct app *app, const struct item *items, size_t count, struct err *worst)
{
    struct json_t *array = json_new_array();

    for (size_t i = 0; i < count; i++) {
        worst->code = app_graver(worst->code, items[i].worst);
        if (items[i].json != NULL)
            json_add(array, items[i].json);
    }
    if (app->json)
        report_print_json(array, NULL);
    else
        json_drop(&array);
}

bool
batch_run(struct app *app, int argc, char **argv, batch_step *step, batch_wish *wish, struct err *e)
{
    size_t count = 0;
    own_mem struct certificate **selected = app_select(app, argc, argv, &count, e);
    own_mem struct item *items = calloc(count + 1, sizeof(*items));
    own_mem struct fiber_task *tasks = calloc(count + 1, sizeof(*tasks));
    bool good = false;

    if (selected == NULL)
        return false;
    if (items == NULL || tasks == NULL)
        return err_memory(e);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct item){.app = app, .certificate = selected[i], .step = step};
        tasks[i] = (struct fiber_task){selected[i]->name, &items[i]};
    }
    if (count > 1)
        allow_descriptors();
    if (!start_carrier(items, count, wish, e)) {
        for (size_t i = 0; i < count; i++)
            report_done(&items[i].report);
        return false;
    }
    good = fiber_run(run_one, tasks, count, e);
    gather(app, items, count, e);
    return good && e->code == ERR_NONE;
}
