/* test_store.c: generations on disk. */
#include "base/store.h"

#include "base/file.h"

#include "base/json.h"
#include "tests/fake/mint.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW INT64_C(1795316400)
#define DAY (24 * 3600)

/* A store of one certificate, and a pair for it. */
struct bench {
    struct scratch scratch;
    char *directory;
    struct str key_pem, chain_pem;
    char sha256[CERT_SHA256_TEXT];
};

static void
begin(struct bench *b)
{
    struct mint m = {.cn = "db.example.org",
                     .names = "DNS:db.example.org,DNS:*.example.org",
                     .usage = "serverAuth",
                     .from_s = NOW,
                     .until_s = NOW + 90 * DAY};
    struct minted leaf = mint(&m, NULL);
    struct err e = {0};

    *b = (struct bench){.scratch = scratch_new()};
    b->directory = store_directory(b->scratch.path, "db");
    assert_non_null(b->directory);
    assert_true(file_make_directory(b->directory, 0700, &e));
    mint_add_key(&b->key_pem, leaf.key);
    mint_add_cert(&b->chain_pem, leaf.cert);
    assert_true(cert_sha256(leaf.cert, b->sha256, &e));
    minted_done(&leaf);
}

static void
end(struct bench *b)
{
    free(b->directory);
    str_done(&b->key_pem);
    str_done(&b->chain_pem);
    scratch_done(&b->scratch);
}

static int64_t
add(struct bench *b)
{
    struct err e = {0};
    int64_t number = 0;

    if (!store_add(b->directory, "pebble", NULL, &b->key_pem, &b->chain_pem, NOW + 5, &number, &e))
        fail_msg("%s", e.text);
    return number;
}

#define IN(name) "certificates/db/" name
#define ORDER "orders/db.json"

/* ---- directories ---- */

static void
a_name_is_one_component_whatever_it_holds(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name, *directory;
    } rows[] = {
        {"db.example.org",  "certificates/db.example.org"},
        {"*.example.org",   "certificates/_.example.org"},
        {"../../etc",       "certificates/_._.._etc"},
        {".hidden",         "certificates/_hidden"},
        {"..",              "certificates/_."},
    };
    /* clang-format on */
    own_scratch struct scratch s = scratch_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *directory = store_directory(s.path, rows[i].name);

        assert_string_equal(directory, scratch_path(&s, rows[i].directory));
    }
}

/* ---- generations ---- */

static void
generations_are_numbered_and_found(void **state)
{
    struct bench b;
    own_generation struct generation none = {0}, newest = {0}, first = {0};

    (void)state;
    begin(&b);
    store_find(b.directory, 0, &none);
    assert_int_equal(none.number, 0);
    for (int64_t n = 1; n <= 11; n++)
        assert_int_equal(add(&b), n);
    store_find(b.directory, 0, &newest);
    assert_int_equal(newest.number, 11); /* not 9: numbers, not names */
    store_find(b.directory, 1, &first);
    assert_int_equal(first.number, 1);
    assert_int_equal(store_before(b.directory, 11), 10);
    assert_int_equal(store_before(b.directory, 1), 0);
    end(&b);
}

static void
a_generation_says_what_it_is_without_being_parsed(void **state)
{
    struct bench b;
    struct err e = {0};
    own_generation struct generation g = {0};
    own_str struct str key = {0}, chain = {0};
    struct stat file = {0};

    (void)state;
    begin(&b);
    (void)add(&b);
    store_find(b.directory, 0, &g);
    assert_string_equal(g.issuer, "pebble");
    assert_string_equal(g.sha256, b.sha256);
    assert_string_equal(g.key_type, "ecdsa-p256");
    assert_int_equal(g.created_at_s, NOW + 5);
    assert_int_equal(g.not_before_s, NOW);
    assert_int_equal(g.not_after_s, NOW + 90 * DAY);
    assert_int_equal(g.names.count, 2);
    assert_true(list_has(&g.names, "db.example.org") && list_has(&g.names, "*.example.org"));
    assert_true(strlen(g.serial) > 0);
    assert_true(store_read(b.directory, 1, &key, &chain, &e));
    assert_string_equal(key.text, b.key_pem.text);
    assert_string_equal(chain.text, b.chain_pem.text);
    assert_int_equal(stat(scratch_path(&b.scratch, IN("1/key.pem")), &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    assert_int_equal(stat(scratch_path(&b.scratch, IN("1")), &file), 0);
    assert_int_equal(file.st_mode & 07777, 0700);
    end(&b);
}

#define ABOUT                                                                                      \
    "\"issuer\":\"i\",\"sha256\":\"s\",\"serial\":\"1\",\"key_type\":\"\",\"created_at\":1"

static void
a_damaged_or_missing_description_is_made_up_from_key_and_chain(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "{}",
        "{" ABOUT "}", /* never ends */
        "{" ABOUT ",\"not_after\":\"x\"}",
        "{" ABOUT ",\"not_after\":5,\"names\":[7]}",
        "{\"issuer\":\"i\",\"serial\":\"1\",\"key_type\":\"\",\"not_after\":5}",
        NULL,
    };
    struct bench b;

    (void)state;
    begin(&b);
    (void)add(&b);
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_generation struct generation g = {0};

        if (rows[i] != NULL)
            scratch_write(&b.scratch, IN("1/about.json"), rows[i]);
        else
            assert_int_equal(unlink(scratch_path(&b.scratch, IN("1/about.json"))), 0);
        store_find(b.directory, 0, &g);
        assert_int_equal(g.number, 1);
        assert_string_equal(g.issuer, "");
        assert_int_equal(strlen(g.sha256), 64);
        assert_true(g.not_after_s > g.not_before_s);
    }
    end(&b);
}

static void
a_generation_that_is_lost_gives_way_to_the_one_before(void **state)
{
    own_generation struct generation one = {0};
    own_generation struct generation gone = {0};
    own_generation struct generation none = {0};
    struct bench b;

    (void)state;
    begin(&b);
    (void)add(&b);
    (void)add(&b);
    assert_int_equal(unlink(scratch_path(&b.scratch, IN("2/about.json"))), 0);
    scratch_write(&b.scratch, IN("2/chain.pem"), "junk");
    store_find(b.directory, 0, &one);
    assert_int_equal(one.number, 1);
    store_find(b.directory, 7, &gone);
    assert_int_equal(gone.number, 1);
    assert_int_equal(unlink(scratch_path(&b.scratch, IN("1/about.json"))), 0);
    assert_int_equal(unlink(scratch_path(&b.scratch, IN("1/key.pem"))), 0);
    store_find(b.directory, 0, &none);
    assert_int_equal(none.number, 0);
    assert_null(none.issuer);
    end(&b);
}

static void
what_is_not_a_number_is_no_generation(void **state)
{
    static const char *const rows[] = {"new.abcdef",      "0", "01", "3x", "-1", "1e3",
                                       "1234567890123456"};
    struct bench b;
    own_generation struct generation g = {0};

    (void)state;
    begin(&b);
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *name = str_format(IN("%s"), rows[i]);

        assert_int_equal(mkdir(scratch_path(&b.scratch, name), 0700), 0);
    }
    store_find(b.directory, 0, &g);
    assert_int_equal(g.number, 0);
    assert_int_equal(add(&b), 1);
    end(&b);
}

static void
a_chain_that_is_none_is_not_stored(void **state)
{
    struct bench b;
    struct err e = {0};
    int64_t number = -1;
    own_str struct str junk = {0};

    (void)state;
    begin(&b);
    assert_true(str_addf(&junk, "junk"));
    assert_false(store_add(b.directory, "i", NULL, &b.key_pem, &junk, NOW, &number, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_int_equal(number, -1);
    assert_int_equal(scratch_count(&b.scratch, IN("")), 0);
    end(&b);
}

static void
a_full_disk_leaves_no_half_generation_and_keeps_the_key(void **state)
{
    struct bench b;
    struct err e = {0};
    int64_t number = -1;
    own_pkey EVP_PKEY *key = NULL;
    bool good = false;

    (void)state;
    begin(&b);
    (void)add(&b);
    key = store_next_key(b.directory, KEY_ECDSA_P256, &e);
    assert_non_null(key);
    scratch_fill_disk(300); /* the key has room, the chain has not */
    good = store_add(b.directory, "i", NULL, &b.key_pem, &b.chain_pem, NOW, &number, &e);
    scratch_fill_disk(-1);
    assert_false(good);
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_int_equal(number, -1);
    assert_int_equal(scratch_count(&b.scratch, IN("")), 2); /* generation 1 and next.key */
    assert_true(scratch_has(&b.scratch, IN("next.key")));
    assert_int_equal(store_before(b.directory, INT64_MAX), 1);
    end(&b);
}

static void
a_directory_that_is_gone_is_told(void **state)
{
    struct err e = {0};
    struct bench b;
    int64_t number = 0;

    (void)state;
    begin(&b);
    assert_int_equal(rmdir(b.directory), 0);
    assert_false(store_add(b.directory, "i", NULL, &b.key_pem, &b.chain_pem, NOW, &number, &e));
    assert_int_equal(e.code, ERR_CREATE);
    assert_false(store_prune(b.directory, 1, 0, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_null(store_next_key(b.directory, KEY_ECDSA_P256, &e));
    assert_int_equal(e.code, ERR_CREATE);
    assert_false(store_read(b.directory, 1, &b.key_pem, &b.chain_pem, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    end(&b);
}

/* ---- the next key ---- */

static void
the_key_of_an_interrupted_run_is_used_again(void **state)
{
    struct bench b;
    struct err e = {0};
    own_pkey EVP_PKEY *first = NULL, *again = NULL, *other = NULL;
    struct stat file = {0};

    (void)state;
    begin(&b);
    first = store_next_key(b.directory, KEY_ECDSA_P256, &e);
    assert_int_equal(stat(scratch_path(&b.scratch, IN("next.key")), &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    again = store_next_key(b.directory, KEY_ECDSA_P256, &e);
    assert_int_equal(EVP_PKEY_eq(first, again), 1);
    other = store_next_key(b.directory, KEY_ECDSA_P384, &e); /* the setting was changed */
    assert_true(key_is(other, KEY_ECDSA_P384));
    end(&b);
}

static void
a_damaged_key_is_made_anew(void **state)
{
    static const char *const rows[] = {"", "junk"};
    struct bench b;

    (void)state;
    begin(&b);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        own_pkey EVP_PKEY *key = NULL;

        scratch_write(&b.scratch, IN("next.key"), rows[i]);
        key = store_next_key(b.directory, KEY_ECDSA_P256, &e);
        assert_true(key_is(key, KEY_ECDSA_P256));
        assert_string_not_equal(scratch_read(&b.scratch, IN("next.key")), rows[i]);
    }
    end(&b);
}

static void
every_generation_has_a_key_of_its_own(void **state)
{
    struct bench b;
    struct err e = {0};
    own_pkey EVP_PKEY *used = NULL, *fresh = NULL;

    (void)state;
    begin(&b);
    scratch_write(&b.scratch, IN("next.key"), b.key_pem.text);
    (void)add(&b);
    assert_false(scratch_has(&b.scratch, IN("next.key")));
    /* killed between the new name and the removal of next.key */
    scratch_write(&b.scratch, IN("next.key"), b.key_pem.text);
    used = key_from_pem(b.key_pem.text, b.key_pem.size, &e);
    fresh = store_next_key(b.directory, KEY_ECDSA_P256, &e);
    assert_non_null(used);
    assert_non_null(fresh);
    assert_int_equal(EVP_PKEY_eq(used, fresh), 0);
    end(&b);
}

/* ---- pruning ---- */

static void
the_newest_and_the_protected_generation_stay(void **state)
{
    /* clang-format off */
    static const struct {
        int64_t keep, protect;
        const char *left;
    } rows[] = {
        {3, 0,   "456"},
        {1, 0,   "6"},
        {0, 0,   "6"},      /* never none */
        {-1, 0,  "6"},
        {2, 1,   "156"},    /* rolled back to */
        {2, 5,   "56"},
        {6, 0,   "123456"},
        {99, 0,  "123456"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bench b;
        struct err e = {0};

        begin(&b);
        for (int n = 0; n < 6; n++)
            (void)add(&b);
        assert_true(store_prune(b.directory, rows[i].keep, rows[i].protect, &e));
        for (int n = 1; n <= 6; n++) {
            own_mem char *name = str_format(IN("%d/key.pem"), n);

            if (scratch_has(&b.scratch, name) != (strchr(rows[i].left, '0' + n) != NULL))
                fail_msg("keep %d protect %d: %d", (int)rows[i].keep, (int)rows[i].protect, n);
        }
        assert_int_equal(scratch_count(&b.scratch, IN("")), strlen(rows[i].left));
        end(&b);
    }
}

static void
an_order_of_an_earlier_version_is_taken_over(void **state)
{
    struct bench b;
    own_mem char *order = NULL;

    (void)state;
    begin(&b);
    (void)add(&b);
    assert_int_equal(mkdir(scratch_path(&b.scratch, "orders"), 0700), 0);
    order = store_order(b.directory, "");
    assert_string_equal(order, scratch_path(&b.scratch, ORDER));
    store_take_order(b.directory, order); /* there is none */
    assert_false(scratch_has(&b.scratch, ORDER));
    scratch_write(&b.scratch, IN("order.json"), "old");
    store_take_order(b.directory, order);
    assert_string_equal(scratch_read(&b.scratch, ORDER), "old");
    assert_false(scratch_has(&b.scratch, IN("order.json")));
    scratch_write(&b.scratch, IN("order.json"), "older");
    store_take_order(b.directory, order);
    assert_string_equal(scratch_read(&b.scratch, ORDER), "old");
    end(&b);
}

/* A store as a killed run may leave it. */
static void
leave(struct bench *b)
{
    static const char *const files[] = {IN("state.json"), IN("order.json"), IN("next.key"), ORDER,
                                        IN("state.json.0123456789abcdef.tmp")};

    (void)add(b);
    assert_int_equal(mkdir(scratch_path(&b->scratch, "orders"), 0700), 0);
    assert_int_equal(mkdir(scratch_path(&b->scratch, IN("new.abc123")), 0700), 0);
    scratch_write(&b->scratch, IN("new.abc123/key.pem"), "secret");
    for (size_t i = 0; i < COUNT(files); i++)
        scratch_write(&b->scratch, files[i], "{}");
}

static void
leftovers_of_killed_runs_are_removed_and_nothing_else(void **state)
{
    (void)state;
    for (int obtaining = 0; obtaining < 2; obtaining++) {
        struct bench b;

        begin(&b);
        leave(&b);
        store_tidy(b.directory, obtaining == 1);
        assert_false(scratch_has(&b.scratch, IN("new.abc123")));
        assert_true(scratch_has(&b.scratch, IN("1/key.pem")));
        assert_true(scratch_has(&b.scratch, IN("state.json")));
        /* the key and the order of a certificate that is being obtained are for the next run */
        assert_int_equal(scratch_has(&b.scratch, IN("next.key")), obtaining);
        assert_int_equal(scratch_has(&b.scratch, IN("order.json")), obtaining);
        assert_int_equal(scratch_has(&b.scratch, ORDER), obtaining);
        assert_int_equal(scratch_count(&b.scratch, IN("")), obtaining ? 4 : 2);
        end(&b);
    }
    store_tidy("/nonexistent", false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_one_component_whatever_it_holds),
        cmocka_unit_test(generations_are_numbered_and_found),
        cmocka_unit_test(a_generation_says_what_it_is_without_being_parsed),
        cmocka_unit_test(a_damaged_or_missing_description_is_made_up_from_key_and_chain),
        cmocka_unit_test(a_generation_that_is_lost_gives_way_to_the_one_before),
        cmocka_unit_test(what_is_not_a_number_is_no_generation),
        cmocka_unit_test(a_chain_that_is_none_is_not_stored),
        cmocka_unit_test(a_full_disk_leaves_no_half_generation_and_keeps_the_key),
        cmocka_unit_test(a_directory_that_is_gone_is_told),
        cmocka_unit_test(the_key_of_an_interrupted_run_is_used_again),
        cmocka_unit_test(a_damaged_key_is_made_anew),
        cmocka_unit_test(every_generation_has_a_key_of_its_own),
        cmocka_unit_test(the_newest_and_the_protected_generation_stay),
        cmocka_unit_test(an_order_of_an_earlier_version_is_taken_over),
        cmocka_unit_test(leftovers_of_killed_runs_are_removed_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
