/* test_journal.c: whose journal it is. What is sent is seen by a real one: tests/e2e/host.bats. */
#include "base/journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];

static int
make_pipe(void **state)
{
    (void)state;
    return pipe2(ends, O_CLOEXEC);
}

static int
close_pipe(void **state)
{
    (void)state;
    (void)unsetenv("JOURNAL_STREAM");
    return close(ends[0]) + close(ends[1]);
}

/* systemd.exec(5): "DEVICE:INODE", in decimal. */
static void
say_stream(int descriptor)
{
    char stream[64];
    struct stat s = {0};

    assert_int_equal(fstat(descriptor, &s), 0);
    (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)s.st_dev, (uintmax_t)s.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
}

static void
the_journal_is_known_by_device_and_inode(void **state)
{
    int other = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)state;
    say_stream(ends[1]);
    assert_true(journal_has(ends[1]));
    assert_false(journal_has(other));
    (void)close(other);
    assert_false(journal_has(other)); /* it is closed */
}

static void
without_the_variable_nothing_is_the_journal(void **state)
{
    (void)state;
    (void)unsetenv("JOURNAL_STREAM");
    assert_false(journal_has(ends[1]));
    assert_int_equal(setenv("JOURNAL_STREAM", "nonsense", 1), 0);
    assert_false(journal_has(ends[1]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_journal_is_known_by_device_and_inode, make_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(without_the_variable_nothing_is_the_journal, make_pipe,
                                        close_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
