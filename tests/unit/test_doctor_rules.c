/* test_doctor_rules.c: rules of pg_hba.conf, judged as PostgreSQL's manual, "The pg_hba.conf File",
 * says that they are used: the first that fits decides. */
#include "reload/doctor_rules.h"

#include "reload/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RULES 3

/* Rules as the fields of pg_hba_file_rules, from type to options, and what the last one is. */
static const struct {
    const char *rules[RULES][RULE_FIELDS - 1];
    bool listens;
    enum doctor_wrong last;
} rows[] = {
    {{{"host", "all", "all", "10.0.0.0", "255.0.0.0", "scram-sha-256", ""}}, true, RULE_PLAIN},
    {{{"host", "all", "all", "10.0.0.0", "255.0.0.0", "scram-sha-256", ""}}, false, RULE_FINE},
    {{{"hostssl", "all", "all", "10.0.0.0", "255.0.0.0", "scram-sha-256", ""}}, true, RULE_FINE},
    {{{"hostgssenc", "all", "all", "all", "", "gss", ""}}, true, RULE_FINE},
    {{{"hostnossl", "a", "b", "all", "", "md5", ""}}, true, RULE_PLAIN},
    {{{"host", "all", "all", "db.example.org", "", "pam", ""}}, true, RULE_READABLE},
    {{{"host", "all", "all", "all", "", "trust", ""}}, true, RULE_TRUST},
    {{{"hostssl", "all", "all", "all", "", "trust", ""}}, true, RULE_TRUST},
    {{{"hostssl", "all", "all", "all", "", "trust", "clientcert=verify-full"}}, true, RULE_FINE},
    {{{"hostssl", "all", "all", "all", "", "trust", "clientcert=verify-ca"}}, true, RULE_TRUST},
    {{{"host", "all", "all", "all", "", "reject", ""}}, true, RULE_FINE},
    {{{"local", "all", "all", "", "", "trust", ""}}, true, RULE_FINE},
    /* this machine itself */
    {{{"host", "all", "all", "127.0.0.1", "255.255.255.255", "md5", ""}}, true, RULE_FINE},
    {{{"host", "all", "all", "127.0.0.0", "255.0.0.0", "trust", ""}}, true, RULE_TRUST_HERE},
    {{{"host", "all", "all", "127.0.0.0", "0.0.0.0", "md5", ""}}, true, RULE_PLAIN},
    {{{"host", "all", "all", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "md5", ""}},
     true,
     RULE_FINE},
    {{{"host", "all", "all", "::1", "ffff::", "md5", ""}}, true, RULE_PLAIN},
    {{{"host", "all", "all", "samehost", "", "md5", ""}}, true, RULE_FINE},
    {{{"host", "all", "all", "samenet", "", "md5", ""}}, true, RULE_PLAIN},
    /* refused before, but not for everybody */
    {{{"hostnossl", "all", "all", "all", "", "reject", ""},
      {"host", "all", "all", "10.0.0.0", "255.0.0.0", "md5", ""}},
     true,
     RULE_FINE},
    {{{"hostnossl", "all", "all", "all", "", "reject", ""},
      {"host", "all", "all", "all", "", "trust", ""}},
     true,
     RULE_FINE},
    {{{"hostssl", "all", "all", "all", "", "reject", ""},
      {"host", "all", "all", "all", "", "md5", ""}},
     true,
     RULE_PLAIN},
    {{{"hostnossl", "all", "bob", "all", "", "reject", ""},
      {"host", "all", "all", "all", "", "md5", ""}},
     true,
     RULE_PLAIN},
    {{{"hostnossl", "all", "all", "0.0.0.0", "0.0.0.0", "reject", ""},
      {"host", "all", "all", "10.0.0.0", "255.0.0.0", "md5", ""}},
     true,
     RULE_FINE},
    {{{"hostnossl", "all", "all", "0.0.0.0", "0.0.0.0", "reject", ""},
      {"host", "all", "all", "fd00::", "ffff::", "md5", ""}},
     true,
     RULE_PLAIN},
    {{{"hostnossl", "all", "all", "0.0.0.0", "0.0.0.0", "reject", ""},
      {"hostnossl", "all", "all", "::", "::", "reject", ""},
      {"host", "all", "all", "all", "", "md5", ""}},
     true,
     RULE_FINE},
    {{{"hostnossl", "all", "all", "all", "", "reject", ""},
      {"host", "replication", "all", "all", "", "md5", ""}},
     true,
     RULE_PLAIN},
    {{{"hostnossl", "replication", "all", "all", "", "reject", ""},
      {"host", "replication", "all", "all", "", "md5", ""}},
     true,
     RULE_FINE},
};

static void
a_rule_is_judged_by_those_before_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_list struct list rules = {0};
        own_mem enum doctor_wrong *wrong = NULL;
        size_t count = 0;

        for (; count < RULES && rows[i].rules[count][0] != NULL; count++) {
            assert_true(list_add(&rules, "hba:1"));
            for (size_t n = 0; n < RULE_FIELDS - 1; n++)
                assert_true(list_add(&rules, rows[i].rules[count][n]));
        }
        wrong = doctor_rules_judge(&rules, rows[i].listens);
        assert_non_null(wrong);
        if (wrong[count - 1] != rows[i].last)
            fail_msg("row %zu: %d", i, (int)wrong[count - 1]);
    }
}

static void
a_row_that_breaks_off_is_left_out(void **state)
{
    own_list struct list rules = {0};
    own_mem enum doctor_wrong *wrong = NULL;

    (void)state;
    assert_true(list_add(&rules, "hba:1"));
    wrong = doctor_rules_judge(&rules, true);
    assert_non_null(wrong);
}

static void
only_who_listens_elsewhere_is_reached_from_there(void **state)
{
    static const struct {
        const char *addresses;
        bool listens;
    } cases[] = {
        {"localhost", false},      {"", false},
        {"127.0.0.1, ::1", false}, {"*", true},
        {"0.0.0.0", true},         {"localhost,10.0.0.1", true},
        {"db.example.org", true},  {"127.0.1.1", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(doctor_rules_listens(cases[i].addresses), cases[i].listens);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_judged_by_those_before_it),
        cmocka_unit_test(a_row_that_breaks_off_is_left_out),
        cmocka_unit_test(only_who_listens_elsewhere_is_reached_from_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
