/* test_proofs.c: what deploying remembers, as two users write it. */
#include "cli/proofs.h"

#include "base/file.h"
#include "base/log.h"
#include "base/store.h"

#include "tests/fake/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define WHEN "2026-11-22T03:00:00Z"

static void
only_what_has_the_form_is_taken(void **state)
{
    /* what stands for [target t], and what of it is taken */
    static const struct {
        const char *given, *taken;
    } cases[] = {
        {"{\"file\":\"/d/a\",\"sha256\":\"" A64 "\",\"proved_at\":\"" WHEN "\",\"x\":1}",
         "{\"file\":\"/d/a\",\"sha256\":\"" A64 "\",\"proved_at\":\"" WHEN "\"}"},
        {"{\"file\":\"/d/a\",\"sha256\":\"" A64 "\",\"reloaded_at\":\"" WHEN "\",\"error\":\"no\"}",
         "{\"file\":\"/d/a\",\"sha256\":\"" A64 "\",\"reloaded_at\":\"" WHEN
         "\",\"error\":\"no\"}"},
        {"{\"files\":[{\"path\":\"/d/k\",\"sha256\":\"" A64 "\",\"y\":2}],\"file\":\"/d/k\"}",
         "{\"files\":[{\"path\":\"/d/k\",\"sha256\":\"" A64 "\"}],\"file\":\"/d/k\"}"},
        /* no proof without a time, no time that is none, no digest that is none */
        {"{\"file\":\"/d/a\",\"sha256\":\"" A64 "\"}", "{\"file\":\"/d/a\"}"},
        {"{\"file\":\"/d/a\",\"sha256\":\"" A64 "\",\"proved_at\":\"soon\"}",
         "{\"file\":\"/d/a\"}"},
        {"{\"file\":\"/d/a\",\"sha256\":\"" A64 "a\",\"proved_at\":\"" WHEN "\"}",
         "{\"file\":\"/d/a\"}"},
        /* what leads nowhere leads to nothing else either */
        {"{\"file\":\"../a\",\"sha256\":\"" A64 "\",\"proved_at\":\"" WHEN "\"}", "{}"},
        {"{\"file\":\"/d/a\\nb\",\"error\":\"a\\u001bb\"}", "{\"error\":\"a?b\"}"},
        {"{\"sha256\":\"" A64 "\",\"proved_at\":\"" WHEN "\"}", "{}"},
        {"{\"files\":[{\"path\":\"k\",\"sha256\":\"" A64 "\"}],\"file\":\"/d/k\"}", "{}"},
        {"{\"files\":[],\"file\":\"/d/k\"}", "{}"},
        {"{\"files\":7,\"file\":\"/d/k\"}", "{}"},
        {"7", "{}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        own_mem char *text = str_format("{\"targets\":{\"t\":%s}}", cases[i].given);
        own_mem char *taken = NULL;
        own_json struct json_t *targets = NULL;
        struct err e = {0};

        targets = proofs_parse(text, strlen(text), &e);
        assert_non_null(targets);
        taken = json_encode(json_member(targets, "t"));
        assert_string_equal(taken, cases[i].taken);
    }
}

static void
what_is_no_such_file_is_refused_and_not_quoted(void **state)
{
    static const char *const cases[] = {"", "secret", "[]", "{\"a\":1,\"a\":2}", "{"};
    own_mem char *large = calloc(PROOFS_SIZE_MAX + 2, 1);
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_null(proofs_parse(cases[i], strlen(cases[i]), &e));
        assert_int_equal(e.code, ERR_INPUT);
        assert_null(strstr(e.text, "secret"));
    }
    memset(large, ' ', PROOFS_SIZE_MAX + 1);
    large[0] = '{';
    large[1] = '}';
    assert_null(proofs_parse(large, PROOFS_SIZE_MAX + 1, &e));
}

static struct json_t *
load(const char *path)
{
    struct json_t *targets = NULL;
    struct err e = {0};

    assert_true(proofs_load(path, &targets, &e));
    return targets;
}

static void
a_link_is_neither_read_nor_written_through(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_mem char *path = strdup(scratch_path(&s, "db.json"));
    own_mem char *other = strdup(scratch_path(&s, "other"));
    own_json struct json_t *targets = json_new_object();
    struct json_t *loaded = NULL;
    struct stat about = {0};
    struct err e = {0};

    (void)state;
    (void)log_set_level(LOG_LEVEL_NONE);
    assert_true(file_replace(AT_FDCWD, other, "{\"targets\":{\"t\":{}}}", 20, 0600, &e));
    assert_int_equal(symlink(other, path), 0);
    assert_null(load(path));
    store_share(getegid());
    assert_true(proofs_save(path, targets, &e));
    store_share((gid_t)-1);
    assert_int_equal(lstat(path, &about), 0);
    assert_true(S_ISREG(about.st_mode));
    assert_int_equal(about.st_mode & 07777, 0660);
    assert_int_equal(lstat(other, &about), 0);
    assert_int_equal(about.st_size, 20);
    loaded = load(path);
    assert_non_null(loaded);
    json_drop(&loaded);
    assert_int_equal(unlink(path), 0);
    assert_null(load(path));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(load(path)); /* and nobody waits */
}

static void
somebody_s_secrets_are_not_taken_for_what_is_remembered_of_clients(void **state)
{
    static const char foreign[] = "{\"db.example.test\":{\"username\":\"u\",\"password\":\"p\"},"
                                  "\"d\":\"secret\",\"[offered]\":\"x\"}";
    static const char ours[] =
        "{\"[ended]\":3,\"[offered]\":\"" A64 "\",\"main\":{\"file\":\"/d/ca.pem\","
        "\"ending\":[\"0A\",7],\"proved_at\":5,\"refused_at\":0,\"x\":1}}";
    static const char kept[] =
        "{\"main\":{\"file\":\"/d/ca.pem\",\"ending\":[\"0A\"],\"proved_at\":5,"
        "\"refused_at\":0},\"[offered]\":\"" A64 "\",\"[ended]\":3}";
    own_scratch struct scratch s = scratch_new();
    own_mem char *path = strdup(scratch_path(&s, "clients"));
    own_mem char *other = strdup(scratch_path(&s, "other"));
    struct err e = {0};
    static const struct {
        const char *given, *taken;
    } rows[] = {{foreign, "{}"}, {ours, kept}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_json struct json_t *json = NULL;
        own_mem char *text = NULL;

        assert_true(file_replace(AT_FDCWD, path, rows[i].given, strlen(rows[i].given), 0600, &e));
        json = proofs_load_clients(path, &e);
        text = json_encode(json);
        assert_string_equal(text, rows[i].taken);
    }
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_null(proofs_load_clients(path, &e));
    assert_int_equal(e.code, ERR_INPUT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_has_the_form_is_taken),
        cmocka_unit_test(what_is_no_such_file_is_refused_and_not_quoted),
        cmocka_unit_test(a_link_is_neither_read_nor_written_through),
        cmocka_unit_test(somebody_s_secrets_are_not_taken_for_what_is_remembered_of_clients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
