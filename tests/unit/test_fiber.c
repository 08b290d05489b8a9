/* test_fiber.c: several things at the same time, and nothing in between two waits. */
#include "base/fiber.h"

#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SEVERAL 300 /* more than run at once */

static struct str seen; /* what happened, in order */
static struct fiber_queue queue;
static struct fiber_lock lock;
static int ends[2];

static void
note(const char *what)
{
    const char *name = fiber_name();

    assert_true(str_addf(&seen, "%s%s ", name == NULL ? "-" : name, what));
}

/* Runs a fiber for each name. */
static void
run(fiber_main *main, const char *const *names, size_t count, const char *expected)
{
    struct fiber_task tasks[8] = {{0}};
    struct err e = {0};
    void *argument = NULL;

    seen = (struct str){0};
    queue = (struct fiber_queue){0};
    lock = (struct fiber_lock){0};
    for (size_t i = 0; i < count; i++) {
        memcpy(&argument, &names[i], sizeof(argument));
        tasks[i] = (struct fiber_task){names[i], argument};
    }
    assert_true(fiber_run(main, tasks, count, &e));
    assert_string_equal(seen.text, expected);
    assert_false(fiber_is_inside());
    str_done(&seen);
}

static const char *const abc[] = {"a", "b", "c"};

/* ---- time and descriptors ---- */

/* The later in the alphabet, the sooner. */
static void
sleeper(void *name)
{
    const char *text = name;

    note("1");
    clock_system.sleep_ms(&clock_system, ('d' - text[0]) * 20);
    note("2");
}

static void
sleeps_overlap(void **state)
{
    int64_t began_ms = clock_system.steady_ms(&clock_system);

    (void)state;
    run(sleeper, abc, 3, "a1 b1 c1 c2 b2 a2 ");
    assert_in_range(clock_system.steady_ms(&clock_system) - began_ms, 60, 110);
}

static void
one_is_no_fiber(void **state)
{
    (void)state;
    run(sleeper, abc, 1, "-1 -2 ");
}

static void
nester(void *name)
{
    const struct fiber_task inner[] = {{"x", name}, {"y", name}};
    struct err e = {0};

    assert_true(fiber_run(sleeper, inner, 2, &e));
}

static void
inside_of_a_fiber_one_follows_the_other(void **state)
{
    (void)state;
    run(nester, abc + 1, 2, "b1 c1 c2 c1 b2 b1 c2 b2 ");
}

/* The first waits for what the last writes. */
static void
reader(void *name)
{
    const char *text = name;
    struct pollfd p = {.fd = ends[0], .events = POLLIN};

    errno = 0;
    if (text[0] == 'a') {
        assert_int_equal(fiber_poll(&p, 1, 5), 0);
        note("-nothing");
        assert_int_equal(fiber_poll(&p, 1, -1), 1);
        assert_int_equal(p.revents, POLLIN);
        note("-came");
    } else {
        clock_system.sleep_ms(&clock_system, 20);
        note("-writes");
        assert_int_equal(write(ends[1], "x", 1), 1);
    }
    assert_int_equal(errno, 0);
}

static void
a_descriptor_wakes_who_waits_for_it(void **state)
{
    (void)state;
    assert_int_equal(pipe(ends), 0);
    run(reader, abc, 2, "a-nothing b-writes a-came ");
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void
hung_up(void *name)
{
    struct pollfd p = {.fd = ends[0], .events = POLLIN};

    (void)name;
    assert_int_equal(fiber_poll(&p, 1, 1000), 1);
    assert_int_equal(p.revents, POLLHUP);
    note("");
}

static void
the_end_of_a_pipe_wakes_all_who_wait_for_it(void **state)
{
    (void)state;
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[1]);
    run(hung_up, abc, 3, "a b c ");
    (void)close(ends[0]);
}

/* errno is the fiber's own. */
static void
failing(void *name)
{
    const unsigned char *text = name;

    errno = text[0];
    clock_system.sleep_ms(&clock_system, 5);
    assert_int_equal(errno, text[0]);
    note("");
}

static void
errno_is_kept(void **state)
{
    (void)state;
    run(failing, abc, 3, "a b c ");
}

/* ---- one for the other ---- */

static void
waiter(void *name)
{
    const char *text = name;

    if (text[0] == 'c') {
        note("-wakes");
        fiber_wake(&queue);
        clock_system.sleep_ms(&clock_system, 5);
        note("-wakes");
        fiber_wake_all(&queue);
        return;
    }
    note(fiber_wait(&queue, -1) ? "-woken" : "-late");
    note(fiber_wait(&queue, 20) ? "-woken" : "-late");
}

static void
a_queue_wakes_one_or_all_until_the_time_is_over(void **state)
{
    (void)state;
    run(waiter, abc, 3, "c-wakes a-woken c-wakes a-woken b-woken b-late ");
}

static void
locker(void *name)
{
    (void)name;
    for (int i = 0; i < 2; i++) {
        own_lock struct fiber_lock *held = fiber_lock(&lock);

        note("(");
        clock_system.sleep_ms(&clock_system, 2);
        note(")");
    }
}

static void
a_lock_goes_round(void **state)
{
    (void)state;
    run(locker, abc, 3, "a( a) b( b) c( c) a( a) b( b) c( c) ");
    assert_false(lock.is_held);
}

/* ---- many ---- */

static int under_way, most, done;

static void
counted(void *argument)
{
    char deep[16384];

    memset(deep, 1, sizeof(deep));
    under_way++;
    most = under_way > most ? under_way : most;
    clock_system.sleep_ms(&clock_system, 1 + (done + under_way) % 5);
    assert_int_equal(deep[sizeof(deep) - 1], 1);
    under_way--;
    done += *(int *)argument;
}

static void
no_more_than_the_most_are_under_way(void **state)
{
    static struct fiber_task tasks[SEVERAL];
    struct err e = {0};
    int one = 1;

    (void)state;
    for (size_t i = 0; i < SEVERAL; i++)
        tasks[i] = (struct fiber_task){"n", &one};
    assert_true(fiber_run(counted, tasks, SEVERAL, &e));
    assert_int_equal(done, SEVERAL);
    assert_int_equal(most, FIBERS_MAX);
}

/* A forked child waits alone. */
static void
parent(void *name)
{
    pid_t pid = fork();
    int status = -1;

    (void)name;
    if (pid == 0) {
        fiber_forget();
        clock_system.sleep_ms(&clock_system, 5);
        _exit(fiber_is_inside() || fiber_name() != NULL ? 1 : 7);
    }
    clock_system.sleep_ms(&clock_system, 2);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    note("");
}

static void
a_forked_child_is_alone(void **state)
{
    (void)state;
    run(parent, abc, 3, "a b c ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleeps_overlap),
        cmocka_unit_test(one_is_no_fiber),
        cmocka_unit_test(inside_of_a_fiber_one_follows_the_other),
        cmocka_unit_test(a_descriptor_wakes_who_waits_for_it),
        cmocka_unit_test(the_end_of_a_pipe_wakes_all_who_wait_for_it),
        cmocka_unit_test(errno_is_kept),
        cmocka_unit_test(a_queue_wakes_one_or_all_until_the_time_is_over),
        cmocka_unit_test(a_lock_goes_round),
        cmocka_unit_test(no_more_than_the_most_are_under_way),
        cmocka_unit_test(a_forked_child_is_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
