/* test_ca.c: the settings of the private CA. */
#include "ca/ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DAY (INT64_C(24) * 3600)

static void
the_defaults_are_those_of_the_manual(void **state)
{
    struct ca_config c = {0};
    struct err e = {0};

    (void)state;
    assert_true(option_bind(NULL, ca_options, &c, &e));
    assert_true(ca_check_config(&c, &e));
    assert_int_equal(c.root_lifetime_s, 3650 * DAY);
    assert_int_equal(c.issuing_lifetime_s, 1095 * DAY);
    assert_int_equal(c.client_lifetime_s, 90 * DAY);
    assert_int_equal(c.crl_lifetime_s, 30 * DAY);
    assert_int_equal(c.key_type, KEY_ECDSA_P256);
    assert_true(list_has(&c.privileged, "postgres"));
    assert_null(c.directory);
    option_done(ca_options, &c);
}

static void
lifetimes_that_contradict_each_other_are_refused(void **state)
{
    /* clang-format off */
    static const struct {
        int64_t root_s, issuing_s, server_s, client_s, crl_s;
        const char *says; /* NULL: it is good */
    } rows[] = {
        {10 * DAY, 10 * DAY, 10 * DAY, 10 * DAY, DAY,  NULL},
        {10 * DAY, 11 * DAY, DAY,      DAY,      DAY,  "issuing_lifetime must not be longer than root_lifetime"},
        {10 * DAY, 5 * DAY,  6 * DAY,  DAY,      DAY,  "server_lifetime must not be longer"},
        {10 * DAY, 5 * DAY,  DAY,      6 * DAY,  DAY,  "client_lifetime must not be longer"},
        {10 * DAY, 5 * DAY,  DAY,      DAY,      3599, "crl_lifetime must be at least 1h"},
        {10 * DAY, 5 * DAY,  59,       DAY,      DAY,  "server_lifetime must be at least 1min"},
        {86399,    86399,    DAY,      DAY,      DAY,  "root_lifetime must be at least 1d"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ca_config c = {.root_lifetime_s = rows[i].root_s,
                                    .issuing_lifetime_s = rows[i].issuing_s,
                                    .server_lifetime_s = rows[i].server_s,
                                    .client_lifetime_s = rows[i].client_s,
                                    .crl_lifetime_s = rows[i].crl_s};
        struct err e = {0};

        assert_int_equal(ca_check_config(&c, &e), rows[i].says == NULL);
        assert_int_equal(e.code, rows[i].says == NULL ? ERR_NONE : ERR_CONFIG);
        assert_true(rows[i].says == NULL || strstr(e.text, rows[i].says) != NULL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_those_of_the_manual),
        cmocka_unit_test(lifetimes_that_contradict_each_other_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
