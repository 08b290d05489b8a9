/* main.c: start and end of the program. */
#include "cli/app.h"
#include "cli/commands.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

int
main(int argc, char **argv)
{
    struct app app = {.clock = &clock_system, .lock = -1};
    struct rlimit no_core = {0, 0};
    struct err e = {0};
    bool good = false;
    int status = 0;

    app.started_ms = app.clock->steady_ms(app.clock);
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setrlimit(RLIMIT_CORE, &no_core); /* a core would hold keys */
    good = command_run(&app, argc - 1, argv + 1, &e);
    if (!good && e.text[0] != '\0')
        app_tell(&e);
    status = good ? 0 : app_exit_status(e.code);
    app_done(&app);
    if (fflush(stdout) != 0 && status == 0)
        status = app_exit_status(ERR_SYSTEM);
    return status;
}
