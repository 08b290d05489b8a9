/* test_err.c: sentences and codes of the one error. */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <openssl/err.h>

#include <cmocka.h>

static void
setting_an_error_fails_and_forgets_the_last_one(void **state)
{
    struct err e = {.code = ERR_BUSY, .retry_at_s = 7, .text = "old"};

    (void)state;
    assert_false(err_set(&e, ERR_CONFIG, "no '%s'", "x"));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_int_equal(e.retry_at_s, 0);
    assert_string_equal(e.text, "no 'x'");
}

static void
a_foreign_text_cannot_forge_a_line(void **state)
{
    struct err e = {0};

    (void)state;
    assert_false(err_set(&e, ERR_REFUSED, "%s",
                         "a\nb\r\tc\x1b[31m\x7f"
                         "d b\xc3\xbc"
                         "e"));
    assert_string_equal(e.text, "a?b??c?[31m?d b\xc3\xbc"
                                "e");
    assert_false(err_wrap(&e, "x\ny"));
    assert_string_equal(e.text, "x?y: a?b??c?[31m?d b\xc3\xbc"
                                "e");
}

static void
errno_decides_between_the_kernel_and_permission(void **state)
{
    /* the words are strerror(3)'s in the C locale */
    /* clang-format off */
    static const struct {
        int number;
        enum err_code code;
        const char *text;
    } rows[] = {
        {ENOENT, ERR_SYSTEM,     "read 'f': No such file or directory"},
        {ENOSPC, ERR_SYSTEM,     "read 'f': No space left on device"},
        {EACCES, ERR_PERMISSION, "read 'f': Permission denied"},
        {EPERM,  ERR_PERMISSION, "read 'f': Operation not permitted"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};

        errno = rows[i].number;
        assert_false(err_errno(&e, "read '%s'", "f"));
        assert_int_equal(e.code, rows[i].code);
        assert_string_equal(e.text, rows[i].text);
    }
}

static void
openssl_tells_its_oldest_reason_once(void **state)
{
    struct err e = {0};

    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_X509, ERR_R_PASSED_NULL_PARAMETER);
    ERR_raise(ERR_LIB_X509, ERR_R_INTERNAL_ERROR);
    assert_false(err_crypto(&e, "sign"));
    assert_int_equal(e.code, ERR_INTERNAL);
    assert_string_equal(e.text, "sign: passed a null parameter");
    assert_int_equal(ERR_peek_error(), 0);
    assert_false(err_crypto(&e, "sign"));
    assert_string_equal(e.text, "sign: OpenSSL gives no reason");
}

static void
wrapping_keeps_code_and_advice(void **state)
{
    struct err e = {0};

    (void)state;
    assert_false(err_set(&e, ERR_BUSY, "too many orders"));
    e.retry_at_s = 1795316400;
    assert_false(err_wrap(&e, "POST '%s'", "https://ca.test/order"));
    assert_false(err_wrap(&e, "order"));
    assert_int_equal(e.code, ERR_BUSY);
    assert_int_equal(e.retry_at_s, 1795316400);
    assert_string_equal(e.text, "order: POST 'https://ca.test/order': too many orders");
}

static void
what_is_too_long_is_cut(void **state)
{
    struct err e = {0};
    char longer[3000];

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_false(err_set(&e, ERR_REFUSED, "%s", longer));
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    assert_false(err_wrap(&e, "%s", longer));
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    errno = EIO;
    assert_false(err_errno(&e, "%s", longer));
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void
only_what_may_pass_by_itself_is_temporary(void **state)
{
    (void)state;
    for (int code = ERR_NONE; code <= ERR_FOUND; code++) {
        struct err e = {.code = (enum err_code)code};

        /* exit status 75 in the table of err.h */
        assert_int_equal(err_is_temporary(&e),
                         code == ERR_NETWORK || code == ERR_TIMEOUT || code == ERR_BUSY);
    }
}

static void
out_of_memory_is_an_error_of_the_system(void **state)
{
    struct err e = {0};

    (void)state;
    assert_false(err_memory(&e));
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_string_equal(e.text, "out of memory");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_fails_and_forgets_the_last_one),
        cmocka_unit_test(a_foreign_text_cannot_forge_a_line),
        cmocka_unit_test(errno_decides_between_the_kernel_and_permission),
        cmocka_unit_test(openssl_tells_its_oldest_reason_once),
        cmocka_unit_test(wrapping_keeps_code_and_advice),
        cmocka_unit_test(what_is_too_long_is_cut),
        cmocka_unit_test(only_what_may_pass_by_itself_is_temporary),
        cmocka_unit_test(out_of_memory_is_an_error_of_the_system),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
