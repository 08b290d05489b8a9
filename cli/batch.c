/* batch.c: one certificate after the other. */
#include "cli/batch.h"

#include <stdlib.h>

/* Its report goes to the array or to standard output. */
static void
run_one(struct app *app, const struct certificate *c, batch_step *step, struct json_t *array,
        struct err *worst)
{
    own_report struct report r = {0};
    struct err e = {0};

    if (report_init(&r, app, c, &e)) {
        step(app, &r);
    } else {
        (void)err_wrap(&e, "%s", c->name);
        app_tell(&e);
        report_trouble(&r, &e);
    }
    worst->code = app_graver(worst->code, r.trouble.code);
    if (r.state.json == NULL)
        return;
    if (app->json)
        json_add(array, report_json(&r, true));
    else if (!app->quiet)
        report_print_line(&r, app->clock->now_s(app->clock));
}

bool
batch_run(struct app *app, int argc, char **argv, batch_step *step, struct err *e)
{
    size_t count = 0;
    own_mem struct certificate **selected = app_select(app, argc, argv, &count, e);
    struct json_t *array = NULL;

    if (selected == NULL)
        return false;
    array = json_new_array();
    for (size_t i = 0; i < count; i++)
        run_one(app, selected[i], step, array, e);
    if (app->json)
        report_print_json(array);
    else
        json_drop(&array);
    return e->code == ERR_NONE;
}
