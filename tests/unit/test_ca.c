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

#define GOOD                                                                                       \
    .root_lifetime_s = 10 * DAY, .issuing_lifetime_s = 5 * DAY, .server_lifetime_s = DAY,          \
    .client_lifetime_s = DAY, .crl_lifetime_s = DAY

static void
what_a_single_value_cannot_say_is_refused(void **state)
{
    /* clang-format off */
    const struct {
        struct ca_config c;
        const char *says; /* NULL: it is good */
    } rows[] = {
        {{.root_lifetime_s = 10 * DAY, .issuing_lifetime_s = 10 * DAY, .server_lifetime_s = 10 * DAY, .client_lifetime_s = 10 * DAY, .crl_lifetime_s = DAY}, NULL},
        {{.root_lifetime_s = 10 * DAY, .issuing_lifetime_s = 11 * DAY, .server_lifetime_s = DAY, .client_lifetime_s = DAY, .crl_lifetime_s = DAY}, "issuing_lifetime must not be longer than root_lifetime"},
        {{.root_lifetime_s = 10 * DAY, .issuing_lifetime_s = 5 * DAY, .server_lifetime_s = 6 * DAY, .client_lifetime_s = DAY, .crl_lifetime_s = DAY}, "server_lifetime must not be longer"},
        {{.root_lifetime_s = 10 * DAY, .issuing_lifetime_s = 5 * DAY, .server_lifetime_s = DAY, .client_lifetime_s = 6 * DAY, .crl_lifetime_s = DAY}, "client_lifetime must not be longer"},
        {{.root_lifetime_s = 10 * DAY, .issuing_lifetime_s = 5 * DAY, .server_lifetime_s = DAY, .client_lifetime_s = DAY, .crl_lifetime_s = 3599}, "crl_lifetime must be at least 1h"},
        {{.root_lifetime_s = 10 * DAY, .issuing_lifetime_s = 5 * DAY, .server_lifetime_s = 59, .client_lifetime_s = DAY, .crl_lifetime_s = DAY}, "server_lifetime must be at least 1min"},
        {{.root_lifetime_s = 86399, .issuing_lifetime_s = 86399, .server_lifetime_s = DAY, .client_lifetime_s = DAY, .crl_lifetime_s = DAY}, "root_lifetime must be at least 1d"},
        {{GOOD}, NULL},
        {{GOOD, .key_type = KEY_RSA_4096}, NULL},
        {{GOOD, .key_type = KEY_ED25519}, "[ca] key_type = ed25519: logins by SCRAM would fail"},
        {{GOOD, .root_key = (char[]){"pkcs11:token=hsm;object=root"}}, NULL},
        {{GOOD, .root_key = (char[]){"pkcs11:token=hsm;object=root"}, .client_key = (char[]){"pkcs11:token=hsm;object=ca"}}, NULL},
        {{GOOD, .root_key = (char[]){"pkcs11:token=hsm;object=ca"}, .client_key = (char[]){"pkcs11:token=hsm;object=ca"}}, "[ca] root_key and client_key name the same key"},
        {{GOOD, .root_key = (char[]){"/root.key"}}, "[ca] root_key is no PKCS#11 URI"},
        {{GOOD, .server_key = (char[]){"pkcs11:token=hsm"}}, "[ca] server_key does not say which key"},
        {{GOOD, .client_key = (char[]){"pkcs11:object=a"}}, "[ca] client_key does not say which token"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};

        assert_int_equal(ca_check_config(&rows[i].c, &e), rows[i].says == NULL);
        assert_int_equal(e.code, rows[i].says == NULL ? ERR_NONE : ERR_CONFIG);
        assert_true(rows[i].says == NULL || strstr(e.text, rows[i].says) != NULL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_those_of_the_manual),
        cmocka_unit_test(what_a_single_value_cannot_say_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
