/* test_html.c: texts of others in markup of ours. Expected values follow the HTML Living Standard,
 * section 13.3, and for characters Unicode Standard Annex 9, section 2.
 */
#include "cli/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FFFD "\xef\xbf\xbd"

static void
a_text_is_text_whatever_it_has(void **state)
{
    static const struct {
        const char *given, *wanted;
    } rows[] = {
        {"", ""},
        {NULL, ""},
        {"db.example.org", "db.example.org"},
        {"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
        {"\" onload='x' &lt;", "&quot; onload=&#39;x&#39; &amp;lt;"},
        {"100 %s", "100 %s"},
        {"a\tb\nc", "a\tb\nc"},
        {"a\x1b[31m\x7f\x01", "a" FFFD "[31m" FFFD FFFD},
        {"Zo\xc3\xab \xf0\x9f\x94\x91", "Zo\xc3\xab \xf0\x9f\x94\x91"},
        {"\xff\xc3", FFFD FFFD},
        {"\xc2\x9b\xc2\xa0", FFFD "\xc2\xa0"},                    /* CSI; a space */
        {"a\xe2\x80\xaegro.elpmaxe", "a" FFFD "gro.elpmaxe"},     /* U+202E */
        {"\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\x8f", FFFD FFFD FFFD}, /* U+2066 U+2069 U+200F */
        {"\xe2\x80\x93\xe2\x80\xa6", "\xe2\x80\x93\xe2\x80\xa6"}, /* a dash, an ellipsis */
        {"\xd8\x9c\xd8\xa7", FFFD "\xd8\xa7"},                    /* U+061C; a letter */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        own_html struct html h = {0};

        html_put(&h, "<p>%s</p>", rows[i].given);
        assert_false(h.has_failed);
        h.text.text[h.text.size - 4] = '\0';
        assert_string_equal(h.text.text + 3, rows[i].wanted);
    }
}

static void
numbers_and_percents_are_put_in(void **state)
{
    own_html struct html h = {0};

    (void)state;
    html_put(&h, "<i a=\"%s\" w=\"1%%\">%lld %zu</i>", "\"", (long long)INT64_MIN, (size_t)7);
    assert_false(h.has_failed);
    assert_string_equal(h.text.text, "<i a=\"&quot;\" w=\"1%\">-9223372036854775808 7</i>");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_text_whatever_it_has),
        cmocka_unit_test(numbers_and_percents_are_put_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
