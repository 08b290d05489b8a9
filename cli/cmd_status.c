/* cmd_status.c: what is issued, deployed, served, and when it is renewed. */
#include "cli/ca_report.h"
#include "cli/commands.h"
#include "cli/deliver.h"
#include "cli/page.h"
#include "cli/report.h"

#include <stdio.h>

static const char *html;

static const struct flag flags[] = {
    {"--html", NULL, NULL, &html, "FILE",
     "write a page for a browser there; -: to standard output"},
    {0},
};
/* Who only obtains may not ask the servers: what is shown was proved by who deploys. */
static void
look_back(struct report *r)
{
    deliver_recall(r);
    for (size_t i = 0; i < r->target_count; i++) {
        struct report_target *t = &r->targets[i];
        const char *error = state_target_error(&r->state, t->name);

        if (error != NULL)
            (void)err_set(&t->e, ERR_BUSY, "%s", error);
        else if (t->served.file == NULL)
            (void)err_set(&t->e, ERR_BUSY, "it is not proved yet by who deploys");
    }
}

/* Asks every target what it serves; what is wrong is part of the report. */
static bool
look(struct app *app, struct report *r, const struct certificate *c, struct err *e)
{
    if (!report_init(r, app, c, e))
        return err_wrap(e, "%s", c->name);
    if ((app->parts & APP_DEPLOY) == 0)
        look_back(r);
    for (size_t i = 0; i < r->target_count && (app->parts & APP_DEPLOY) != 0; i++) {
        struct target *t = config_target(&app->config, r->targets[i].name);

        if (!reload_look(t, app->clock, &r->targets[i].served, &r->targets[i].e))
            continue; /* its sentence is shown */
    }
    return true;
}

/* Where there is one. It is part of the whole, not of a certificate that is asked for. */
static struct json_t *
look_at_ca(const struct app *app, bool is_first)
{
    own_ca_report struct ca_report r = {0};

    if (!ca_exists(&app->config.ca))
        return NULL;
    ca_report_init(&r, app);
    if (app->json)
        return ca_report_json(&r, app);
    if (!app->quiet) {
        (void)printf("%s", is_first ? "" : "\n");
        ca_report_print(&r, app);
    }
    return NULL;
}

static bool
write_page(struct app *app, struct certificate **selected, size_t count, bool is_all, struct err *e)
{
    const struct page_wish wish = {.app = app,
                                   .selected = selected,
                                   .count = count,
                                   .is_asked = (app->parts & APP_DEPLOY) != 0,
                                   .with_ca = is_all};

    if (app->json)
        return err_set(e, ERR_USAGE, "--html and --json are two ways to tell the same; choose one");
    return page_write(&wish, html, e);
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    size_t count = 0;
    own_mem struct certificate **selected = app_select(app, argc, argv, &count, e);
    struct json_t *array = NULL;
    struct json_t *private_ca = NULL;
    bool good = selected != NULL;

    if (good && html != NULL)
        return write_page(app, selected, count, argc == 0, e);
    array = json_new_array();
    for (size_t i = 0; good && i < count; i++) {
        own_report struct report r = {0};

        good = look(app, &r, selected[i], e);
        if (good && app->json)
            json_add(array, report_json(&r, false));
        else if (good && !app->quiet) {
            (void)printf("%s", i > 0 ? "\n" : "");
            report_print(&r, app->clock->now_s(app->clock));
        }
    }
    if (good && count == 0 && !app->json)
        (void)printf("there is no [certificate NAME] in '%s'\n", app->config_path);
    if (good && argc == 0)
        private_ca = look_at_ca(app, count == 0);
    if (good && app->json)
        report_print_json(array, private_ca);
    else
        json_drop(&array);
    return good;
}

const struct command cmd_status = {
    .name = "status",
    .arguments = "[NAME...]",
    .most = -1,
    .needs = NEED_CONFIG | NEED_STATE,
    .flags = flags,
    .run = run,
    .place = {PLACE_NAME, "certificate", NULL},
    .summary = "what is issued, deployed, served; when it is renewed",
};
