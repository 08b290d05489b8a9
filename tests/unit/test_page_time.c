/* test_page_time.c: the scale of the time line is even between its marks, and never runs back. */
#include "cli/page_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1795000000)
#define DAY INT64_C(86400)

static void
a_later_time_is_never_more_to_the_left(void **state)
{
    int64_t last = -1;

    (void)state;
    for (int64_t day = -500; day < 40 * 365; day++) {
        int64_t place = page_time_place(NOW + day * DAY, NOW);

        assert_true(place >= last && place >= 0 && place <= 10000);
        last = place;
    }
    assert_int_equal(last, 10000);
    assert_int_equal(page_time_place(0, NOW), 0);
    assert_true(page_time_place(NOW + DAY, NOW) > page_time_place(NOW, NOW));
    assert_true(page_time_place(NOW - DAY, NOW) < page_time_place(NOW, NOW));
    assert_int_equal(page_time_place(INT64_MAX / 2, NOW), 10000);
}

static void
a_time_is_told_as_it_matters(void **state)
{
    static const struct {
        int64_t after_s;
        const char *wanted;
    } rows[] = {
        {0, "<time datetime=\"2026-11-18T11:06:40Z\">2026-11-18 11:06</time> "
            "<span class=\"span\">just now</span>"},
        {-180, "<time datetime=\"2026-11-18T11:03:40Z\">2026-11-18 11:03</time> "
               "<span class=\"span\">3 min ago</span>"},
        {30 * DAY, "<time datetime=\"2026-12-18T11:06:40Z\">2026-12-18</time> "
                   "<span class=\"span\">in 30 days</span>"},
        {3650 * DAY, "<time datetime=\"2036-11-15T11:06:40Z\">2036-11-15</time> "
                     "<span class=\"span\">in 10 years</span>"},
        {-NOW, "<span class=\"none\">\xe2\x80\x93</span>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        own_html struct html h = {0};

        page_time_put(&h, NOW + rows[i].after_s, NOW);
        assert_string_equal(h.text.text, rows[i].wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_time_is_never_more_to_the_left),
        cmocka_unit_test(a_time_is_told_as_it_matters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
