/* test_watch_event.c: lines of `watch` that nobody takes. */
#include "cli/watch_event.h"

#include "base/log.h"
#include "tests/fake/clock.h"
#include "tests/fake/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Both ends; the pipe is full, and a write to it waits. */
static void
fill(int ends[2])
{
    char block[4096] = {0};

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        _exit(1);
    while (write(ends[1], block, sizeof(block)) > 0)
        continue;
    if (fcntl(ends[1], F_SETFL, 0) < 0)
        _exit(1);
}

/* 0: it ended, one line was read when somebody read again. */
static _Noreturn void
tell_nobody(const char *errors)
{
    struct fake_clock clock = fake_clock_at(1000000);
    struct app app = {.json = true, .clock = &clock.base};
    int ends[2], err = open(errors, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char block[65536];
    ssize_t size = 0;

    fill(ends);
    if (err < 0 || dup2(ends[1], STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        _exit(1);
    (void)alarm(20); /* else it would never end */
    watch_event_change(&app, "a", "/a.pem");
    watch_event_change(&app, "b", "/b.pem");
    while (read(ends[0], block, sizeof(block)) > 0)
        continue;
    watch_event_change(&app, "c", "/c.pem");
    size = read(ends[0], block, sizeof(block) - 1);
    block[size < 0 ? 0 : size] = '\0';
    _exit(strstr(block, "/c.pem") != NULL && strstr(block, "/b.pem") == NULL ? 0 : 2);
}

static void
lines_that_nobody_takes_are_dropped_and_that_is_told_once(void **state)
{
    own_scratch struct scratch s = scratch_new();
    char said[1000] = "";
    pid_t pid = 0;
    int status = 0;
    own_fd int err = -1;

    (void)state;
    pid = fork();
    if (pid == 0)
        tell_nobody(scratch_path(&s, "err"));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    err = open(scratch_path(&s, "err"), O_RDONLY | O_CLOEXEC);
    assert_true(read(err, said, sizeof(said) - 1) > 0);
    assert_non_null(strstr(said, "dropped"));
    assert_ptr_equal(strchr(said, '\n'), strrchr(said, '\n'));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_that_nobody_takes_are_dropped_and_that_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
