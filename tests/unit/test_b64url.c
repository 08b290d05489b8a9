/* test_b64url.c: vectors of RFC 4648 section 10 without padding, RFC 7515 appendix C. */
#include "base/b64url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
    const char *bytes;
    size_t size;
    const char *text;
} vectors[] = {
    {"",                    0, ""},
    {"f",                   1, "Zg"},
    {"fo",                  2, "Zm8"},
    {"foo",                 3, "Zm9v"},
    {"foob",                4, "Zm9vYg"},
    {"fooba",               5, "Zm9vYmE"},
    {"foobar",              6, "Zm9vYmFy"},
    {"\x03\xec\xff\xe0\xc1", 5, "A-z_4ME"}, /* RFC 7515 appendix C */
};
/* clang-format on */

static void
the_vectors_are_encoded_and_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        own_str struct str text = {0};
        own_str struct str bytes = {0};
        char fixed[16];

        b64url_encode(fixed, vectors[i].bytes, vectors[i].size);
        assert_string_equal(fixed, vectors[i].text);
        assert_true(strlen(fixed) < B64URL_SIZE(vectors[i].size));
        assert_true(str_addf(&text, "before:"));
        assert_true(b64url_add(&text, vectors[i].bytes, vectors[i].size));
        assert_string_equal(text.text + 7, vectors[i].text);
        assert_true(b64url_decode(&bytes, vectors[i].text));
        assert_int_equal(bytes.size, vectors[i].size);
        if (bytes.size > 0)
            assert_memory_equal(bytes.text, vectors[i].bytes, bytes.size);
    }
}

static void
every_length_comes_back(void **state)
{
    unsigned char bytes[200];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 151 + 7);
    for (size_t size = 1; size <= sizeof(bytes); size++) {
        own_str struct str text = {0};
        own_str struct str back = {0};
        char whole[B64URL_SIZE(sizeof(bytes))];

        b64url_encode(whole, bytes, size);
        assert_true(b64url_add(&text, bytes, size));
        assert_string_equal(text.text, whole);
        assert_int_equal(text.size + 1, B64URL_SIZE(size));
        assert_true(b64url_decode(&back, text.text));
        assert_int_equal(back.size, size);
        assert_memory_equal(back.text, bytes, size);
    }
}

static void
what_no_encoder_writes_is_refused(void **state)
{
    /* clang-format off */
    static const char *const rows[] = {
        "A",        /* a length that no encoding has */
        "Z",
        "Zm9vY",
        "AAAAA",
        "Zg==",     /* padding */
        "Zm9+",     /* the other alphabet */
        "Zm9/",
        "Zm 9",
        "Zm9\n",
        "Zh",       /* bits left over */
        "Zm9",
        "Zm\xc3\xa9",
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str out = {0};

        if (b64url_decode(&out, rows[i]))
            fail_msg("'%s' was decoded", rows[i]);
    }
}

static void
a_token_is_characters_of_the_alphabet_and_nothing_else(void **state)
{
    (void)state;
    assert_true(b64url_is("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA_"));
    assert_false(b64url_is(""));
    assert_false(b64url_is("../x"));
    assert_false(b64url_is("a=b"));
    assert_false(b64url_is("a b"));
    assert_false(b64url_is("a\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_are_encoded_and_decoded),
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(what_no_encoder_writes_is_refused),
        cmocka_unit_test(a_token_is_characters_of_the_alphabet_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
