/* test_index.c: what was issued and revoked, also after kills and on a full disk. */
#include "ca/index.h"

#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW INT64_C(1795316400) /* 2026-11-22T03:00:00Z */
#define ISSUER "00112233445566778899aabbccddeeff00112233"
#define HEADER "# pgcert index 1\n"
#define LINE(serial, name)                                                                         \
    "issued\t2026-11-22T03:00:00Z\t" serial "\t" ISSUER "\tclient\t2027-02-20T03:00:00Z\t" name "\n"
#define TENANT_CA(kind, tenant)                                                                    \
    "issued\t2026-11-22T03:00:00Z\t4a03\t" ISSUER "\t" kind                                        \
    "\t2027-02-20T03:00:00Z\tits CA" tenant "\n"

static bool
issue(const char *path, const char *serial, const char *name, struct err *e)
{
    struct index_entry one = {.serial = serial,
                              .issuer = ISSUER,
                              .name = name,
                              .at_s = NOW,
                              .not_after_s = NOW + INT64_C(90) * 86400,
                              .kind = KIND_CLIENT};

    return index_add_issued(path, &one, e);
}

static void
what_was_added_is_read_again(void **state)
{
    own_scratch struct scratch s = scratch_new();
    const char *path = scratch_path(&s, "index");
    own_index struct index index = {0};
    struct stat st = {0};
    struct err e = {0};

    (void)state;
    assert_true(issue(path, "4a01", "alice", &e));
    assert_true(issue(path, "4a02", "Zo\xc3\xab O'Hara", &e));
    assert_true(index_add_revoked(path, "4a01", index_reason_find("keyCompromise"), NOW + 5, &e));
    assert_string_equal(
        scratch_read(&s, "index"),
        HEADER LINE("4a01", "alice") LINE(
            "4a02", "Zo\xc3\xab O'Hara") "revoked\t2026-11-22T03:00:05Z\t4a01\tkeyCompromise\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(index_read(path, &index, &e));
    assert_int_equal(index.count, 2);
    assert_int_equal(index.revoked_count, 1);
    assert_int_equal(index_find(&index, "4a01")->revoked_at_s, NOW + 5);
    assert_int_equal(index_find(&index, "4a01")->reason->code, 1);
    assert_string_equal(index_find(&index, "4a02")->name, "Zo\xc3\xab O'Hara");
    assert_int_equal(index_find(&index, "4a02")->revoked_at_s, 0);
    assert_int_equal(index_find(&index, "4a02")->not_after_s, NOW + INT64_C(90) * 86400);
    assert_int_equal(index_find(&index, "4a02")->kind, KIND_CLIENT);
    assert_null(index_find(&index, "4a03"));
}

static void
a_missing_file_is_an_empty_index(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_index struct index index = {0};
    struct err e = {0};

    (void)state;
    assert_true(index_read(scratch_path(&s, "index"), &index, &e));
    assert_int_equal(index.count, 0);
    assert_null(index_find(&index, "4a01"));
}

/* A run may be killed after any byte of a line: the event does not count, nor hinder the next one.
 */
static void
a_torn_last_line_does_not_count_and_is_cut_off(void **state)
{
    static const char torn[] = HEADER LINE("4a01", "alice") LINE("4a02", "bob");
    size_t whole = strlen(HEADER LINE("4a01", "alice"));

    (void)state;
    for (size_t size = 0; size < sizeof(torn) - 1; size++) {
        own_scratch struct scratch s = scratch_new();
        const char *path = scratch_path(&s, "index");
        own_index struct index before = {0};
        own_index struct index after = {0};
        size_t counted = size >= whole ? 1 : 0;
        char text[sizeof(torn)];
        struct err e = {0};

        memcpy(text, torn, size);
        text[size] = '\0';
        scratch_write(&s, "index", text);
        assert_true(index_read(path, &before, &e));
        assert_int_equal(before.count, counted);
        assert_true(issue(path, "4a03", "carol", &e));
        assert_true(index_read(path, &after, &e));
        assert_int_equal(after.count, counted + 1);
        assert_non_null(index_find(&after, "4a03"));
    }
}

static void
zeros_that_a_power_cut_has_left_are_cut_off(void **state)
{
    own_scratch struct scratch s = scratch_new();
    const char *path = scratch_path(&s, "index");
    own_index struct index index = {0};
    struct err e = {0};

    (void)state;
    scratch_write(&s, "index", HEADER LINE("4a01", "alice"));
    assert_int_equal(truncate(path, (off_t)strlen(HEADER LINE("4a01", "alice")) + 100), 0);
    assert_true(issue(path, "4a02", "bob", &e));
    assert_true(index_read(path, &index, &e));
    assert_int_equal(index.count, 2);
}

/* A batch is one write: what is left of it may be many pages. */
static void
a_batch_is_recorded_and_what_a_power_cut_has_left_of_one_is_cut_off(void **state)
{
    own_scratch struct scratch s = scratch_new();
    const char *path = scratch_path(&s, "index");
    own_index struct index index = {0};
    struct index_entry all[3];
    struct err e = {0};
    struct stat st = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(all); i++)
        all[i] = (struct index_entry){.serial = (const char *[]){"4a01", "4a02", "4a03"}[i],
                                      .issuer = ISSUER,
                                      .name = (const char *[]){"alice", "bob", "carol"}[i],
                                      .at_s = NOW,
                                      .not_after_s = NOW + INT64_C(90) * 86400,
                                      .kind = KIND_CLIENT};
    assert_true(index_add_all_issued(path, all, 0, &e));
    assert_int_equal(stat(path, &st), -1);
    assert_true(index_add_all_issued(path, all, COUNT(all), &e));
    assert_string_equal(scratch_read(&s, "index"),
                        HEADER LINE("4a01", "alice") LINE("4a02", "bob") LINE("4a03", "carol"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size + 200 * 1024), 0);
    assert_true(issue(path, "4a04", "dave", &e));
    assert_true(index_read(path, &index, &e));
    assert_int_equal(index.count, 4);
    assert_int_equal(truncate(path, st.st_size + 4 * 1024 * 1024),
                     0); /* none of ours leaves that */
    assert_false(issue(path, "4a05", "erin", &e));
    assert_int_equal(e.code, ERR_INPUT);
}

static void
a_full_disk_leaves_nothing_of_a_batch(void **state)
{
    own_scratch struct scratch s = scratch_new();
    const char *path = scratch_path(&s, "index");
    struct index_entry all[2];
    struct err e = {0};

    (void)state;
    assert_true(issue(path, "4a01", "alice", &e));
    for (size_t i = 0; i < COUNT(all); i++)
        all[i] = (struct index_entry){.serial = i == 0 ? "4a02" : "4a03",
                                      .issuer = ISSUER,
                                      .name = "bob",
                                      .kind = KIND_CLIENT};
    scratch_fill_disk((off_t)strlen(HEADER LINE("4a01", "alice")) + 150); /* one of two */
    assert_false(index_add_all_issued(path, all, COUNT(all), &e));
    scratch_fill_disk(-1);
    assert_string_equal(scratch_read(&s, "index"), HEADER LINE("4a01", "alice"));
}

static void
a_full_disk_leaves_the_index_as_it_was(void **state)
{
    own_scratch struct scratch s = scratch_new();
    const char *path = scratch_path(&s, "index");
    struct err e = {0};

    (void)state;
    assert_true(issue(path, "4a01", "alice", &e));
    scratch_fill_disk((off_t)strlen(HEADER LINE("4a01", "alice")) + 10);
    assert_false(issue(path, "4a02", "bob", &e));
    scratch_fill_disk(-1);
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_string_equal(scratch_read(&s, "index"), HEADER LINE("4a01", "alice"));
}

static void
a_client_of_a_tenant_is_read_again_with_it(void **state)
{
    own_scratch struct scratch s = scratch_new();
    const char *path = scratch_path(&s, "index");
    const struct index_entry one = {.serial = "4a01",
                                    .issuer = ISSUER,
                                    .name = "alice",
                                    .tenant = "acme & sons",
                                    .at_s = NOW,
                                    .not_after_s = NOW + INT64_C(90) * 86400,
                                    .kind = KIND_CLIENT};
    own_index struct index index = {0};
    struct err e = {0};

    (void)state;
    assert_true(index_add_issued(path, &one, &e));
    assert_true(issue(path, "4a02", "alice", &e));
    assert_string_equal(scratch_read(&s, "index"),
                        HEADER LINE("4a01", "alice\tacme & sons") LINE("4a02", "alice"));
    assert_true(index_read(path, &index, &e));
    assert_string_equal(index.entries[0].tenant, "acme & sons");
    assert_string_equal(index.entries[0].name, "alice");
    assert_null(index.entries[1].tenant);
}

/* A revocation must never get lost in silence. */
static void
a_damaged_line_is_told_with_its_number(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"V\t270220030000Z\t\t4A01\tunknown\t/CN=alice\n", "line 1"},
        {HEADER "issued\n", "line 2"},
        {HEADER "revoked\t2026-11-22T03:00:05Z\t4a01\tkeyCompromise\n", "never issued"},
        {HEADER LINE("4a01", "alice") LINE("4a01", "bob"), "twice"},
        {HEADER LINE("4A01", "alice"), "line 2"},
        {HEADER LINE("4a0", "alice"), "line 2"},
        {HEADER LINE("4a01", ""), "line 2"},
        {HEADER LINE("4a01", "a\t"), "line 2"},
        {HEADER LINE("4a01", "a\tb\tc"), "line 2"},
        {HEADER TENANT_CA("server-ca", "\tacme"), "line 2"},
        {HEADER TENANT_CA("tenant-ca", ""), "line 2"},
        {HEADER LINE("4a01", "alice") "revoked\t2026-11-22T03:00:05Z\t4a01\tboredom\n", "line 3"},
        {HEADER LINE("4a01", "alice") "revoked\tyesterday\t4a01\tsuperseded\n", "line 3"},
        {HEADER LINE("4a01", "alice") "forgiven\t2026-11-22T03:00:05Z\t4a01\tsuperseded\n", "line 3"},
        {HEADER "\n", "line 2"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_scratch struct scratch s = scratch_new();
        own_index struct index index = {0};
        struct err e = {0};

        scratch_write(&s, "index", rows[i].text);
        assert_false(index_read(scratch_path(&s, "index"), &index, &e));
        assert_int_equal(e.code, ERR_INPUT);
        assert_non_null(strstr(e.text, rows[i].says));
        assert_int_equal(index.count, 0);
    }
}

static void
a_revocation_counts_once_and_from_its_first_time(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_index struct index index = {0};
    struct err e = {0};

    (void)state;
    scratch_write(
        &s, "index",
        HEADER LINE("4a01", "alice") "revoked\t2026-11-22T03:00:05Z\t4a01\tkeyCompromise\n"
                                     "revoked\t2026-11-22T03:00:09Z\t4a01\tsuperseded\n");
    assert_true(index_read(scratch_path(&s, "index"), &index, &e));
    assert_int_equal(index.revoked_count, 1);
    assert_int_equal(index_find(&index, "4a01")->revoked_at_s, NOW + 5);
}

static void
thousands_are_all_found(void **state)
{
    static const size_t count = 5000;
    struct str text = {0};
    struct index index = {0};
    struct err e = {0};

    (void)state;
    assert_true(str_addf(&text, HEADER));
    for (size_t i = 0; i < count; i++)
        assert_true(str_addf(&text, LINE("4a%06zx", "user%zu"), i, i));
    assert_true(index_parse(&index, text.text, text.size, &e)); /* takes the text */
    assert_int_equal(index.count, count);
    for (size_t i = 0; i < count; i++) {
        char serial[16], name[16];

        (void)snprintf(serial, sizeof(serial), "4a%06zx", i);
        (void)snprintf(name, sizeof(name), "user%zu", i);
        assert_string_equal(index_find(&index, serial)->name, name);
    }
    index_done(&index);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_read_again),
        cmocka_unit_test(a_missing_file_is_an_empty_index),
        cmocka_unit_test(a_torn_last_line_does_not_count_and_is_cut_off),
        cmocka_unit_test(zeros_that_a_power_cut_has_left_are_cut_off),
        cmocka_unit_test(a_batch_is_recorded_and_what_a_power_cut_has_left_of_one_is_cut_off),
        cmocka_unit_test(a_full_disk_leaves_nothing_of_a_batch),
        cmocka_unit_test(a_full_disk_leaves_the_index_as_it_was),
        cmocka_unit_test(a_client_of_a_tenant_is_read_again_with_it),
        cmocka_unit_test(a_damaged_line_is_told_with_its_number),
        cmocka_unit_test(a_revocation_counts_once_and_from_its_first_time),
        cmocka_unit_test(thousands_are_all_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
