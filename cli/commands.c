/* commands.c: the table of commands, and the way to the chosen one. */
#include "cli/commands.h"

#include "base/log.h"
#include "cli/term.h"

#include <string.h>

const struct command *const commands[] = {
    /* in order of name */
    &cmd_account, &cmd_ca,     &cmd_check,   &cmd_client, &cmd_completion,
    &cmd_config,  &cmd_deploy, &cmd_dial,    &cmd_doctor, &cmd_help,
    &cmd_hook,    &cmd_import, &cmd_renew,   &cmd_revoke, &cmd_rollback,
    &cmd_setup,   &cmd_status, &cmd_version, &cmd_watch,  NULL,
};

static bool want_json, want_quiet, want_debug, want_help, want_version;
static const char *config_path = CONFIG_PATH;

/* clang-format off */
const struct flag command_global_flags[] = {
    {"--config",  "-c", NULL,          &config_path, "FILE", "read FILE, and conf.d/*.conf beside it"},
    {"--json",    NULL, &want_json,    NULL,         NULL,   "print one JSON object; watch: one a line"},
    {"--quiet",   "-q", &want_quiet,   NULL,         NULL,   "print nothing but errors"},
    {"--verbose", "-v", &want_debug,   NULL,         NULL,   "say what happens inside"},
    {"--help",    "-h", &want_help,    NULL,         NULL,   "explain the command"},
    {"--version", NULL, &want_version, NULL,         NULL,   "say which version this is"},
    {0},
};
/* clang-format on */

const struct command *
command_find(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static const char *
name_of(const void *table, size_t i)
{
    return ((const struct command *const *)table)[i]->name;
}

bool
command_unknown(const char *name, struct err *e)
{
    const char *near = str_nearest(name, name_of, commands, COUNT(commands) - 1);

    if (near != NULL)
        return err_set(e, ERR_USAGE, "no command '%s'; did you mean '%s'?", name, near);
    return err_set(e, ERR_USAGE, "no command '%s'; try: pgcert help", name);
}

static void
apply_global_flags(struct app *app)
{
    app->config_path = config_path;
    app->json = want_json;
    app->quiet = want_quiet;
    if (want_debug)
        log_set_level(LOG_LEVEL_DEBUG);
    else if (want_quiet)
        log_set_level(LOG_LEVEL_WARNING);
    term_init(want_quiet || want_json);
}

/* What a command needs before it runs. */
static bool
prepare(struct app *app, int needs, struct err *e)
{
    int parts = (needs & NEED_BOTH) != 0     ? APP_OBTAIN | APP_DEPLOY
                : (needs & NEED_DEPLOY) != 0 ? APP_DEPLOY
                                             : APP_OBTAIN;

    if (needs != NEED_NOTHING && !app_read_config(app, e))
        return false;
    app->is_watching = (needs & NEED_SIGHT) != 0;
    if ((needs & NEED_STATE) != 0 && !app_enter_state(app, e))
        return false;
    if ((needs & NEED_LOCK) != 0)
        return app_lock_for(app, parts, e);
    return (needs & (NEED_DEPLOY | NEED_BOTH)) == 0 || app_may(app, parts, e);
}

/* `argv` is what follows the name. */
static bool
run(struct app *app, const struct command *c, int argc, char **argv, struct err *e)
{
    static const struct flag none[] = {{0}};
    const struct flag *const tables[] = {command_global_flags, c->flags == NULL ? none : c->flags,
                                         NULL};
    char *name = argv[-1];

    if (!args_take(tables, c->flags_first, &argc, argv, e))
        return false;
    apply_global_flags(app);
    if (want_help)
        return cmd_help.run(app, 1, &name, e);
    if (argc < c->least || (c->most >= 0 && argc > c->most))
        return err_set(e, ERR_USAGE, "usage: pgcert %s%s%s", c->name, *c->arguments ? " " : "",
                       c->arguments);
    return prepare(app, c->needs, e) && c->run(app, argc, argv, e);
}

bool
command_run(struct app *app, int argc, char **argv, struct err *e)
{
    const struct flag *const tables[] = {command_global_flags, NULL};
    const struct command *c = NULL;

    if (!args_take(tables, true, &argc, argv, e))
        return false;
    apply_global_flags(app);
    if (want_version)
        return cmd_version.run(app, 0, argv, e);
    if (want_help && argc == 0)
        return cmd_help.run(app, 0, argv, e);
    if (argc == 0)
        return err_set(e, ERR_USAGE, "no command given; try: pgcert help");
    c = command_find(argv[0]);
    if (c == NULL)
        return command_unknown(argv[0], e);
    return run(app, c, argc - 1, argv + 1, e);
}
