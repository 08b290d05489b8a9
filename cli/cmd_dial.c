/* cmd_dial.c: make connections for one who has no network. */
#include "cli/cmd_dial.h"

#include "base/confine.h"
#include "base/dialler.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/seclude.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Nothing is read but what finding a name takes, and nothing is written. */
static bool
confine(struct err *e)
{
    own_list struct list read = {0};
    const struct confine c = {.files = {.read = &read}, .what = SYSCALLS_NETWORK};

    return confine_add_system(&read) ? confine_enter(&c, e) : err_memory(e);
}

static bool
add_hosts(struct app *app, int argc, char **argv, struct list *hosts, struct err *e)
{
    struct err unread = {0};

    if (argc == 0 && !app_read_config(app, &unread))
        log_say(LOG_LEVEL_WARNING,
                "connections are made to this host alone, for the settings cannot be read here: %s",
                unread.text);
    if (argc == 0 && !seclude_add_hosts(&app->config, hosts))
        return err_memory(e);
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], CMD_DIAL_NOBODY) != 0 && !list_add(hosts, argv[i]))
            return err_memory(e);
    return true;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    own_list struct list hosts = {0};
    own_dialler struct dialler d = {.hosts = &hosts};

    /* who has started us, with keys, is not to reach into our memory for a network */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return add_hosts(app, argc, argv, &hosts, e) && confine(e) &&
           dialler_serve(&d, STDIN_FILENO, e);
}

const struct command cmd_dial = {
    .name = "dial",
    .arguments = "[HOST...]",
    .most = -1,
    .needs = NEED_NOTHING, /* the settings are read here, where no HOST is given */
    .run = run,
    .summary = "make connections for a process that has no network",
    .details = "Speaks with that process over standard input, a socket: pgcert-dial@.service, and\n"
               "each run of root's. It connects to addresses of this host, and to each HOST;\n"
               "without any, to those of `prove` in the settings.",
};
