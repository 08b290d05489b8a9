/* test_watch_plan.c: when `watch` works on a certificate. */
#include "cli/watch_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW INT64_C(1000000)

static void
patience_grows_and_has_an_end(void **state)
{
    /* 2 s doubled, up to 5 min */
    static const struct {
        int64_t failures, wait_ms;
    } rows[] = {
        {0, 2000},   {1, 2000},   {2, 4000},    {3, 8000},           {7, 128000},
        {8, 256000}, {9, 300000}, {10, 300000}, {INT64_MAX, 300000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(watch_plan_backoff(rows[i].failures), rows[i].wait_ms);
}

static void
a_change_is_worked_on_at_once(void **state)
{
    struct watch_item i = {.due_ms = -1, .failures = 9};

    (void)state;
    watch_plan_change(&i, true, NOW);
    assert_int_equal(i.due_ms, NOW);
}

static void
a_failure_is_tried_again_with_patience_until_it_is_well(void **state)
{
    struct watch_item i = {0};

    (void)state;
    watch_plan_bad(&i, 7, NOW);
    assert_int_equal(i.due_ms, NOW + 2000);
    watch_plan_bad(&i, 7, NOW);
    assert_int_equal(i.due_ms, NOW + 4000);
    assert_int_equal(i.told, 7);
    watch_plan_good(&i, false, NOW, NOW + 99);
    assert_int_equal(i.due_ms, NOW + 99);
    assert_int_equal(i.told, 0);
    watch_plan_bad(&i, 7, NOW);
    assert_int_equal(i.due_ms, NOW + 2000);
}

static void
half_a_change_is_waited_for_but_not_for_ever(void **state)
{
    struct watch_item i = {0};

    (void)state;
    watch_plan_change(&i, false, NOW);
    assert_int_equal(i.due_ms, NOW + WATCH_PLAN_HALF_MS);
    watch_plan_change(&i, false, NOW + 4000); /* another half */
    assert_int_equal(i.due_ms, NOW + WATCH_PLAN_HALF_MS);
    watch_plan_change(&i, true, NOW + 4500);
    assert_int_equal(i.due_ms, NOW + 4500);
    watch_plan_change(&i, false, NOW + 9000);
    assert_int_equal(i.due_ms, NOW + 9000 + WATCH_PLAN_HALF_MS);
}

static void
who_is_put_back_again_and_again_is_put_back_more_slowly(void **state)
{
    struct watch_item i = {0};

    (void)state;
    for (int n = 0; n <= WATCH_PLAN_DEPLOYS; n++) {
        watch_plan_change(&i, true, NOW + n);
        assert_int_equal(i.due_ms, NOW + n);
        watch_plan_good(&i, true, NOW + n, -1);
    }
    watch_plan_change(&i, true, NOW + 10);
    assert_int_equal(i.due_ms, NOW + 10 + 2000);
    watch_plan_good(&i, true, NOW + 20, -1);
    watch_plan_change(&i, true, NOW + 20);
    assert_int_equal(i.due_ms, NOW + 20 + 4000);
    /* calm again */
    watch_plan_change(&i, true, NOW + WATCH_PLAN_CALM_MS + 1);
    assert_int_equal(i.due_ms, NOW + WATCH_PLAN_CALM_MS + 1);
}

static void
who_is_undone_while_we_work_is_no_exception(void **state)
{
    struct watch_item i = {0};

    (void)state;
    for (int n = 0; n < WATCH_PLAN_DEPLOYS; n++) {
        watch_plan_good(&i, true, NOW, NOW);
        assert_int_equal(i.due_ms, NOW);
    }
    watch_plan_good(&i, true, NOW, NOW);
    assert_int_equal(i.due_ms, NOW + 2000);
    watch_plan_good(&i, true, NOW, NOW);
    assert_int_equal(i.due_ms, NOW + 4000);
    watch_plan_good(&i, false, NOW + WATCH_PLAN_CALM_MS + 1, NOW + 99999);
    assert_int_equal(i.due_ms, NOW + 99999);
}

static void
a_look_that_always_does_something_is_not_followed_by_another_at_once(void **state)
{
    (void)state;
    assert_int_equal(watch_plan_look(3600, NOW), NOW);
    assert_int_equal(watch_plan_look(0, NOW), NOW + 1000);
}

static void
another_run_is_waited_for_without_a_failure(void **state)
{
    struct watch_item i = {.told = 7};

    (void)state;
    watch_plan_busy(&i, NOW);
    assert_int_equal(i.due_ms, NOW + WATCH_PLAN_LEAST_MS);
    assert_int_equal(i.failures, 0);
    assert_int_equal(i.told, 7);
}

static void
the_next_is_the_first_that_is_due(void **state)
{
    struct watch_item items[] = {{.due_ms = -1}, {.due_ms = 30}, {.due_ms = 20}, {.due_ms = -1}};

    (void)state;
    assert_int_equal(watch_plan_next(items, 4), 20);
    assert_int_equal(watch_plan_next(items, 1), -1);
    assert_int_equal(watch_plan_next(NULL, 0), -1);
}

static void
a_digest_is_never_nothing(void **state)
{
    (void)state;
    assert_true(watch_plan_digest("") != 0);
    assert_true(watch_plan_digest("a") != watch_plan_digest("b"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patience_grows_and_has_an_end),
        cmocka_unit_test(a_change_is_worked_on_at_once),
        cmocka_unit_test(a_failure_is_tried_again_with_patience_until_it_is_well),
        cmocka_unit_test(half_a_change_is_waited_for_but_not_for_ever),
        cmocka_unit_test(who_is_put_back_again_and_again_is_put_back_more_slowly),
        cmocka_unit_test(who_is_undone_while_we_work_is_no_exception),
        cmocka_unit_test(a_look_that_always_does_something_is_not_followed_by_another_at_once),
        cmocka_unit_test(another_run_is_waited_for_without_a_failure),
        cmocka_unit_test(the_next_is_the_first_that_is_due),
        cmocka_unit_test(a_digest_is_never_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
