/* test_hook.c: which settings and values programs may be given. */
#include "acme/dns/hook.h"

#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static bool
read_settings(struct scratch *s, const char *text, struct list *settings, struct list *secrets,
              struct err *e)
{
    scratch_write(s, "env", text);
    assert_int_equal(chmod(scratch_path(s, "env"), 0600), 0);
    return hook_read_settings(scratch_path(s, "env"), settings, secrets, e);
}

static void
settings_are_taken_as_they_are(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_list struct list settings = {0};
    own_list struct list secrets = {0};
    struct err e = {0};

    (void)state;
    assert_true(list_add(&settings, "PATH=/bin"));
    assert_true(read_settings(&s,
                              "# a comment\n\n  A=b c=$HOME `x`\r\nQ='it is'\nD=\"x\"\nE=\n"
                              "ODD='x\nPATH=/sbin\nLAST=1",
                              &settings, &secrets, &e));
    assert_int_equal(settings.count, 7);
    assert_true(list_has(&settings, "A=b c=$HOME `x`"));
    assert_true(list_has(&settings, "Q=it is"));
    assert_true(list_has(&settings, "D=x"));
    assert_true(list_has(&settings, "E="));
    assert_true(list_has(&settings, "ODD='x"));
    assert_true(list_has(&settings, "PATH=/sbin"));
    assert_true(list_has(&settings, "LAST=1"));
    assert_true(list_has(&secrets, "it is"));
}

static void
other_lines_are_refused_with_their_number(void **state)
{
    static const char *const rows[] = {"A=1\nexport B=2\n", "A=1\nB\n",     "A=1\n=2\n",
                                       "A=1\n9A=1\n",       "A=1\nB C=2\n", "A=1\nB-C=2\n"};
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_list struct list settings = {0};
        own_list struct list secrets = {0};

        if (read_settings(&s, rows[i], &settings, &secrets, &e))
            fail_msg("'%s' was accepted", rows[i]);
        assert_int_equal(e.code, ERR_CONFIG);
        assert_non_null(strstr(e.text, "/env, line 2: it must be NAME=value"));
    }
}

static void
a_file_that_others_may_read_is_refused(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_list struct list settings = {0};
    own_list struct list secrets = {0};
    struct err e = {0};

    (void)state;
    scratch_write(&s, "open", "A=1\n");
    assert_int_equal(chmod(scratch_path(&s, "open"), 0644), 0);
    assert_false(hook_read_settings(scratch_path(&s, "open"), &settings, &secrets, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
}

#define FQDN "_acme-challenge.a.org."

static void
only_names_and_base64url_are_given_to_programs(void **state)
{
    static const struct {
        bool good;
        struct dns_txt record;
    } rows[] = {
        {true, {.fqdn = FQDN, .value = "a-_9"}},
        {true, {FQDN, "v", "a.org", "t-_", "t-_.p"}},
        {false, {.fqdn = FQDN, .value = ""}},
        {false, {.fqdn = FQDN, .value = "a b"}},
        {false, {.fqdn = FQDN, .value = "$(id)"}},
        {false, {.fqdn = FQDN, .value = "a=="}},
        {false, {.fqdn = "", .value = "v"}},
        {false, {.fqdn = "-x.a.org.", .value = "v"}},
        {false, {.fqdn = "a/b.", .value = "v"}},
        {false, {.fqdn = "a b.", .value = "v"}},
        {false, {.fqdn = "a\n.", .value = "v"}},
        {false, {.fqdn = FQDN, .value = "v", .domain = "../x"}},
        {false, {.fqdn = FQDN, .value = "v", .domain = "*.a.org"}},
        {false, {.fqdn = FQDN, .value = "v", .domain = "-a.org"}},
        {false, {.fqdn = FQDN, .value = "v", .domain = ""}},
        {false, {.fqdn = FQDN, .value = "v", .token = "../../etc"}},
        {false, {.fqdn = FQDN, .value = "v", .token = ""}},
        {false, {.fqdn = FQDN, .value = "v", .key_authorization = "t"}},
        {false, {.fqdn = FQDN, .value = "v", .key_authorization = "t.p.q"}},
        {false, {.fqdn = FQDN, .value = "v", .key_authorization = "t.;id"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};

        if (hook_check_record(&rows[i].record, &e) != rows[i].good)
            fail_msg("row %zu is judged wrongly", i);
        assert_int_equal(e.code, rows[i].good ? ERR_NONE : ERR_PROTOCOL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_taken_as_they_are),
        cmocka_unit_test(other_lines_are_refused_with_their_number),
        cmocka_unit_test(a_file_that_others_may_read_is_refused),
        cmocka_unit_test(only_names_and_base64url_are_given_to_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
