/* runstat.c: runs a command and writes what it cost: "wall_s cpu_s maxrss_kib status". */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds_of(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

/* CPU is that of the command and of every descendant that was waited for; memory is that of the
 * largest single process among them. */
int
main(int argc, char **argv)
{
    struct timespec began, ended;
    struct rusage usage = {0};
    FILE *out = argc > 2 ? fopen(argv[1], "we") : NULL;
    int status = 0;
    pid_t pid = 0;

    if (out == NULL) {
        (void)fprintf(stderr, "usage: runstat FILE COMMAND...\n");
        return 2;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &began);
    pid = fork();
    if (pid == 0) {
        (void)execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) < 0) {
        perror("runstat");
        return 2;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &ended);
    status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    (void)fprintf(
        out, "%.6f %.6f %ld %d\n",
        (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9,
        seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime), usage.ru_maxrss, status);
    return fclose(out) == 0 ? 0 : 2;
}
