/* main.c: start and end of the program. */
#include "base/reaper.h"
#include "base/wipe.h"
#include "cli/app.h"
#include "cli/commands.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who calls us may have closed them, and then a file or a socket of ours would be standard output.
 */
static bool
open_standard_descriptors(void)
{
    int fd = 0;

    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    return fd > STDERR_FILENO && close(fd) == 0;
}

int
main(int argc, char **argv)
{
    struct app app = {
        .clock = &clock_system, .parts = APP_OBTAIN | APP_DEPLOY, .lock = -1, .deploy_lock = -1};
    struct rlimit no_core = {0, 0};
    struct err e = {0};
    bool good = false;
    int status = 0;

    wipe_openssl();
    if (reaper_stay(&status))
        return status;
    app.started_ms = app.clock->steady_ms(app.clock);
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setrlimit(RLIMIT_CORE, &no_core); /* a core would hold keys */
    good = open_standard_descriptors() ? command_run(&app, argc - 1, argv + 1, &e)
                                       : err_errno(&e, "open /dev/null");
    if (!good && e.text[0] != '\0')
        app_tell(&e);
    status = good ? 0 : app_exit_status(e.code);
    app_done(&app);
    if (fflush(stdout) != 0 && status == 0)
        status = app_exit_status(ERR_SYSTEM);
    return status;
}
