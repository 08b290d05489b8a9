/* test_bundle.c: the directory that a client gets, whole or not at all. */
#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

static const struct ca_bundle alice = {.user = "alice",
                                       .host = "db.example.org",
                                       .port = 5433,
                                       .database = "app",
                                       .path = "/srv/alice/pg",
                                       .key_type = KEY_ECDSA_P384,
                                       .lifetime_s = 5 * FAKE_DAY,
                                       .is_legacy = true};

static bool
make(struct fake_ca *f, const struct ca_bundle *b, const char *directory, bool replace,
     struct err *e)
{
    struct ca *ca = fake_ca_open(f);
    own_mem char *serial = NULL;
    bool good = ca_bundle_make(ca, b, scratch_path(&f->scratch, directory), replace, &serial, e);

    assert_int_equal(good, serial != NULL);
    ca_close(&ca);
    return good;
}

static void
what_was_made_is_read_again(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    own_ca_bundle_found struct ca_bundle_found found = {0};

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    assert_true(make(&f, &alice, "out", false, &e));
    assert_true(ca_bundle_read(scratch_path(&f.scratch, "out"), &found, &e));
    assert_string_equal(found.user, "alice");
    assert_string_equal(found.host, "db.example.org");
    assert_string_equal(found.database, "app");
    assert_string_equal(found.path, "/srv/alice/pg");
    assert_int_equal(found.port, 5433);
    assert_int_equal(found.key_type, KEY_ECDSA_P384);
    assert_int_equal(found.lifetime_s, 5 * FAKE_DAY);
    assert_int_equal(found.not_after_s, f.clock.at_s + 5 * FAKE_DAY);
    assert_true(found.is_legacy);
    assert_false(found.is_privileged);
    assert_int_equal(strlen(found.password), 24);
    fake_ca_end(&f);
}

static void
a_place_that_is_taken_stays_as_it_is_and_nothing_is_signed(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    struct ca_list list = {0};

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    assert_int_equal(mkdir(scratch_path(&f.scratch, "out"), 0700), 0);
    assert_true(make(&f, &alice, "out", false, &e)); /* empty is free */
    assert_false(make(&f, &alice, "out", false, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_int_equal(mkdir(scratch_path(&f.scratch, "other"), 0700), 0);
    scratch_write(&f.scratch, "other/file", "mine");
    assert_false(make(&f, &alice, "other", false, &e));
    assert_string_equal(scratch_read(&f.scratch, "other/file"), "mine");
    assert_true(ca_list_read(&f.config, "client", f.clock.at_s, &list, &e));
    assert_int_equal(list.count, 1);
    ca_list_done(&list);
    fake_ca_end(&f);
}

static void
a_bundle_is_replaced_as_a_whole_and_leaves_nothing_behind(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    char *before = NULL;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    assert_true(make(&f, &alice, "b/out", false, &e));
    before = strdup(scratch_read(&f.scratch, "b/out/postgresql.key"));
    assert_int_equal(mkdir(scratch_path(&f.scratch, "b/out~new"), 0700), 0); /* of a killed run */
    scratch_write(&f.scratch, "b/out~new/postgresql.key", "old");
    assert_true(make(&f, &alice, "b/out", true, &e));
    assert_string_not_equal(scratch_read(&f.scratch, "b/out/postgresql.key"), before);
    assert_int_equal(scratch_count(&f.scratch, "b"), 1);
    free(before);
    fake_ca_end(&f);
}

/* Also one that a run has moved away which was killed. */
static void
what_somebody_has_put_beside_it_stays_there(void **state)
{
    struct fake_ca f;
    struct err e = {0};

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    assert_true(make(&f, &alice, "b/out", false, &e));
    scratch_write(&f.scratch, "b/out/notes", "mine");
    for (int i = 0; i < 3; i++) {
        assert_true(make(&f, &alice, "b/out", true, &e));
        assert_string_equal(scratch_read(&f.scratch, "b/out/notes"), "mine");
        assert_int_equal(scratch_count(&f.scratch, "b"), 1);
    }
    assert_int_equal(mkdir(scratch_path(&f.scratch, "b/out~new"), 0700), 0);
    scratch_write(&f.scratch, "b/out~new/more", "mine too");
    assert_true(make(&f, &alice, "b/out", true, &e));
    assert_string_equal(scratch_read(&f.scratch, "b/out/more"), "mine too");
    assert_int_equal(scratch_count(&f.scratch, "b"), 1);
    fake_ca_end(&f);
}

static void
names_of_users_become_names_of_directories(void **state)
{
    /* clang-format off */
    static const struct {
        const char *user, *tenant, *name;
    } rows[] = {
        {"alice", NULL, "alice"}, {"../x", NULL, "%2E.%2Fx"}, {"a.b", NULL, "a.b"},
        {".", NULL, "%2E"}, {"a b%", NULL, "a%20b%25"}, {"Zo\xc3\xab", NULL, "Zo%C3%AB"},
        {"alice~new", NULL, "alice%7Enew"}, {"alice@acme", NULL, "alice%40acme"},
        {"alice", "acme", "alice@acme"}, {"a@b", "../\xc3\xab", "a%40b@%2E.%2F%C3%AB"},
        {"", NULL, ""},
    };
    /* clang-format on */
    static char directory[] = "/ca";
    const struct ca_config config = {.directory = directory};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *path = ca_bundle_directory(&config, rows[i].tenant, rows[i].user);
        own_mem char *wanted = str_format("/ca/clients/%s", rows[i].name);

        assert_string_equal(path, wanted);
    }
}

static void
what_is_no_bundle_is_told(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    struct ca_bundle_found found = {0};

    (void)state;
    fake_ca_begin(&f);
    assert_false(ca_bundle_read(scratch_path(&f.scratch, "nothing"), &found, &e));
    assert_int_equal(e.code, ERR_INPUT);
    scratch_write(&f.scratch, "about.json", "{\"user\": \"alice\"}");
    assert_false(ca_bundle_read(scratch_path(&f.scratch, "."), &found, &e));
    assert_int_equal(e.code, ERR_INPUT);
    fake_ca_end(&f);
}

/* A full disk: the old bundle is still there, and no half of a new one. */
static void
a_failure_leaves_what_was_there(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    char *before = NULL;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    assert_true(make(&f, &alice, "b/out", false, &e));
    before = strdup(scratch_read(&f.scratch, "b/out/postgresql.key"));
    scratch_fill_disk(1400); /* the index fits, the chain does not */
    assert_false(make(&f, &alice, "b/out", true, &e));
    scratch_fill_disk(-1);
    assert_string_equal(scratch_read(&f.scratch, "b/out/postgresql.key"), before);
    assert_int_equal(scratch_count(&f.scratch, "b"), 1);
    free(before);
    fake_ca_end(&f);
}

#define MANY 40 /* more than are synced one by one */

static void
fill(struct ca_bundle *bundles, struct ca_bundle_order *orders, char (*names)[16],
     char (*paths)[128], struct fake_ca *f)
{
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "user%zu", i);
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/all/%s", f->scratch.path, names[i]);
        bundles[i] = alice;
        bundles[i].user = names[i];
        bundles[i].key_type = KEY_ECDSA_P256;
        orders[i] = (struct ca_bundle_order){.bundle = &bundles[i], .directory = paths[i]};
    }
}

/* Three of them cannot be made: a privileged name, a place that is taken, one that is asked for
 * twice. */
static void
many_are_made_at_once_and_one_that_fails_stops_no_other(void **state)
{
    static struct ca_bundle bundles[MANY];
    static struct ca_bundle_order orders[MANY];
    static char names[MANY][16], paths[MANY][128];
    static struct err errors[MANY];
    struct fake_ca f;
    struct err e = {0};
    struct ca *ca = NULL;
    struct ca_list list = {0};

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    fill(bundles, orders, names, paths, &f);
    bundles[3].user = "postgres";
    assert_int_equal(mkdir(scratch_path(&f.scratch, "all"), 0700), 0);
    assert_int_equal(mkdir(paths[5], 0700), 0);
    scratch_write(&f.scratch, "all/user5/file", "mine");
    orders[7].directory = paths[6];
    ca = fake_ca_open(&f);
    assert_true(ca_bundle_make_all(ca, orders, errors, MANY, &e));
    ca_close(&ca);
    for (size_t i = 0; i < MANY; i++) {
        own_ca_bundle_found struct ca_bundle_found found = {0};
        bool is_bad = i == 3 || i == 5 || i == 7;

        assert_int_equal(errors[i].code, i == 3 ? ERR_PERMISSION : is_bad ? ERR_INPUT : ERR_NONE);
        if (is_bad)
            continue;
        assert_true(ca_bundle_read(paths[i], &found, &e));
        assert_string_equal(found.user, names[i]);
        assert_string_equal(found.serial, orders[i].serial);
        assert_true(found.has_random_password);
    }
    assert_int_equal(scratch_count(&f.scratch, "all"), MANY - 2); /* with the one that was there */
    assert_true(ca_list_read(&f.config, "client", f.clock.at_s, &list, &e));
    assert_int_equal(list.count, MANY - 3);
    ca_list_done(&list);
    fake_ca_end(&f);
}

/* A full disk for one of them. */
static void
many_are_replaced_and_one_that_cannot_be_written_stays_as_it_was(void **state)
{
    static struct ca_bundle bundles[MANY];
    static struct ca_bundle_order orders[MANY];
    static char names[MANY][16], paths[MANY][128], large[600 * 1024];
    static struct err errors[MANY];
    const struct str pem = {.text = large, .size = sizeof(large)};
    struct fake_ca f;
    struct err e = {0};
    struct ca *ca = NULL;
    char *before[2] = {NULL};

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    fill(bundles, orders, names, paths, &f);
    ca = fake_ca_open(&f);
    assert_true(ca_bundle_make_all(ca, orders, errors, MANY, &e));
    for (size_t i = 0; i < 2; i++)
        before[i] = strdup(scratch_read(&f.scratch, i == 0 ? "all/user1/postgresql.key"
                                                           : "all/user2/postgresql.key"));
    for (size_t i = 0; i < MANY; i++)
        orders[i].replace = true;
    bundles[2].trust_pem = &pem;
    scratch_fill_disk(512 * 1024);
    assert_true(ca_bundle_make_all(ca, orders, errors, MANY, &e));
    scratch_fill_disk(-1);
    ca_close(&ca);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(errors[i].code, i == 2 ? ERR_SYSTEM : ERR_NONE);
    assert_string_not_equal(scratch_read(&f.scratch, "all/user1/postgresql.key"), before[0]);
    assert_string_equal(scratch_read(&f.scratch, "all/user2/postgresql.key"), before[1]);
    assert_int_equal(scratch_count(&f.scratch, "all"), MANY);
    free(before[0]);
    free(before[1]);
    fake_ca_end(&f);
}

/* The key and the certificate stay; what the files say is what is given. */
static void
a_bundle_is_written_again_without_a_signature(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    struct ca_bundle b = alice;
    struct ca_list list = {0};
    own_ca_bundle_found struct ca_bundle_found found = {0};
    char *key = NULL;
    char from[256], to[256];

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    assert_true(make(&f, &alice, "b/out", false, &e));
    key = strdup(scratch_read(&f.scratch, "b/out/postgresql.key"));
    (void)snprintf(from, sizeof(from), "%s", scratch_path(&f.scratch, "b/out"));
    (void)snprintf(to, sizeof(to), "%s", scratch_path(&f.scratch, "b/other"));
    b.password = "secret";
    b.port = 5434;
    assert_true(ca_bundle_write_again(&b, from, to, false, &e));
    assert_false(ca_bundle_write_again(&b, from, to, false, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_true(ca_bundle_write_again(&b, from, from, true, &e));
    assert_int_equal(scratch_count(&f.scratch, "b"), 2);
    assert_string_equal(scratch_read(&f.scratch, "b/other/postgresql.key"), key);
    assert_string_equal(scratch_read(&f.scratch, "b/out/postgresql.key"), key);
    assert_true(ca_bundle_read(to, &found, &e));
    assert_int_equal(found.port, 5434);
    assert_int_equal(found.not_after_s, f.clock.at_s + 5 * FAKE_DAY);
    assert_string_equal(found.password, "secret");
    assert_true(ca_list_read(&f.config, "client", f.clock.at_s, &list, &e));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].serial, found.serial);
    ca_list_done(&list);
    free(key);
    fake_ca_end(&f);
}

static void
a_key_of_another_certificate_is_not_handed_on(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    struct ca_bundle b = alice;
    char *key = NULL;
    char from[256], to[256];

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    assert_true(make(&f, &alice, "b/out", false, &e));
    assert_true(make(&f, &alice, "b/other", false, &e));
    key = strdup(scratch_read(&f.scratch, "b/other/postgresql.key"));
    scratch_write(&f.scratch, "b/out/postgresql.key", key);
    (void)snprintf(from, sizeof(from), "%s", scratch_path(&f.scratch, "b/out"));
    (void)snprintf(to, sizeof(to), "%s", scratch_path(&f.scratch, "b/third"));
    b.password = "secret";
    assert_false(ca_bundle_write_again(&b, from, to, false, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_int_equal(scratch_count(&f.scratch, "b"), 2);
    free(key);
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_is_read_again),
        cmocka_unit_test(a_place_that_is_taken_stays_as_it_is_and_nothing_is_signed),
        cmocka_unit_test(a_bundle_is_replaced_as_a_whole_and_leaves_nothing_behind),
        cmocka_unit_test(what_somebody_has_put_beside_it_stays_there),
        cmocka_unit_test(names_of_users_become_names_of_directories),
        cmocka_unit_test(what_is_no_bundle_is_told),
        cmocka_unit_test(a_failure_leaves_what_was_there),
        cmocka_unit_test(many_are_made_at_once_and_one_that_fails_stops_no_other),
        cmocka_unit_test(many_are_replaced_and_one_that_cannot_be_written_stays_as_it_was),
        cmocka_unit_test(a_bundle_is_written_again_without_a_signature),
        cmocka_unit_test(a_key_of_another_certificate_is_not_handed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
