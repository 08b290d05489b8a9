/* test_token.c: URIs of keys in a token. What needs a token is in tests/e2e/token.bats. */
#include "ca/token.h"
#include "ca/token_uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
a_uri_names_a_token_and_a_key_in_it(void **state)
{
    static const struct {
        const char *uri;
        const char *says; /* NULL: it is good */
    } rows[] = {
        /* after the examples of RFC 7512 section 3 */
        {"pkcs11:token=hsm;object=root", NULL},
        {"pkcs11:object=my-key;type=private;serial=DECC0401648", NULL},
        {"pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;"
         "model=1.0;object=my-certificate;id=%69%95%3E%5C%F4%BD%EC%91;serial=;type=private",
         "the value of 'serial' is empty"},
        {"pkcs11:slot-id=327;id=%01", NULL},
        {"pkcs11:token=hsm;object=root;", NULL},
        {"", "no PKCS#11 URI"},
        {"file:/root.key", "no PKCS#11 URI"},
        {"pkcs11:", "does not say which token"},
        {"pkcs11:object=root", "does not say which token"},
        {"pkcs11:model=x;object=root", "does not say which token"},
        {"pkcs11:token=hsm;type=private", "does not say which key"},
        {"pkcs11:token=hsm;object=root;type=public", "type=private"},
        {"pkcs11:token=hsm;object=root;type=priv", "type=private"},
        {"pkcs11:token=hsm;object=root;type=cert", "type=private"},
        {"pkcs11:token=hsm;object=root;;", "''"},
        {"pkcs11:token=hsm;objekt=root", "'objekt' is no attribute"},
        {"pkcs11:token;object=root", "'token' is no attribute"},
        {"pkcs11:token=my hsm;object=root", "the value of 'token'"},
        {"pkcs11:token=hsm;object=50%", "the value of 'object'"},
        {"pkcs11:token=hsm;object=%4", "the value of 'object'"},
        {"pkcs11:token=hsm;object=%zz", "the value of 'object'"},
        {"pkcs11:token=hsm;object=a\"b", "the value of 'object'"},
        {"pkcs11:token=hsm;object=a?module-path=/x.so", "pkcs11_module"},
        {"pkcs11:token=hsm;object=a?pin-source=/x", "pin_file"},
        {"pkcs11:token=hsm;object=a;pin-value=4711", "pin_file"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        bool good = token_uri_check("root_key", rows[i].uri, &e);

        if (good != (rows[i].says == NULL))
            print_error("%s: %s\n", rows[i].uri, e.text);
        assert_int_equal(good, rows[i].says == NULL);
        if (rows[i].says == NULL)
            continue;
        assert_int_equal(e.code, ERR_CONFIG);
        assert_non_null(strstr(e.text, "[ca] root_key"));
        assert_non_null(strstr(e.text, rows[i].says));
        assert_null(strstr(e.text, "4711")); /* a PIN stands in no sentence */
    }
}

static void
a_driver_that_is_not_there_is_told(void **state)
{
    struct ca_config config = {.pkcs11_module = (char[]){"/nonexistent/driver.so"}};
    struct err e = {0};

    (void)state;
    assert_null(token_open(&config, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_non_null(strstr(e.text, "/nonexistent/driver.so"));
}

static void
closing_nothing_is_nothing(void **state)
{
    struct token *none = NULL;

    (void)state;
    token_close(&none);
    assert_null(none);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uri_names_a_token_and_a_key_in_it),
        cmocka_unit_test(a_driver_that_is_not_there_is_told),
        cmocka_unit_test(closing_nothing_is_nothing),
    };

    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
