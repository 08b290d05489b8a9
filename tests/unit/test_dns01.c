/* test_dns01.c: name and value of the record; the key authorization is that of RFC 8555
 * section 8.3:
 * LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI
 * and its digest Python's: base64.urlsafe_b64encode(hashlib.sha256(b"LoqX...").digest())
 */
#include "acme/dns01.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char thumbprint[THUMBPRINT_SIZE + 1] =
    "\xf6\x38\x38\xe9\x60\x77\xad\x1f\xc0\x1c\x3f\x84\x05\x77\x4d\xed"
    "\xc0\x64\x1f\x55\x8e\xbb\x4b\x40\xdc\xcf\x5f\x9b\x6d\x66\xa9\x32";

static void
the_value_is_the_digest_of_token_and_thumbprint(void **state)
{
    char txt[DNS01_TXT_SIZE];
    struct err e = {0};

    (void)state;
    assert_true(dns01_txt(txt, "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", thumbprint, &e));
    assert_string_equal(txt, "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo");
    assert_int_equal(strlen(txt), 43);
}

static void
a_token_that_is_not_base64url_is_refused(void **state)
{
    static const char *const rows[] = {"", "../x", "a.b", "a=", "a b", "a\n", "a+b", "\xc3\xbc"};
    char longest[258];
    char txt[DNS01_TXT_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};

        if (dns01_txt(txt, rows[i], thumbprint, &e))
            fail_msg("the token '%s' was accepted", rows[i]);
        assert_int_equal(e.code, ERR_PROTOCOL);
    }
    memset(longest, 'a', sizeof(longest));
    longest[257] = '\0';
    assert_false(dns01_txt(txt, longest, thumbprint, &(struct err){0}));
    longest[256] = '\0';
    assert_true(dns01_txt(txt, longest, thumbprint, &(struct err){0}));
}

static void
the_record_stands_below_the_name_also_for_a_wildcard(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name, *fqdn;
    } rows[] = {
        {"www.example.org",   "_acme-challenge.www.example.org."}, /* RFC 8555 section 8.4 */
        {"*.example.org",     "_acme-challenge.example.org."},
        {"xn--bcher-kva.org", "_acme-challenge.xn--bcher-kva.org."},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *fqdn = dns01_fqdn(rows[i].name);

        assert_string_equal(fqdn, rows[i].fqdn);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_value_is_the_digest_of_token_and_thumbprint),
        cmocka_unit_test(a_token_that_is_not_base64url_is_refused),
        cmocka_unit_test(the_record_stands_below_the_name_also_for_a_wildcard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
