/* cmd_doctor.c: everything that will go wrong, each with what to do about it. */
#include "cli/commands.h"
#include "cli/doctor_report.h"

#include <stdio.h>

static bool want_list, want_notes;

/* clang-format off */
static const struct flag flags[] = {
    {"--list",  NULL, &want_list,  NULL, NULL, "name the checks, and make none"},
    {"--notes", NULL, &want_notes, NULL, NULL, "show also what is worth knowing, though nothing fails"},
    {0},
};
/* clang-format on */

static const char *
check_name(const void *table, size_t i)
{
    return ((const struct doctor_check *)table)[i].name;
}

static bool
take_names(int argc, char **argv, struct list *names, struct err *e)
{
    for (int i = 0; i < argc; i++) {
        size_t count = 0;
        const char *near = NULL;

        if (doctor_check_find(argv[i]) != NULL) {
            if (!list_add(names, argv[i]))
                return err_memory(e);
            continue;
        }
        while (doctor_checks[count].name != NULL)
            count++;
        near = str_nearest(argv[i], check_name, doctor_checks, count);
        return err_set(e, ERR_USAGE, "no check '%s'; %s%s%s", argv[i],
                       near != NULL ? "did you mean '" : "try: pgcert doctor --list",
                       near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    return true;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    own_findings struct findings f = {0};
    own_list struct list names = {0};

    if (!take_names(argc, argv, &names, e))
        return false;
    if (want_list) {
        doctor_report_checks();
        return true;
    }
    if (!app_read_config(app, e) || !doctor_run(app, &names, &f, e))
        return false;
    if (app->json) {
        own_json struct json_t *object = doctor_report_json(&f, &names);

        app_print_json(object);
    } else if (!app->quiet) {
        doctor_report_print(&f, &names, want_notes);
    }
    /* told already: only the code is left */
    e->code = finding_count(&f, FINDING_BAD) > 0 ? ERR_FOUND : f.unseen;
    return e->code == ERR_NONE;
}

static const char *
word(size_t i)
{
    return doctor_checks[i].name;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .arguments = "[CHECK...]",
    .most = -1,
    .flags = flags,
    .run = run,
    .place = {PLACE_WORD, NULL, word},
    .summary = "everything that will go wrong, each with its remedy",
    .details = "Without CHECK: all of them. It changes nothing. Exit status 0: nothing bad; 82:\n"
               "something bad was found; 75 or 77: something could not be looked at.",
};
