/* test_hba_line.c: words and lines of pg_hba.conf and pg_ident.conf, as PostgreSQL's manual, "The
 * pg_hba.conf File", has them. That PostgreSQL reads them so is seen in tests/e2e/hba.bats. */
#include "reload/hba_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
a_name_means_nothing_but_itself(void **state)
{
    static const struct {
        const char *name, *word; /* NULL: it cannot stand there */
    } rows[] = {
        {"alice", "alice"},
        {"a_1", "a_1"},
        {"Alice", "\"Alice\""},
        {"all", "\"all\""},
        {"replication", "\"replication\""},
        {"sameuser", "\"sameuser\""},
        {"samerole", "\"samerole\""},
        {"samegroup", "\"samegroup\""},
        {"include", "\"include\""},
        {"allow", "allow"},
        {"a b", "\"a b\""},
        {"a,b", "\"a,b\""},
        {"a#b", "\"a#b\""},
        {"+group", "\"+group\""},
        {"@file", "\"@file\""},
        {"\"", "\"\"\"\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"back\\", "\"back\\\""},
        {"Zo\xc3\xab", "\"Zo\xc3\xab\""},
        {"a/b", "\"a/b\""},
        {"/re", NULL},
        {"", NULL},
        {"a\nb", NULL},
        {"a\x7f", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str line = {0};
        struct err e = {0};

        assert_int_equal(hba_line_add_name(&line, rows[i].name, &e), rows[i].word != NULL);
        assert_int_equal(e.code, rows[i].word != NULL ? ERR_NONE : ERR_INPUT);
        if (rows[i].word != NULL)
            assert_string_equal(line.text, rows[i].word);
    }
}

static void
a_source_is_a_range_or_a_word(void **state)
{
    static const struct {
        const char *given, *source; /* NULL: it is none */
    } rows[] = {
        {"all", "all"},
        {"samenet", "samenet"},
        {"samehost", "samehost"},
        {"192.0.2.7", "192.0.2.7/32"},
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"2001:db8::1", "2001:db8::1/128"},
        {"2001:db8::/32", "2001:db8::/32"},
        {"::/0", "::/0"},
        {"192.0.2.0/33", NULL},
        {"2001:db8::/129", NULL},
        {"192.0.2.0/", NULL},
        {"192.0.2.0/ 8", NULL},
        {"192.0.2.0/-1", NULL},
        {"192.0.2.0/99999999999999999999", NULL},
        {"192.0.2", NULL},
        {"fe80::1%eth0", NULL},
        {"db.example.org", NULL},
        {".example.org", NULL},
        {"ALL", NULL},
        {"", NULL},
        {"/8", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *source = NULL;
        struct err e = {0};

        assert_int_equal(reload_hba_source(rows[i].given, &source, &e), rows[i].source != NULL);
        assert_int_equal(e.code, rows[i].source != NULL ? ERR_NONE : ERR_USAGE);
        if (rows[i].source != NULL)
            assert_string_equal(source, rows[i].source);
    }
}

static void
a_client_has_its_database_and_is_refused_the_rest(void **state)
{
    struct list sources = {0};
    struct hba_client c = {.user = "alice",
                           .database = "My App",
                           .dn = "CN=alice,O=Exa\\,mple \\\"X\\\"",
                           .sources = &sources};
    own_str struct str hba = {0};
    own_str struct str ident = {0};
    own_str struct str old = {0};
    own_str struct str none = {0};
    struct err e = {0};

    (void)state;
    assert_true(list_add(&sources, "192.0.2.7/32") && list_add(&sources, "samenet"));
    assert_true(reload_hba_lines(&c, 1, true, &hba, &ident, &e));
    assert_string_equal(hba.text,
                        "hostssl \"My App\" alice 192.0.2.7/32 cert clientname=DN map=pgcert\n"
                        "hostssl \"My App\" alice samenet cert clientname=DN map=pgcert\n"
                        "host all,replication alice all reject\n");
    assert_string_equal(ident.text, "pgcert \"CN=alice,O=Exa\\,mple \\\"\"X\\\"\"\" alice\n");
    /* PostgreSQL 13, which cannot tell a tenant's client from another */
    assert_false(reload_hba_lines(&c, 1, false, &old, &none, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    c.dn = "CN=alice";
    assert_true(reload_hba_lines(&c, 1, false, &old, &none, &e));
    assert_string_equal(old.text, "hostssl \"My App\" alice 192.0.2.7/32 cert\n"
                                  "hostssl \"My App\" alice samenet cert\n"
                                  "host all,replication alice all reject\n");
    assert_int_equal(none.size, 0);
    /* pg_basebackup and the like */
    str_clear(&old);
    c.database = "replication";
    sources.count = 1;
    assert_true(reload_hba_lines(&c, 1, false, &old, &none, &e));
    sources.count = 2;
    assert_string_equal(old.text, "hostssl \"replication\",replication alice 192.0.2.7/32 cert\n"
                                  "host all,replication alice all reject\n");
    list_done(&sources);
}

/* The first line that matches counts: what refuses a user comes after all that lets in. */
static void
several_of_one_user_stand_together(void **state)
{
    struct list sources = {0};
    const struct hba_client clients[] = {
        {.user = "alice", .database = "a", .dn = "CN=alice", .sources = &sources},
        {.user = "bob", .sources = &sources}, /* revoked */
        {.user = "alice", .database = "b", .dn = "CN=alice,O=t", .sources = &sources},
        {.user = "alice", .database = "a", .dn = "CN=alice,O=u", .sources = &sources},
    };
    own_str struct str hba = {0};
    own_str struct str ident = {0};
    struct err e = {0};

    (void)state;
    assert_true(list_add(&sources, "all"));
    assert_true(reload_hba_lines(clients, COUNT(clients), true, &hba, &ident, &e));
    assert_string_equal(hba.text, "hostssl a alice all cert clientname=DN map=pgcert\n"
                                  "hostssl b alice all cert clientname=DN map=pgcert-2\n"
                                  "hostssl a alice all cert clientname=DN map=pgcert\n"
                                  "host all,replication alice all reject\n"
                                  "host all,replication bob all reject\n");
    assert_string_equal(ident.text, "pgcert \"CN=alice\" alice\n"
                                    "pgcert-2 \"CN=alice,O=t\" alice\n"
                                    "pgcert \"CN=alice,O=u\" alice\n");
    assert_false(reload_hba_lines(clients, COUNT(clients), false, &hba, &ident, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    list_done(&sources);
}

static void
what_cannot_stand_there_adds_nothing(void **state)
{
    struct list sources = {0};
    struct hba_client rows[] = {
        {.user = "/x", .database = "a", .dn = "CN=/x", .sources = &sources},
        {.user = "x", .database = "/a", .dn = "CN=x", .sources = &sources},
        {.user = "x", .database = "a", .dn = "/CN=x", .sources = &sources},
    };
    static const enum err_code codes[] = {ERR_INPUT, ERR_INPUT, ERR_INTERNAL};

    (void)state;
    assert_true(list_add(&sources, "all"));
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str hba = {0};
        own_str struct str ident = {0};
        struct err e = {0};

        assert_false(reload_hba_lines(&rows[i], 1, true, &hba, &ident, &e));
        assert_int_equal(e.code, codes[i]);
        assert_int_equal(hba.size + ident.size, 0);
    }
    list_done(&sources);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_means_nothing_but_itself),
        cmocka_unit_test(a_source_is_a_range_or_a_word),
        cmocka_unit_test(a_client_has_its_database_and_is_refused_the_rest),
        cmocka_unit_test(several_of_one_user_stand_together),
        cmocka_unit_test(what_cannot_stand_there_adds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
