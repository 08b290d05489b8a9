/* reaper.c: process 1 of a container. */
#include "base/reaper.h"

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reaps all who have ended; true when `child` is among them. */
static bool
reap(pid_t child, int *status)
{
    bool has_ended = false;
    int how = 0;

    for (pid_t pid = waitpid(-1, &how, WNOHANG); pid > 0; pid = waitpid(-1, &how, WNOHANG)) {
        if (pid != child)
            continue;
        *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
        has_ended = true;
    }
    return has_ended;
}

/* A terminal sends its keys to the whole group in front: the child has them already, and would take
 * a second one for impatience. That the terminal is gone is told to the session's leader alone. */
static bool
has_child_heard(const siginfo_t *told)
{
    switch (told->si_signo) {
    case SIGINT:
    case SIGQUIT:
    case SIGTSTP:
    case SIGWINCH:
        return told->si_code == SI_KERNEL;
    default:
        return told->si_signo == SIGCHLD;
    }
}

bool
reaper_stay(int *status)
{
    sigset_t all, before;
    pid_t child = 0;

    if (getpid() != 1)
        return false;
    (void)sigfillset(&all);
    if (sigprocmask(SIG_BLOCK, &all, &before) < 0)
        return false;
    child = fork();
    if (child <= 0) { /* without a child it does the work itself */
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        return false;
    }
    while (!reap(child, status)) {
        siginfo_t told = {0};

        if (sigwaitinfo(&all, &told) > 0 && !has_child_heard(&told))
            (void)kill(child, told.si_signo);
    }
    return true;
}
