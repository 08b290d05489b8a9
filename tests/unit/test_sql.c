/* test_sql.c: what is read from a conninfo without libpq (PostgreSQL documentation, "Connection
 * Strings"), literals, and a server that is not there. */
#include "reload/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
keywords_are_found_as_libpq_finds_them(void **state)
{
    static const struct {
        const char *conninfo, *keyword, *value;
    } cases[] = {
        {"host=/run/x port=5433", "host", "/run/x"},
        {"host=/run/x port=5433", "port", "5433"},
        {"  host = /run/x  ", "host", "/run/x"},
        {"host='/run/a b' port=1", "host", "/run/a b"},
        {"host='it\\'s' port=1", "host", "it's"},
        {"host=a\\ b port=1", "host", "a b"},
        {"host=a host=b", "host", "b"},
        {"hostaddr=1.2.3.4", "host", NULL},
        {"nohost=1", "host", NULL},
        {"host=''", "host", NULL},
        {"host", "host", NULL},
        {"", "host", NULL},
        {"host='open", "host", "open"},
        {"postgresql://h/d", "host", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *found = sql_keyword(cases[i].conninfo, cases[i].keyword);

        if (cases[i].value == NULL)
            assert_null(found);
        else
            assert_string_equal(found == NULL ? "(nothing)" : found, cases[i].value);
        free(found);
    }
}

static void
a_literal_is_closed_by_nothing_inside_of_it(void **state)
{
    struct str text = {0};
    struct err e = {0};

    (void)state;
    assert_true(sql_literal(&text, "/o'brien's/x", &e));
    assert_string_equal(text.text, "'/o''brien''s/x'");
    assert_false(sql_literal(&text, "a\\'; DROP", &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_false(sql_literal(&text, "a\nb", &e));
    str_done(&text);
}

static void
a_server_that_is_not_there_is_a_temporary_failure(void **state)
{
    struct err e = {0};
    struct sql *s = sql_open("host=/nonexistent port=1", NULL, &e);

    (void)state;
    assert_null(s);
    assert_int_equal(e.code, ERR_NETWORK);
    assert_non_null(strstr(e.text, "/nonexistent/.s.PGSQL.1"));
}

static void
a_user_who_does_not_exist_is_a_wrong_setting(void **state)
{
    struct err e = {0};

    (void)state;
    assert_null(sql_open("host=/nonexistent", "nobody has this name", &e));
    assert_int_equal(e.code, ERR_CONFIG);
}

static void
what_leads_over_the_network_is_known(void **state)
{
    static const struct {
        const char *conninfo;
        bool needs;
    } cases[] = {
        {"host=/var/run/postgresql port=5432", false},
        {"", false},
        {"dbname=postgres", false},
        {"host=localhost", true},
        {"host=/run,db2", true},
        {"host=/run hostaddr=127.0.0.1", true},
        {"service=mine", true},
        {"service = mine host=/run", true},
        {"postgresql:///postgres", true}, /* not taken apart */
    };

    (void)state;
    assert_int_equal(unsetenv("PGHOST"), 0);
    for (size_t i = 0; i < COUNT(cases); i++)
        if (sql_needs_network(cases[i].conninfo) != cases[i].needs)
            fail_msg("'%s'", cases[i].conninfo);
    assert_int_equal(setenv("PGHOST", "db.example.org", 1), 0);
    assert_true(sql_needs_network("dbname=postgres"));
    assert_int_equal(unsetenv("PGHOST"), 0);
    assert_int_equal(setenv("PGSERVICE", "mine", 1), 0);
    assert_true(sql_needs_network("host=/run"));
    assert_int_equal(unsetenv("PGSERVICE"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_leads_over_the_network_is_known),
        cmocka_unit_test(keywords_are_found_as_libpq_finds_them),
        cmocka_unit_test(a_literal_is_closed_by_nothing_inside_of_it),
        cmocka_unit_test(a_server_that_is_not_there_is_a_temporary_failure),
        cmocka_unit_test(a_user_who_does_not_exist_is_a_wrong_setting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
