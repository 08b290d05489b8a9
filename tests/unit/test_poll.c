/* test_poll.c: when the issuer is asked for its advice, and what is made of it. */
#include "cli/poll.h"

#include "cli/chance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1795316400)
#define HOUR 3600
#define DAY (24 * HOUR)

static void
the_time_to_ask_again_is_bounded(void **state)
{
    /* RFC 9773 section 4.3.2: a minute and a day are its examples of reasonable limits */
    (void)state;
    assert_int_equal(poll_again(NOW, 0), NOW + 6 * HOUR);
    assert_int_equal(poll_again(NOW, NOW + 2 * HOUR), NOW + 2 * HOUR);
    assert_int_equal(poll_again(NOW, NOW + 1), NOW + 60);
    assert_int_equal(poll_again(NOW, NOW - 100), NOW + 60);
    assert_int_equal(poll_again(NOW, NOW + 7 * DAY), NOW + DAY);
}

static void
the_moment_is_in_the_window(void **state)
{
    struct acme_window w = {.start_s = NOW + DAY, .end_s = NOW + 2 * DAY};
    int64_t first_half = 0;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        struct advice none = {0};
        struct advice a = poll_choose(&none, &w, NOW, i * UINT64_C(0x9e3779b97f4a7c15));

        assert_in_range(a.moment_s, w.start_s, w.end_s - 1);
        first_half += a.moment_s < NOW + DAY + DAY / 2;
    }
    assert_in_range(first_half, 400, 600);
}

static void
the_kernel_gives_another_number_each_time(void **state)
{
    (void)state;
    assert_int_not_equal(chance(), chance());
    assert_int_equal(chance_between(5, 5, 7), 5);
    assert_int_equal(chance_between(5, 4, 7), 5);
    assert_int_equal(chance_between(5, 8, 7), 6);
}

static void
the_moment_stays_as_long_as_the_window_does(void **state)
{
    struct acme_window w = {.start_s = NOW, .end_s = NOW + DAY};
    struct advice none = {0};
    struct advice first = poll_choose(&none, &w, NOW, 100);
    struct advice again = poll_choose(&first, &w, NOW, 200);

    (void)state;
    assert_int_equal(first.moment_s, NOW + 100);
    assert_int_equal(again.moment_s, NOW + 100);
    w.end_s += HOUR;
    again = poll_choose(&first, &w, NOW, 200);
    assert_int_equal(again.moment_s, NOW + 200);
    assert_int_equal(again.end_s, NOW + DAY + HOUR);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_to_ask_again_is_bounded),
        cmocka_unit_test(the_moment_is_in_the_window),
        cmocka_unit_test(the_kernel_gives_another_number_each_time),
        cmocka_unit_test(the_moment_stays_as_long_as_the_window_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
