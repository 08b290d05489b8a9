/* program.c: run another program and read what it says. */
#include "tests/fake/program.h"

#include "base/own.h"

#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void
read_all(int fd, char output[static PROGRAM_OUTPUT])
{
    size_t size = 0;
    char part[512];

    for (ssize_t n = read(fd, part, sizeof(part)); n > 0; n = read(fd, part, sizeof(part)))
        if (size + (size_t)n < PROGRAM_OUTPUT) {
            memcpy(output + size, part, (size_t)n);
            size += (size_t)n;
        }
    output[size] = '\0';
}

int
program_run(const char *const *argv, char output[static PROGRAM_OUTPUT])
{
    posix_spawn_file_actions_t actions;
    own_fd int from = -1;
    int ends[2] = {-1, -1};
    int status = 0;
    pid_t child = 0;

    output[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) < 0)
        return 127;
    from = ends[0];
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    status =
        posix_spawnp(&child, argv[0], &actions, NULL, (char *const *)(const void *)argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    if (status != 0)
        return 127;
    read_all(from, output);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return 127;
    return WEXITSTATUS(status);
}
