/* test_exposition.c: metrics as Prometheus reads them. Expected values follow its manual,
 * "Exposition formats", and RFC 3629 for what is UTF-8.
 */
#include "cli/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
a_metric_has_one_head_and_its_samples(void **state)
{
    own_exposition struct exposition x = {0};
    const struct exposition_label one[] = {{"a", "b"}, {0}};
    const struct exposition_label two[] = {{"a", "b"}, {"c", NULL}, {0}};
    const struct exposition_label none[] = {{0}};

    (void)state;
    exposition_begin(&x, "x_total", "counter", "All of them.");
    exposition_add(&x, one, 1);
    exposition_add(&x, two, INT64_MIN);
    exposition_begin(&x, "x_empty", "gauge", "Without a sample it is not there.");
    exposition_begin(&x, "x_seconds", "gauge", "How long.");
    exposition_add_ms(&x, NULL, 12034);
    exposition_add_ms(&x, none, 7);
    assert_false(x.has_failed);
    assert_string_equal(x.text.text, "# HELP x_total All of them.\n"
                                     "# TYPE x_total counter\n"
                                     "x_total{a=\"b\"} 1\n"
                                     "x_total{a=\"b\",c=\"\"} -9223372036854775808\n"
                                     "# HELP x_seconds How long.\n"
                                     "# TYPE x_seconds gauge\n"
                                     "x_seconds 12.034\n"
                                     "x_seconds 0.007\n");
}

static void
labels_are_escaped_and_always_utf_8(void **state)
{
    static const struct {
        const char *given, *wanted;
    } rows[] = {
        {"", ""},
        {"db.example.org", "db.example.org"},
        {"*.example.org", "*.example.org"},
        {"a\"b", "a\\\"b"},
        {"a\\b", "a\\\\b"},
        {"a\nb", "a\\nb"},
        {"\\n", "\\\\n"},
        {"\"} 1\nx 2", "\\\"} 1\\nx 2"},
        {"a\tb\r", "a\tb\r"}, /* as they are: the format names three characters only */
        {"\xc3\xab", "\xc3\xab"},
        {"\xe2\x82\xac\xf0\x9f\x94\x91", "\xe2\x82\xac\xf0\x9f\x94\x91"},
        {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        {"\xff", "?"},
        {"a\x80z", "a?z"},
        {"\xc0\x80", "??"},           /* too long a form of NUL */
        {"\xe0\x9f\xbf", "???"},      /* too long a form */
        {"\xf0\x8f\xbf\xbf", "????"}, /* too long a form */
        {"\xed\xa0\x80", "???"},      /* a surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", "????"}, /* no such first byte */
        {"\xc3", "?"},                /* cut off */
        {"\xe2\x82", "??"},           /* cut off */
        {"\xf0\x9f\x94", "???"},      /* cut off */
        {"\xe2\x82\"", "??\\\""},     /* cut off, and what follows is still escaped */
        {"\xc3\xab\xc3", "\xc3\xab?"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_exposition struct exposition x = {0};
        own_mem char *wanted =
            str_format("# HELP x y\n# TYPE x gauge\nx{l=\"%s\"} 0\n", rows[i].wanted);
        const struct exposition_label labels[] = {{"l", rows[i].given}, {0}};

        exposition_begin(&x, "x", "gauge", "y");
        exposition_add(&x, labels, 0);
        assert_string_equal(x.text.text, wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_metric_has_one_head_and_its_samples),
        cmocka_unit_test(labels_are_escaped_and_always_utf_8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
