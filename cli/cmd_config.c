/* cmd_config.c: read the settings, touch nothing. */
#include "cli/commands.h"
#include "cli/manual.h"
#include "cli/term.h"

#include <stdio.h>
#include <string.h>

static bool
check(struct app *app, struct err *e)
{
    if (!app_read_config(app, e))
        return false;
    if (!app->quiet)
        (void)printf("%zu certificate%s, %zu target%s, %zu issuer%s: the settings are good\n",
                     app->config.certificate_count, app->config.certificate_count == 1 ? "" : "s",
                     app->config.target_count, app->config.target_count == 1 ? "" : "s",
                     app->config.issuer_count, app->config.issuer_count == 1 ? "" : "s");
    return true;
}

/* "name = value    # where it comes from" */
static void
show_option(const struct conf_section *s, const struct option *o)
{
    const struct conf_value *v = s == NULL ? NULL : conf_value_find(s, o->name);
    char line[256];

    if (v == NULL && o->standard == NULL)
        return;
    (void)snprintf(line, sizeof(line), "%s = %s", o->name, v != NULL ? v->text : o->standard);
    if (v != NULL)
        (void)printf("%-47s %s# %s:%d%s\n", line, term_on(TERM_DIM), v->file, v->line, term_off());
    else
        (void)printf("%-47s %s# default%s\n", line, term_on(TERM_DIM), term_off());
}

static void
show_section(const struct conf_section *s)
{
    struct config_tables t = config_tables(s);

    (void)printf("%s[%s%s%s]%s\n", term_on(TERM_BOLD), s->kind, *s->name != '\0' ? " " : "",
                 s->name, term_off());
    for (size_t i = 0; t.tables[i] != NULL; i++)
        for (const struct option *o = t.tables[i]; o->name != NULL; o++)
            show_option(s, o);
    (void)printf("\n");
}

static struct json_t *
section_json(const struct conf_section *s)
{
    struct config_tables t = config_tables(s);
    struct json_t *object = json_new_object();
    struct json_t *values = json_new_object();

    json_put_text(object, "kind", s->kind);
    json_put_text(object, "name", s->name);
    for (size_t i = 0; t.tables[i] != NULL; i++)
        for (const struct option *o = t.tables[i]; o->name != NULL; o++) {
            const struct conf_value *v = conf_value_find(s, o->name);
            struct json_t *one = json_new_object();

            json_put_text(one, "value", v != NULL ? v->text : o->standard);
            json_put_text(one, "file", v != NULL ? v->file : NULL);
            json_put_int(one, "line", v != NULL ? v->line : 0);
            json_put(values, o->name, one);
        }
    json_put(object, "values", values);
    return object;
}

static bool
show(struct app *app, struct err *e)
{
    static char pgcert[] = "pgcert", nothing[] = "";
    struct conf_section standard = {pgcert, nothing, nothing, 0, NULL, 0};
    const struct conf *c = &app->config.conf;
    own_json struct json_t *object = json_new_object();
    struct json_t *array = json_new_array();

    if (!app_read_config(app, e)) {
        json_drop(&array);
        return false;
    }
    if (conf_find(c, "pgcert", "") == NULL && !app->json)
        show_section(&standard);
    for (size_t i = 0; i < c->section_count; i++)
        if (app->json)
            json_add(array, section_json(&c->sections[i]));
        else
            show_section(&c->sections[i]);
    json_put(object, "sections", array);
    if (app->json)
        app_print_json(object);
    return true;
}

/* For the manuals; not in their list of words. */
static bool
manual(struct app *app, struct err *e)
{
    (void)app;
    (void)e;
    manual_print();
    return true;
}

static const struct {
    const char *word;
    bool (*run)(struct app *app, struct err *e);
} words[] = {{"check", check}, {"show", show}, {"manual", manual}};

/* The last one is for those who write the manual. */
static const char *
word(size_t i)
{
    return i < COUNT(words) - 1 ? words[i].word : NULL;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    (void)argc;
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(words[i].word, argv[0]) == 0)
            return words[i].run(app, e);
    return err_set(e, ERR_USAGE, "usage: pgcert config check|show");
}

const struct command cmd_config = {
    .name = "config",
    .arguments = "check|show",
    .least = 1,
    .most = 1,
    .run = run,
    .word = word,
    .summary = "read the settings, or show them; touch nothing",
};
