/* test_str.c: growing text, lists, the nearest word. */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
text_grows_and_always_ends_in_nul(void **state)
{
    own_str struct str s = {0};
    own_mem char *whole = calloc(1, 5001);

    (void)state;
    assert_non_null(whole);
    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(whole + 5 * i, 6, "%05zu", i);
        assert_true(i % 2 == 0 ? str_addf(&s, "%05zu", i) : str_add(&s, whole + 5 * i, 5));
        assert_int_equal(s.text[s.size], '\0');
    }
    assert_int_equal(s.size, 5000);
    assert_string_equal(s.text, whole);
}

static void
bytes_may_be_anything_and_nothing(void **state)
{
    own_str struct str s = {0};

    (void)state;
    assert_true(str_add(&s, "a\0b", 3));
    assert_true(str_add(&s, NULL, 0));
    assert_true(str_addf(&s, "%s", ""));
    assert_int_equal(s.size, 3);
    assert_memory_equal(s.text, "a\0b", 4);
}

static void
more_than_can_be_is_refused_and_what_was_there_stays(void **state)
{
    own_str struct str s = {0};

    (void)state;
    assert_true(str_addf(&s, "kept"));
    assert_false(str_add(&s, "x", SIZE_MAX - 2));
    assert_string_equal(s.text, "kept");
    assert_int_equal(s.size, 4);
}

static void
cleared_text_is_wiped_to_its_last_byte(void **state)
{
    own_str struct str s = {0};

    (void)state;
    assert_true(str_addf(&s, "a secret"));
    str_clear(&s);
    assert_int_equal(s.size, 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(s.text[i], 0);
    assert_true(str_addf(&s, "b"));
    assert_string_equal(s.text, "b");
}

static void
taken_text_belongs_to_the_caller(void **state)
{
    struct str s = {0};
    own_mem char *text = NULL;

    (void)state;
    assert_null(str_take(&s));
    assert_true(str_addf(&s, "%d", 7));
    text = str_take(&s);
    assert_string_equal(text, "7");
    assert_null(s.text);
    assert_int_equal(s.size + s.room, 0);
}

static void
words_are_separated_by_commas_and_white_space(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text, *joined;
    } rows[] = {
        {"",                ""},
        {" ,\t\r\n,",       ""},
        {"a",               "a|"},
        {"a,b",             "a|b|"},
        {" a  ,, b\tc\r\n", "a|b|c|"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_list struct list l = {0};
        own_str struct str joined = {0};

        assert_true(list_add_words(&l, rows[i].text));
        assert_true(str_addf(&joined, "%s", ""));
        for (size_t j = 0; j < l.count; j++)
            assert_true(str_addf(&joined, "%s|", l.items[j]));
        assert_string_equal(joined.text, rows[i].joined);
    }
}

static void
lists_are_the_same_in_whatever_order(void **state)
{
    /* clang-format off */
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"",    "",    true},
        {"a b", "b a", true},
        {"a",   "",    false},
        {"",    "a",   false},
        {"a b", "a",   false},
        {"a",   "a b", false},
        {"a",   "A",   false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_list struct list a = {0}, b = {0}, copy = {0};

        assert_true(list_add_words(&a, rows[i].a) && list_add_words(&b, rows[i].b));
        assert_int_equal(list_same(&a, &b), rows[i].same);
        assert_true(list_copy(&copy, &a));
        assert_true(list_same(&copy, &a));
        for (size_t j = 0; j < a.count; j++)
            assert_ptr_not_equal(copy.items[j], a.items[j]);
    }
}

static const char *
word(const void *table, size_t i)
{
    return ((const char *const *)table)[i];
}

static void
the_nearest_word_is_a_misspelling_or_none(void **state)
{
    static const char *const words[] = {"renew", "check", "status", "rollback"};
    static char longer[66];
    /* clang-format off */
    static const struct {
        const char *wrong, *nearest;
    } rows[] = {
        {"renew",     "renew"},
        {"renwe",     "renew"},    /* two letters changed */
        {"rene",      "renew"},
        {"stauts",    "status"},
        {"rolback",   "rollback"},
        {"checks",    "check"},
        {"frobnicate", NULL},
        {"xyz",       NULL},
        {"",          NULL},
        {longer,      NULL},       /* longer than any word of ours */
    };
    /* clang-format on */

    (void)state;
    memset(longer, 'r', sizeof(longer) - 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *nearest = str_nearest(rows[i].wrong, word, words, COUNT(words));

        if (rows[i].nearest == NULL)
            assert_null(nearest);
        else
            assert_string_equal(nearest, rows[i].nearest);
    }
}

static void
hexadecimal_is_lower_case(void **state)
{
    char hex[9];

    (void)state;
    str_hex(hex, (const unsigned char *)"\x00\x9f\xa0\xff", 4);
    assert_string_equal(hex, "009fa0ff");
    str_hex(hex, NULL, 0);
    assert_string_equal(hex, "");
}

/* RFC 3629 sections 3 and 4; the examples of what is none are those of its section 10 and of the
 * Unicode standard, table 3-7. */
static void
characters_are_counted_as_utf_8(void **state)
{
    static const struct {
        const char *text;
        size_t left, size;
    } rows[] = {
        {"a", 1, 1},
        {"", 1, 1},
        {"a", 0, 0},
        {"\x7f", 1, 1},
        {"\xc3\xab", 2, 2},
        {"\xc3\xab", 1, 0}, /* more than may be read */
        {"\xe2\x82\xac", 3, 3},
        {"\xe2\x82\xac", 2, 0},
        {"\xed\x9f\xbf", 3, 3},
        {"\xed\xa0\x80", 3, 0}, /* a surrogate */
        {"\xf0\x9f\x94\x91", 4, 4},
        {"\xf0\x9f\x94\x41", 4, 0},
        {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\xf4\x90\x80\x80", 4, 0}, /* above U+10FFFF */
        {"\xc0\x80", 2, 0},         /* longer than needed */
        {"\xe0\x80\x80", 3, 0},
        {"\xf0\x80\x80\x80", 4, 0},
        {"\x80", 1, 0},
        {"\xff\xff", 2, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (str_utf8_size(rows[i].text, rows[i].left) != rows[i].size)
            fail_msg("row %zu: %zu", i, str_utf8_size(rows[i].text, rows[i].left));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_and_always_ends_in_nul),
        cmocka_unit_test(bytes_may_be_anything_and_nothing),
        cmocka_unit_test(more_than_can_be_is_refused_and_what_was_there_stays),
        cmocka_unit_test(cleared_text_is_wiped_to_its_last_byte),
        cmocka_unit_test(taken_text_belongs_to_the_caller),
        cmocka_unit_test(words_are_separated_by_commas_and_white_space),
        cmocka_unit_test(lists_are_the_same_in_whatever_order),
        cmocka_unit_test(the_nearest_word_is_a_misspelling_or_none),
        cmocka_unit_test(hexadecimal_is_lower_case),
        cmocka_unit_test(characters_are_counted_as_utf_8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
