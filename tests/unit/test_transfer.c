/* test_transfer.c: accounts as files. */
#include "acme/transfer.h"

#include "base/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The key of a type as PEM, with text before it, read as an account. */
static bool
read_it(struct transfer *t, const char *before, enum key_type type, struct err *e)
{
    own_pkey EVP_PKEY *key = key_generate(type, e);
    own_str struct str text = {0};

    assert_true(str_addf(&text, "%s", before) && key_to_pem(key, &text, e));
    if (!transfer_read(t, &text, e))
        return false;
    assert_int_equal(EVP_PKEY_eq(key, t->key), 1);
    return true;
}

static void
what_is_written_is_read_again(void **state)
{
    struct err e = {0};
    char directory[] = "https://ca.test/dir";
    char account[] = "https://ca.test/acct/1";
    own_pkey EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
    const struct transfer t = {key, directory, account};
    own_transfer struct transfer back = {0};
    own_str struct str text = {0};

    (void)state;
    assert_true(transfer_write(&t, &text, &e));
    assert_true(transfer_read(&back, &text, &e));
    assert_string_equal(back.directory, directory);
    assert_string_equal(back.account, account);
    assert_int_equal(EVP_PKEY_eq(key, back.key), 1);
}

static void
a_bare_key_is_enough(void **state)
{
    /* clang-format off */
    static const struct {
        const char *before;
        enum key_type type;
        const char *directory, *account;
    } rows[] = {
        {"", KEY_ECDSA_P256, NULL, NULL},
        {"", KEY_ECDSA_P384, NULL, NULL},
        {"", KEY_RSA_2048, NULL, NULL},
        {"# a comment\r\naccount:\thttps://ca.test/1 \r\n", KEY_ECDSA_P256, NULL, "https://ca.test/1"},
        {"directory:x\nmy account: y\n", KEY_ECDSA_P256, "x", NULL},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_transfer struct transfer t = {0};
        struct err e = {0};

        assert_true(read_it(&t, rows[i].before, rows[i].type, &e));
        assert_string_equal(t.directory == NULL ? "-" : t.directory,
                            rows[i].directory == NULL ? "-" : rows[i].directory);
        assert_string_equal(t.account == NULL ? "-" : t.account,
                            rows[i].account == NULL ? "-" : rows[i].account);
    }
}

static void
what_stands_behind_the_key_says_nothing(void **state)
{
    struct err e = {0};
    own_pkey EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
    own_transfer struct transfer t = {0};
    own_str struct str text = {0};

    (void)state;
    assert_true(key_to_pem(key, &text, &e) && str_addf(&text, "account: https://evil.test/1\n"));
    assert_true(transfer_read(&t, &text, &e));
    assert_null(t.account);
}

static void
what_is_no_account_is_refused(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "there is no account: the file is empty"},
        {"hello\n", "there is no private key: no PEM block 'PRIVATE KEY' was found"},
        {" {\"kty\":\"oct\"}", "the JSON Web Key is neither of kty EC nor RSA"},
        {"{", "not JSON: string or '}' expected near end of file (line 1, column 1)"},
        /* RFC 8032 section 7.1, test 1 */
        {"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n",
         "the key of an account must be ECDSA P-256 or P-384, or RSA with 2048 to 4096 bits"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_transfer struct transfer t = {0};
        own_str struct str text = {0};
        struct err e = {0};

        assert_true(str_addf(&text, "%s", rows[i].text));
        assert_false(transfer_read(&t, &text, &e));
        assert_string_equal(e.text, rows[i].why);
        assert_int_equal(e.code, ERR_INPUT);
    }
}

static void
bytes_that_are_no_text_are_refused(void **state)
{
    own_transfer struct transfer t = {0};
    own_str struct str text = {0};
    struct err e = {0};

    (void)state;
    assert_true(str_add(&text, "account: a\0b\n", 13));
    assert_false(transfer_read(&t, &text, &e));
    assert_string_equal(e.text, "there is no account: the file is not text");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_bare_key_is_enough),
        cmocka_unit_test(what_stands_behind_the_key_says_nothing),
        cmocka_unit_test(what_is_no_account_is_refused),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
