/* test_obtain.c: when another issuer is asked. */
#include "cli/obtain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define DAY 86400
#define RENEW INT64_C(1800000000)
#define END (RENEW + 30 * DAY)

static void
another_issuer_is_asked_when_it_matters(void **state)
{
    static const struct {
        int64_t failures, now_s;
        bool needed;
    } rows[] = {
        {0, RENEW, false},
        {1, RENEW, false},
        {2, RENEW, false},
        {3, RENEW, true},
        {1000, RENEW, true},
        {0, RENEW - 40 * DAY, false}, /* names changed, say */
        {1, RENEW + 15 * DAY - 1, false},
        {0, RENEW + 15 * DAY, true},
        {0, END + DAY, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (obtain_needs_fallback(rows[i].failures, RENEW, END, rows[i].now_s) != rows[i].needed)
            fail_msg("row %zu", i);
}

static void
without_a_certificate_it_always_matters(void **state)
{
    (void)state;
    assert_true(obtain_needs_fallback(0, 0, 0, RENEW));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_issuer_is_asked_when_it_matters),
        cmocka_unit_test(without_a_certificate_it_always_matters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
