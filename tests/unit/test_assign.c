/* test_assign.c: what a value is, is what dash and bash 5.2 make of it; a test asks sh itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assign.h"

#include "tests/fake/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: it is not a text alone, and passed over. */
static void
reads_as(const char *text, const char *value)
{
    struct assigns a = {0};
    struct err e = {0};

    assert_true(assign_read(&a, text, strlen(text), &e));
    if (value == NULL) {
        if (assign_find(&a, "X") != NULL || a.odd_line == 0)
            fail_msg("%s: '%s'", text, assign_find(&a, "X"));
    } else {
        assert_int_equal(a.odd_line, 0);
        if (assign_find(&a, "X") == NULL)
            fail_msg("%s: nothing", text);
        assert_string_equal(assign_find(&a, "X"), value);
    }
    assign_done(&a);
}

static void
values_are_what_a_shell_makes_of_them(void **state)
{
    (void)state;
    reads_as("X=a", "a");
    reads_as("X=", "");
    reads_as("  X=a  # why\n", "a");
    reads_as("export X=a;\n", "a");
    reads_as("X=a#b", "a#b");
    reads_as("X='a b'\"c d\"e", "a bc de");
    reads_as("X='a$b`c\\d'", "a$b`c\\d");
    reads_as("X=\"a\\\"b\\$c\\d\"", "a\"b$c\\d");
    reads_as("X=a\\ b", "a b");
    reads_as("X=1\nX=2\n", "2");
    reads_as("B=/var/lib\nX=\"${B}/a\"$B", "/var/lib/a/var/lib");
    reads_as("# X=1\n\n\nX=2\r\n", "2");
}

static void
what_a_shell_would_run_is_passed_over(void **state)
{
    static const char *const odd[] = {
        "X=$(id)", "X=\"`id`\"", "X=a id", "X=a; id", "X=a | id", "X=$Y",     "X=${Y:-b}",
        "X=~/a",   "X=(a b)",    "X='a",   "X=*",     "X=a&",     "X=a\\\nb", "X='a\\\nb'",
        "id",      "X =a",       "X+=a",   "X=${#Y}", "[ -e a ]", "X=$((1))",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(odd); i++)
        reads_as(odd[i], NULL);
}

/* The expected values come from sh(1). */
static void
the_shell_agrees(void **state)
{
    static const char text[] =
        "A='it'\\''s'\nexport B=\"$A \\\\ 'x'\" # c\nC=${A}-$B\nD=a\\'b\n"
        "# c \\\nE=1\nF=2 # '\\\nG=3;#\\\nH=\\#\\\\\nI='\\'\nJ=a#\\\\\nK=4\n";
    struct assigns a = {0};
    struct err e = {0};

    (void)state;
    assert_true(assign_read(&a, text, strlen(text), &e));
    for (size_t i = 0; i < a.count; i++) {
        char command[512], output[PROGRAM_OUTPUT];
        const char *const argv[] = {"sh", "-c", command, NULL};

        (void)snprintf(command, sizeof(command), "%sprintf %%s \"$%s\"", text, a.items[i].name);
        assert_int_equal(program_run(argv, output), 0);
        assert_string_equal(a.items[i].value, output);
    }
    assert_int_equal(a.count, 11);
    assert_int_equal(a.odd_line, 0);
    assign_done(&a);
}

static void
the_first_odd_line_is_told(void **state)
{
    static const char text[] = "A=1\nB='\nfoo\n'\nC=3\n";
    struct assigns a = {0};
    struct err e = {0};

    (void)state;
    assert_true(assign_read(&a, text, strlen(text), &e));
    assert_int_equal(a.odd_line, 2);
    assert_string_equal(assign_find(&a, "C"), "3");
    assert_null(assign_find(&a, "B"));
    assign_done(&a);
}

static void
what_is_too_much_or_no_text_is_refused(void **state)
{
    struct assigns a = {0};
    struct str many = {0};
    struct err e = {0};

    (void)state;
    assert_false(assign_read(&a, "A=\0b", 4, &e));
    assert_int_equal(e.code, ERR_INPUT);
    for (int i = 0; i < 1100; i++)
        assert_true(str_addf(&many, "V%d=x\n", i));
    assert_false(assign_read(&a, many.text, many.size, &e));
    assert_non_null(strstr(e.text, "more than 1000 assignments"));
    assign_done(&a);
    str_clear(&many);
    assert_true(str_addf(&many, "A=1"));
    while (many.size < ASSIGN_FILE_MAX)
        assert_true(str_add(&many, ";", 1));
    assert_true(assign_read(&a, many.text, many.size, &e));
    assert_string_equal(assign_find(&a, "A"), "1");
    assign_done(&a);
    str_clear(&many);
    while (many.size <= ASSIGN_FILE_MAX)
        assert_true(str_add(&many, "#234567\n", 8));
    assert_false(assign_read(&a, many.text, many.size, &e));
    assert_non_null(strstr(e.text, "far too large"));
    /* what grows with each line ends at some time */
    str_clear(&many);
    assert_true(str_addf(&many, "A=xxxxxxxxxxxxxxxx\n"));
    for (int i = 0; i < 40; i++)
        assert_true(str_addf(&many, "A=$A$A\n"));
    assert_true(assign_read(&a, many.text, many.size, &e));
    assert_true(strlen(assign_find(&a, "A")) <= (size_t)128 * 1024);
    assign_done(&a);
    str_done(&many);
}

/* base64(1) of "a\"b", of "ab" and of "a", as _savedomainconf() of acme.sh wraps them. */
static void
what_acme_sh_wraps_is_unwrapped(void **state)
{
    static const struct {
        const char *value, *text; /* text NULL: damaged */
    } cases[] = {
        {"plain", "plain"},
        {"__ACME_BASE64__START_YSJi__ACME_BASE64__END_", "a\"b"},
        {"__ACME_BASE64__START_YWI=__ACME_BASE64__END_", "ab"},
        {"__ACME_BASE64__START_YQ==__ACME_BASE64__END_", "a"},
        {"__ACME_BASE64__START___ACME_BASE64__END_", ""},
        {"__ACME_BASE64__START_YSJi", NULL},
        {"__ACME_BASE64__START_?__ACME_BASE64__END_", NULL},
        {"__ACME_BASE64__START_AAAA__ACME_BASE64__END_", NULL}, /* NULs */
        {"__ACME_BASE64__START_ACME_BASE64__END_", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str out = {0};

        if (assign_unwrap(cases[i].value, &out) != (cases[i].text != NULL))
            fail_msg("%s", cases[i].value);
        if (cases[i].text != NULL)
            assert_string_equal(out.text == NULL ? "" : out.text, cases[i].text);
        str_done(&out);
    }
}

static void
a_text_is_filled_in(void **state)
{
    struct assigns a = {0};
    struct str out = {0};
    char *missing = NULL;

    (void)state;
    assert_true(assign_put(&a, "name", "k{x}") && assign_put(&a, "empty", ""));
    assert_true(assign_fill("key \"{name}\" {\n};{name}", &a, &out, &missing));
    assert_null(missing);
    assert_string_equal(out.text, "key \"k{x}\" {\n};k{x}");
    str_clear(&out);
    assert_true(assign_fill("a {other}", &a, &out, &missing));
    assert_string_equal(missing, "other");
    free(missing);
    assert_true(assign_fill("a {empty}", &a, &out, &missing));
    assert_string_equal(missing, "empty");
    free(missing);
    str_done(&out);
    assign_done(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_what_a_shell_makes_of_them),
        cmocka_unit_test(what_a_shell_would_run_is_passed_over),
        cmocka_unit_test(the_shell_agrees),
        cmocka_unit_test(the_first_odd_line_is_told),
        cmocka_unit_test(what_is_too_much_or_no_text_is_refused),
        cmocka_unit_test(what_acme_sh_wraps_is_unwrapped),
        cmocka_unit_test(a_text_is_filled_in),
    };

    return cmocka_run_group_tests_name("assign", tests, NULL, NULL);
}
