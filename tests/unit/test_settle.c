/* test_settle.c: when a change is over. */
#include "inotify/settle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
what_is_at_rest_is_never_due(void **state)
{
    struct settle s = {0};

    (void)state;
    assert_int_equal(settle_due_ms(&s), -1);
    assert_false(settle_take(&s, INT64_MAX));
}

static void
a_change_is_over_when_it_has_been_quiet(void **state)
{
    struct settle s = {0};

    (void)state;
    settle_touch(&s, 1000);
    assert_int_equal(settle_due_ms(&s), 1000 + SETTLE_QUIET_MS);
    settle_touch(&s, 1015);
    assert_int_equal(settle_due_ms(&s), 1015 + SETTLE_QUIET_MS);
    assert_false(settle_take(&s, 1015 + SETTLE_QUIET_MS - 1));
    assert_true(settle_take(&s, 1015 + SETTLE_QUIET_MS));
}

static void
one_that_goes_on_is_looked_at_nevertheless(void **state)
{
    struct settle s = {0};

    (void)state;
    for (int64_t now_ms = 5000; now_ms <= 5000 + SETTLE_MOST_MS; now_ms += SETTLE_QUIET_MS / 2)
        settle_touch(&s, now_ms);
    assert_int_equal(settle_due_ms(&s), 5000 + SETTLE_MOST_MS);
    assert_true(settle_take(&s, 5000 + SETTLE_MOST_MS));
}

static void
it_is_taken_once_and_the_next_one_begins_anew(void **state)
{
    struct settle s = {0};

    (void)state;
    settle_touch(&s, 0);
    assert_true(settle_take(&s, 5000));
    assert_false(settle_take(&s, 5000));
    assert_int_equal(settle_due_ms(&s), -1);
    settle_touch(&s, 6000);
    assert_int_equal(settle_due_ms(&s), 6000 + SETTLE_QUIET_MS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_at_rest_is_never_due),
        cmocka_unit_test(a_change_is_over_when_it_has_been_quiet),
        cmocka_unit_test(one_that_goes_on_is_looked_at_nevertheless),
        cmocka_unit_test(it_is_taken_once_and_the_next_one_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
