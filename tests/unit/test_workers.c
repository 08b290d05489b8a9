/* test_workers.c: many items on all cores, of which some fail and some take their process along. */
#include "base/workers.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 500

/* What the processes share: who has worked on what. */
struct board {
    pid_t pids[MANY];
};

static struct board *
board_new(void)
{
    struct board *b =
        mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(b, MAP_FAILED);
    return b;
}

static bool
note(void *context, size_t item, struct err *e)
{
    struct board *b = context;

    b->pids[item] = getpid();
    return item % 7 != 3 || err_set(e, ERR_INPUT, "item %zu is one of seven", item);
}

static void
each_item_is_worked_on_once_and_each_failure_is_told(void **state)
{
    static struct err errors[MANY];
    struct board *b = board_new();
    struct err e = {0};

    (void)state;
    errors[11] = (struct err){.code = ERR_CONFIG, .text = "before"};
    assert_true(workers_run(note, b, errors, MANY, &e));
    for (size_t i = 0; i < MANY; i++) {
        char wanted[64];

        (void)snprintf(wanted, sizeof(wanted), "item %zu is one of seven", i);
        assert_int_equal(errors[i].code, i == 11 ? ERR_CONFIG : i % 7 == 3 ? ERR_INPUT : ERR_NONE);
        if (i == 11)
            assert_string_equal(errors[i].text, "before");
        else if (i % 7 == 3)
            assert_string_equal(errors[i].text, wanted);
        assert_int_equal(b->pids[i] == 0, i == 11);
    }
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
        assert_int_not_equal(b->pids[0], b->pids[1]);
    (void)munmap(b, sizeof(*b));
}

static void
a_single_item_is_worked_on_here(void **state)
{
    struct board *b = board_new();
    struct err one = {0};
    struct err e = {0};

    (void)state;
    assert_true(workers_run(note, b, &one, 1, &e));
    assert_int_equal(b->pids[0], getpid());
    assert_true(workers_run(note, b, &one, 0, &e));
    (void)munmap(b, sizeof(*b));
}

static bool
die_at_100(void *context, size_t item, struct err *e)
{
    (void)context;
    (void)e;
    if (item == 100)
        (void)kill(getpid(), SIGKILL);
    return true;
}

/* What its worker would have done fails as well; the other workers go on. */
static void
a_worker_that_dies_is_told(void **state)
{
    static struct err errors[MANY];
    struct err e = {0};
    size_t failed = 0;

    (void)state;
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        skip();
    assert_true(workers_run(die_at_100, NULL, errors, MANY, &e));
    for (size_t i = 0; i < MANY; i++)
        failed += errors[i].code == ERR_SYSTEM ? 1 : 0;
    assert_int_equal(errors[100].code, ERR_SYSTEM);
    assert_int_equal(errors[98].code, ERR_NONE);
    assert_int_equal(errors[101].code, ERR_NONE);
    assert_in_range(failed, 1, MANY / 2);
}

/* ---- one beside us ---- */

/* Has it the other end, too? Then it would never hear that nobody listens. */
static bool
has_both_ends(int out)
{
    struct stat end = {0}, other = {0};

    for (int fd = 3; fd < out + 8; fd++)
        if (fd != out && fstat(out, &end) == 0 && fstat(fd, &other) == 0 &&
            end.st_dev == other.st_dev && end.st_ino == other.st_ino)
            return true;
    return false;
}

/* Says what it has, and which signals are blocked there. */
static void
say_context(void *context, int out)
{
    sigset_t blocked;
    char word = *(const char *)context;

    if (sigprocmask(SIG_BLOCK, NULL, &blocked) < 0 || sigismember(&blocked, SIGTERM) != 0)
        word = '?';
    if (has_both_ends(out))
        word = '!';
    if (write(out, &word, 1) != 1)
        _exit(1);
}

static void
wait_for_ever(void *context, int out)
{
    (void)context;
    (void)out;
    for (;;)
        (void)pause();
}

static void
one_works_beside_us_and_says_so(void **state)
{
    struct worker w = {0};
    struct err e = {0};
    sigset_t term;
    char context = 'x', word = 0;

    (void)state;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &term, NULL), 0);
    assert_true(workers_start(&w, say_context, &context, &e));
    assert_int_equal(sigprocmask(SIG_UNBLOCK, &term, NULL), 0);
    assert_true(w.pid > 0);
    assert_int_equal(read(w.out, &word, 1), 1);
    assert_int_equal(word, 'x');
    assert_int_equal(read(w.out, &word, 1), 0);
    assert_true(workers_finish(&w));
    assert_int_equal(w.pid, 0);
}

static void
one_that_is_killed_has_not_ended_well(void **state)
{
    struct worker w = {0};
    struct err e = {0};
    char word = 0;

    (void)state;
    assert_true(workers_start(&w, wait_for_ever, NULL, &e));
    assert_int_equal(kill(w.pid, SIGINT), 0); /* which is not for it */
    assert_int_equal(kill(w.pid, SIGKILL), 0);
    assert_int_equal(read(w.out, &word, 1), 0);
    assert_false(workers_finish(&w));
    assert_true(workers_start(&w, wait_for_ever, NULL, &e));
    workers_kill(&w);
    assert_int_equal(w.pid, 0);
    workers_kill(&w); /* there is none */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_is_worked_on_once_and_each_failure_is_told),
        cmocka_unit_test(a_single_item_is_worked_on_here),
        cmocka_unit_test(a_worker_that_dies_is_told),
        cmocka_unit_test(one_works_beside_us_and_says_so),
        cmocka_unit_test(one_that_is_killed_has_not_ended_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
