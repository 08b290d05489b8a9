/* test_clock.c: times as text; expected values by date(1): date -u -d @N +%FT%TZ. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
    int64_t at_s;
    const char *text;
} times[] = {
    {0,            "1970-01-01T00:00:00Z"},
    {951782400,    "2000-02-29T00:00:00Z"},
    {1795316400,   "2026-11-22T03:00:00Z"},
    {4294967296,   "2106-02-07T06:28:16Z"},
    {253402300799, "9999-12-31T23:59:59Z"},
};
/* clang-format on */

static void
a_time_is_written_and_read_as_rfc_3339(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        char text[CLOCK_TEXT_SIZE];
        int64_t at_s = -1;

        clock_text(text, times[i].at_s);
        assert_string_equal(text, times[i].text);
        assert_true(clock_parse(&at_s, times[i].text));
        assert_int_equal(at_s, times[i].at_s);
    }
}

static void
a_time_beyond_the_last_year_is_shown_as_its_end(void **state)
{
    char text[CLOCK_TEXT_SIZE];

    (void)state;
    clock_text(text, INT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void
every_day_of_four_centuries_is_read_as_libc_reads_it(void **state)
{
    (void)state;
    for (int64_t day = -25567; day < 120529; day++) { /* 1900 to 2299 */
        char text[CLOCK_TEXT_SIZE];
        int64_t at_s = 0;

        clock_text(text, day * 86400 + 3661);
        assert_true(clock_parse(&at_s, text));
        assert_int_equal(at_s, day * 86400 + 3661);
    }
}

static void
anything_but_a_whole_time_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "2026-11-22",
        "2026-11-22T03:00:00",
        "2026-11-22T03:00:00Z ",
        "2026-11-22 03:00:00Z",
        "2026-13-22T03:00:00Z",
        "2026-02-29T03:00:00Z",
        "2100-02-29T03:00:00Z",
        "2026-12-32T03:00:00Z",
        "2026-11-00T03:00:00Z",
        "2026-11-22T03:60:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T03:00:00+01:00",
        "now",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t at_s = -1;

        if (clock_parse(&at_s, rows[i]))
            fail_msg("'%s' was read as a time", rows[i]);
        assert_int_equal(at_s, -1);
    }
}

static void
a_span_is_told_in_the_largest_unit_that_says_enough(void **state)
{
    /* clang-format off */
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0,          "0 ms"},
        {850,        "850 ms"},
        {999,        "999 ms"},
        {1000,       "1 s"},
        {119999,     "119 s"},
        {120000,     "2 min"},
        {7199999,    "119 min"},
        {7200000,    "2 h"},
        {172799999,  "47 h"},
        {172800000,  "2 days"},
        {3542400000, "41 days"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[CLOCK_SPAN_SIZE];

        clock_span(text, rows[i].ms);
        assert_string_equal(text, rows[i].text);
    }
}

static void
the_real_clock_goes_forward_and_does_not_sleep_for_nothing(void **state)
{
    struct clock *c = &clock_system;
    int64_t began_ms = c->steady_ms(c);

    (void)state;
    assert_true(c->now_s(c) > 1700000000);
    c->sleep_ms(c, 0);
    c->sleep_ms(c, -1000);
    c->sleep_ms(c, 2);
    assert_true(c->steady_ms(c) >= began_ms + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_written_and_read_as_rfc_3339),
        cmocka_unit_test(a_time_beyond_the_last_year_is_shown_as_its_end),
        cmocka_unit_test(every_day_of_four_centuries_is_read_as_libc_reads_it),
        cmocka_unit_test(anything_but_a_whole_time_is_refused),
        cmocka_unit_test(a_span_is_told_in_the_largest_unit_that_says_enough),
        cmocka_unit_test(the_real_clock_goes_forward_and_does_not_sleep_for_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
