/* test_records.c: the journal is there before a record is, and until it is gone. */
#include "acme/records.h"

#include "tests/fake/provider.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char home[] = "home";

#define JOURNAL(dns)                                                                               \
    "{\"dns\":\"" dns "\",\"records\":[{\"fqdn\":\"_acme-challenge.a.org.\",\"value\":\"v1\"}]}"

/* A provider which looks for journals/db.json. */
struct bench {
    struct scratch scratch;
    struct fake_provider provider;
    struct records records;
    const char *journal;
};

static void
begin(struct bench *b)
{
    *b = (struct bench){.scratch = scratch_new(), .provider = fake_provider_named(home)};
    assert_int_equal(mkdir(scratch_path(&b->scratch, "journals"), 0700), 0);
    b->journal = scratch_path(&b->scratch, "journals/db.json");
    b->provider.journal = b->journal;
    assert_true(records_add(&b->records, "_acme-challenge.a.org.", "v1"));
    assert_true(records_add(&b->records, "_acme-challenge.a.org.", "v2"));
    assert_true(records_add(&b->records, "_acme-challenge.a.org.", "v1"));
}

static void
end(struct bench *b)
{
    records_done(&b->records);
    fake_provider_done(&b->provider);
    scratch_done(&b->scratch);
}

#define BOTH "_acme-challenge.a.org. v1, _acme-challenge.a.org. v2\n"

static void
the_same_record_twice_is_one(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    assert_int_equal(b.records.count, 2);
    end(&b);
}

static void
the_journal_is_written_before_and_removed_after(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    assert_true(records_publish(&b.records, &b.provider.dns, b.journal, &e));
    assert_true(scratch_has(&b.scratch, "journals/db.json"));
    assert_true(records_remove(&b.records, &b.provider.dns, b.journal, &e));
    assert_int_equal(scratch_count(&b.scratch, "journals"), 0);
    assert_string_equal(fake_provider_said(&b.provider), "+publish " BOTH "+remove " BOTH);
    end(&b);
}

#define OLD                                                                                        \
    "{\"dns\":\"%s\",\"records\":[{\"fqdn\":\"_acme-challenge.old.org.\",\"value\":\"v0\"}]}"

static void
what_an_earlier_run_could_not_remove_stays_in_the_journal(void **state)
{
    struct bench b;
    struct err e = {0};
    own_mem char *old = str_format(OLD, "home");

    (void)state;
    begin(&b);
    scratch_write(&b.scratch, "journals/db.json", old);
    assert_true(records_publish(&b.records, &b.provider.dns, b.journal, &e));
    assert_true(records_remove(&b.records, &b.provider.dns, b.journal, &e));
    assert_string_equal(fake_provider_said(&b.provider),
                        "+publish " BOTH "+remove _acme-challenge.a.org. v1, "
                        "_acme-challenge.a.org. v2, _acme-challenge.old.org. v0\n");
    assert_int_equal(scratch_count(&b.scratch, "journals"), 0);
    end(&b);
}

static void
a_journal_of_another_section_is_set_aside_for_the_sweep(void **state)
{
    struct bench b;
    struct err e = {0};
    own_mem char *old = str_format(OLD, "elsewhere");

    (void)state;
    begin(&b);
    scratch_write(&b.scratch, "journals/db.json", old);
    assert_true(records_publish(&b.records, &b.provider.dns, b.journal, &e));
    assert_true(records_remove(&b.records, &b.provider.dns, b.journal, &e));
    assert_true(scratch_has(&b.scratch, "journals/db.json.old.json"));
    assert_int_equal(scratch_count(&b.scratch, "journals"), 1);
    end(&b);
}

static void
nothing_is_published_without_a_journal(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    assert_false(
        records_publish(&b.records, &b.provider.dns, scratch_path(&b.scratch, "none/db.json"), &e));
    assert_int_equal(e.code, ERR_CREATE);
    assert_string_equal(fake_provider_said(&b.provider), "");
    end(&b);
}

static void
the_journal_stays_when_publishing_or_removing_fails(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    b.provider.fails = true;
    assert_false(records_publish(&b.records, &b.provider.dns, b.journal, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_string_equal(e.text, "publish the records by [dns home]: the name server refuses");
    assert_true(scratch_has(&b.scratch, "journals/db.json"));
    assert_false(records_remove(&b.records, &b.provider.dns, b.journal, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_string_equal(e.text, "remove the records by [dns home]: the name server refuses");
    assert_true(scratch_has(&b.scratch, "journals/db.json"));
    end(&b);
}

static void
a_journal_comes_back_as_it_was_written(void **state)
{
    struct bench b;
    own_records struct records back = {0};
    own_mem char *name = NULL;
    struct err e = {0};

    (void)state;
    begin(&b);
    assert_true(records_publish(&b.records, &b.provider.dns, b.journal, &e));
    assert_true(records_load(&back, &name, b.journal, &e));
    assert_string_equal(name, "home");
    assert_int_equal(back.count, 2);
    for (size_t i = 0; i < back.count; i++) {
        assert_string_equal(back.items[i].fqdn, b.records.items[i].fqdn);
        assert_string_equal(back.items[i].value, b.records.items[i].value);
    }
    end(&b);
}

static void
what_else_is_known_of_a_record_comes_back_too(void **state)
{
    static const struct dns_txt known = {"_acme-challenge.b.org.", "v3", "b.org", "t", "t.p"};
    struct bench b;
    own_records struct records back = {0};
    own_mem char *name = NULL;
    struct err e = {0};

    (void)state;
    begin(&b);
    assert_true(records_add_txt(&b.records, &known));
    assert_true(records_publish(&b.records, &b.provider.dns, b.journal, &e));
    assert_true(records_load(&back, &name, b.journal, &e));
    assert_int_equal(back.count, 3);
    assert_null(back.items[0].domain);
    assert_null(back.items[0].token);
    assert_null(back.items[0].key_authorization);
    assert_string_equal(back.items[2].fqdn, known.fqdn);
    assert_string_equal(back.items[2].value, known.value);
    assert_string_equal(back.items[2].domain, known.domain);
    assert_string_equal(back.items[2].token, known.token);
    assert_string_equal(back.items[2].key_authorization, known.key_authorization);
    end(&b);
}

static void
the_journal_of_an_earlier_version_is_read(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_records struct records all = {0};
    own_mem char *name = NULL;
    struct err e = {0};

    (void)state;
    scratch_write(&s, "j.json", JOURNAL("home"));
    assert_true(records_load(&all, &name, scratch_path(&s, "j.json"), &e));
    assert_int_equal(all.count, 1);
    assert_string_equal(all.items[0].value, "v1");
    assert_null(all.items[0].domain);
    assert_null(all.items[0].token);
    assert_null(all.items[0].key_authorization);
}

static void
a_damaged_journal_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "{}",
        "{\"records\":[]}",
        "{\"dns\":5,\"records\":[]}",
        "{\"dns\":\"home\",\"records\":[{\"fqdn\":\"a.\"}]}",
        "{\"dns\":\"home\",\"records\":[{\"value\":\"v\"}]}",
        "{\"dns\":\"home\",\"records\":[\"a.\"]}",
        "{\"dns\":\"home\",\"records\":[{\"fqdn\":\"a.\",\"value\":5}]}",
    };
    own_scratch struct scratch s = scratch_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_records struct records all = {0};
        own_mem char *name = NULL;
        struct err e = {0};

        scratch_write(&s, "j.json", rows[i]);
        if (records_load(&all, &name, scratch_path(&s, "j.json"), &e))
            fail_msg("'%s' was accepted", rows[i]);
        assert_int_equal(e.code, ERR_INPUT);
        assert_non_null(strstr(e.text, "j.json"));
    }
}

/* ---- the next run ---- */

static struct dns *
find(void *user, const char *name)
{
    struct fake_provider *f = user;

    return strcmp(f->dns.name, name) == 0 ? &f->dns : NULL;
}

static void
what_a_killed_run_has_left_is_removed_by_the_next(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    assert_true(records_publish(&b.records, &b.provider.dns, b.journal, &e));
    scratch_write(&b.scratch, "journals/db.json.0123456789abcdef.tmp", "half of a jour");
    str_clear(&b.provider.said);
    assert_true(acme_sweep(scratch_path(&b.scratch, "journals"), find, &b.provider, &e));
    assert_string_equal(fake_provider_said(&b.provider), "+remove " BOTH);
    assert_false(scratch_has(&b.scratch, "journals/db.json"));
    assert_true(acme_sweep(scratch_path(&b.scratch, "journals"), find, &b.provider, &e));
    assert_string_equal(fake_provider_said(&b.provider), "+remove " BOTH); /* no more */
    end(&b);
}

static void
without_journals_there_is_nothing_to_sweep(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    assert_true(acme_sweep(scratch_path(&b.scratch, "none"), find, &b.provider, &e));
    assert_true(acme_sweep(scratch_path(&b.scratch, "journals"), find, &b.provider, &e));
    assert_string_equal(fake_provider_said(&b.provider), "");
    scratch_write(&b.scratch, "f", "");
    assert_false(acme_sweep(scratch_path(&b.scratch, "f"), find, &b.provider, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    end(&b);
}

static void
one_journal_that_fails_does_not_keep_the_others(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    scratch_write(&b.scratch, "journals/a.json", "{");
    scratch_write(&b.scratch, "journals/b.json", JOURNAL("gone"));
    scratch_write(&b.scratch, "journals/db.json", JOURNAL("home"));
    assert_false(acme_sweep(scratch_path(&b.scratch, "journals"), find, &b.provider, &e));
    assert_true(e.code == ERR_INPUT ||
                e.code == ERR_CONFIG); /* the last one, in the directory's order */
    assert_string_equal(fake_provider_said(&b.provider), "+remove _acme-challenge.a.org. v1\n");
    assert_false(scratch_has(&b.scratch, "journals/db.json"));
    assert_true(scratch_has(&b.scratch, "journals/a.json"));
    assert_true(scratch_has(&b.scratch, "journals/b.json"));
    end(&b);
}

static void
a_section_that_is_gone_is_told_with_what_to_do(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    scratch_write(&b.scratch, "journals/b.json", JOURNAL("gone"));
    assert_false(acme_sweep(scratch_path(&b.scratch, "journals"), find, &b.provider, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_non_null(strstr(e.text, "no section [dns gone] any more; remove them by hand"));
    b.provider.fails = true;
    scratch_write(&b.scratch, "journals/b.json", JOURNAL("home"));
    assert_false(acme_sweep(scratch_path(&b.scratch, "journals"), find, &b.provider, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_true(scratch_has(&b.scratch, "journals/b.json"));
    end(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_record_twice_is_one),
        cmocka_unit_test(the_journal_is_written_before_and_removed_after),
        cmocka_unit_test(what_an_earlier_run_could_not_remove_stays_in_the_journal),
        cmocka_unit_test(a_journal_of_another_section_is_set_aside_for_the_sweep),
        cmocka_unit_test(nothing_is_published_without_a_journal),
        cmocka_unit_test(the_journal_stays_when_publishing_or_removing_fails),
        cmocka_unit_test(a_journal_comes_back_as_it_was_written),
        cmocka_unit_test(what_else_is_known_of_a_record_comes_back_too),
        cmocka_unit_test(the_journal_of_an_earlier_version_is_read),
        cmocka_unit_test(a_damaged_journal_is_refused),
        cmocka_unit_test(what_a_killed_run_has_left_is_removed_by_the_next),
        cmocka_unit_test(without_journals_there_is_nothing_to_sweep),
        cmocka_unit_test(one_journal_that_fails_does_not_keep_the_others),
        cmocka_unit_test(a_section_that_is_gone_is_told_with_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
