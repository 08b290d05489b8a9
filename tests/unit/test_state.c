/* test_state.c: what is remembered of a certificate between runs. */
#include "cli/state.h"

#include "base/file.h"
#include "base/store.h"

#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What was found to be served, in that file. */
static const struct served *
served(const char *file, const char *sha256)
{
    static struct served s;
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s", file);
    (void)snprintf(s.served_sha256, sizeof(s.served_sha256), "%s", sha256);
    s.file = path;
    return &s;
}

#define AT INT64_C(1795316400) /* 2026-11-22T03:00:00Z, by date(1) */
#define FILE_NAME "certificates/db/state.json"

static void
load(struct state *s, struct scratch *scratch)
{
    struct err e = {0};

    state_done(s);
    if (!state_load(s, scratch->path, "db", &e) || !file_make_directory(s->directory, 0700, &e))
        fail_msg("%s", e.text);
}

static void
save(struct state *s)
{
    struct err e = {0};

    if (!state_save(s, &e))
        fail_msg("%s", e.text);
    assert_false(s->is_changed);
}

static void
a_new_certificate_has_no_past(void **state)
{
    own_scratch struct scratch scratch = scratch_new();
    own_state struct state s = {0};

    (void)state;
    load(&s, &scratch);
    assert_int_equal(state_generation(&s), 0);
    assert_int_equal(state_attempt(&s).at_s, 0);
    assert_int_equal(state_attempt(&s).next_s, 0);
    assert_int_equal(state_attempt(&s).failures, 0);
    assert_null(state_attempt(&s).error);
    assert_null(state_proof(&s, "main").sha256);
    assert_null(state_proof(&s, "main").file);
    assert_null(state_target_error(&s, "main"));
    save(&s); /* nothing changed: nothing is written */
    assert_false(scratch_has(&scratch, FILE_NAME));
}

static void
everything_comes_back_from_the_file(void **state)
{
    own_scratch struct scratch scratch = scratch_new();
    own_state struct state s = {0};
    struct attempt a = {0};

    (void)state;
    load(&s, &scratch);
    state_set_generation(&s, 3);
    state_set_attempt(&s, &(struct attempt){.at_s = AT,
                                            .error = "no connection",
                                            .since_s = AT - 60,
                                            .failures = 2,
                                            .next_s = AT + 3600,
                                            .advice_s = AT + 10,
                                            .directory = "https://ca.test/",
                                            .settings = "ef"});
    state_set_proof(&s, "main", served("/data/pgcert.pem", "abcd"), AT + 1);
    state_set_file(&s, "other", served("/other/pgcert.pem", ""));
    save(&s);
    load(&s, &scratch);
    assert_int_equal(state_generation(&s), 3);
    a = state_attempt(&s);
    assert_int_equal(a.at_s, AT);
    assert_string_equal(a.error, "no connection");
    assert_int_equal(a.since_s, AT - 60);
    assert_int_equal(a.failures, 2);
    assert_int_equal(a.next_s, AT + 3600);
    assert_int_equal(a.advice_s, AT + 10);
    assert_string_equal(a.directory, "https://ca.test/");
    assert_string_equal(a.settings, "ef");
    assert_string_equal(state_proof(&s, "main").file, "/data/pgcert.pem");
    assert_string_equal(state_proof(&s, "main").sha256, "abcd");
    assert_int_equal(state_proof(&s, "main").at_s, AT + 1);
    assert_string_equal(state_proof(&s, "other").file, "/other/pgcert.pem");
    assert_non_null(strstr(scratch_read(&scratch, FILE_NAME), "\"2026-11-22T03:00:00Z\""));
    state_set_attempt(&s, &(struct attempt){.at_s = AT + 9, .failures = 2}); /* it succeeded */
    assert_null(state_attempt(&s).error);
    assert_int_equal(state_attempt(&s).next_s, 0);
    assert_int_equal(state_attempt(&s).failures, 0);
}

static void
advice_comes_back_for_the_certificate_it_was_given_for(void **state)
{
    own_scratch struct scratch scratch = scratch_new();
    own_state struct state s = {0};
    struct advice a = {0};

    (void)state;
    load(&s, &scratch);
    assert_int_equal(state_advice(&s, "abcd").moment_s, 0);
    assert_int_equal(state_advice(&s, NULL).moment_s, 0);
    state_set_advice(&s, "abcd",
                     &(struct advice){.start_s = AT,
                                      .end_s = AT + 9,
                                      .moment_s = AT + 5,
                                      .explanation = "https://ca.test/why",
                                      .ask_at_s = AT - 7});
    save(&s);
    load(&s, &scratch);
    a = state_advice(&s, "abcd");
    assert_int_equal(a.start_s, AT);
    assert_int_equal(a.end_s, AT + 9);
    assert_int_equal(a.moment_s, AT + 5);
    assert_int_equal(a.ask_at_s, AT - 7);
    assert_string_equal(a.explanation, "https://ca.test/why");
    assert_int_equal(state_advice(&s, "ef01").moment_s, 0);
}

static void
a_proof_ends_with_a_new_file_and_an_error_with_a_proof(void **state)
{
    own_scratch struct scratch scratch = scratch_new();
    own_state struct state s = {0};

    (void)state;
    load(&s, &scratch);
    state_set_proof(&s, "main", served("/f", "abcd"), AT);
    state_set_target_error(&s, "main", "not served");
    assert_string_equal(state_target_error(&s, "main"), "not served");
    assert_string_equal(state_proof(&s, "main").sha256, "abcd"); /* what was proved stays true */
    assert_int_equal(state_proof(&s, "main").at_s, AT);
    /* what is put may come from what is there */
    state_set_file(&s, "main", served(state_proof(&s, "main").file, ""));
    assert_string_equal(state_proof(&s, "main").file, "/f");
    assert_null(state_proof(&s, "main").sha256);
    assert_int_equal(state_proof(&s, "main").at_s, 0);
    assert_string_equal(state_target_error(&s, "main"), "not served");
    state_set_proof(&s, "main", served("/f", "ef01"), AT + 1);
    assert_null(state_target_error(&s, "main"));
    state_set_target_error(&s, "main", "again");
    state_set_target_error(&s, "main", NULL);
    assert_null(state_target_error(&s, "main"));
    assert_string_equal(state_proof(&s, "main").sha256, "ef01");
    save(&s);
    load(&s, &scratch);
    assert_string_equal(state_proof(&s, "main").sha256, "ef01");
}

/* Digests as they are read back from strangers. */
#define OLD "00000000000000000000000000000000000000000000000000000000000000aa"
#define DEPLOYED "00000000000000000000000000000000000000000000000000000000000000bb"
#define OWN "00000000000000000000000000000000000000000000000000000000000000cc"

static void
what_is_moved_for_a_second_user_does_not_replace_what_that_one_wrote(void **state)
{
    own_scratch struct scratch scratch = scratch_new();
    own_state struct state one = {0};
    own_state struct state owner = {0};
    own_state struct state deployer = {0};
    own_mem char *targets = str_format("%s/targets", scratch.path);
    struct err e = {0};

    (void)state;
    load(&one, &scratch);
    state_set_proof(&one, "main", served("/f", OLD), AT);
    save(&one);
    store_share(getgid());
    assert_true(file_make_directory(targets, 0700, &e));
    load(&owner, &scratch);
    load(&deployer, &scratch);
    assert_string_equal(state_proof(&owner, "main").sha256, OLD);
    state_set_proof(&deployer, "main", served("/f", DEPLOYED), AT + 1);
    save(&deployer);
    state_set_generation(&owner, 7);
    save(&owner);
    assert_string_equal(state_proof(&owner, "main").sha256, DEPLOYED);
    load(&one, &scratch);
    assert_string_equal(state_proof(&one, "main").sha256, DEPLOYED);
    assert_int_equal(state_proof(&one, "main").at_s, AT + 1);
    /* what the owner has proved by himself is his to say */
    state_set_proof(&owner, "main", served("/f", OWN), AT + 2);
    save(&owner);
    load(&one, &scratch);
    assert_string_equal(state_proof(&one, "main").sha256, OWN);
    store_share((gid_t)-1);
}

static void
members_of_a_newer_version_are_kept(void **state)
{
    own_scratch struct scratch scratch = scratch_new();
    own_state struct state s = {0};

    (void)state;
    load(&s, &scratch);
    scratch_write(&scratch, FILE_NAME,
                  "{\"future\":[1],\"generation\":2,\"last_attempt\":{\"at\":5}}");
    load(&s, &scratch);
    assert_int_equal(state_generation(&s), 2);
    assert_int_equal(state_attempt(&s).at_s, 0); /* no time */
    state_set_generation(&s, 0);
    save(&s);
    assert_non_null(strstr(scratch_read(&scratch, FILE_NAME), "\"future\""));
}

static void
a_damaged_file_is_an_error_and_stays(void **state)
{
    own_scratch struct scratch scratch = scratch_new();
    own_state struct state s = {0};
    struct err e = {0};

    (void)state;
    load(&s, &scratch);
    scratch_write(&scratch, FILE_NAME, "{\"generation\":");
    state_done(&s);
    assert_false(state_load(&s, scratch.path, "db", &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.text, "state.json'"));
    assert_string_equal(scratch_read(&scratch, FILE_NAME), "{\"generation\":");
}

static void
a_save_that_fails_is_told_and_can_be_tried_again(void **state)
{
    own_scratch struct scratch scratch = scratch_new();
    own_state struct state s = {0};
    struct err e = {0};
    bool good = false;

    (void)state;
    load(&s, &scratch);
    state_set_generation(&s, 1);
    scratch_fill_disk(4);
    good = state_save(&s, &e);
    scratch_fill_disk(-1);
    assert_false(good);
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_true(s.is_changed);
    save(&s);
    assert_true(scratch_has(&scratch, FILE_NAME));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_certificate_has_no_past),
        cmocka_unit_test(everything_comes_back_from_the_file),
        cmocka_unit_test(advice_comes_back_for_the_certificate_it_was_given_for),
        cmocka_unit_test(a_proof_ends_with_a_new_file_and_an_error_with_a_proof),
        cmocka_unit_test(what_is_moved_for_a_second_user_does_not_replace_what_that_one_wrote),
        cmocka_unit_test(members_of_a_newer_version_are_kept),
        cmocka_unit_test(a_damaged_file_is_an_error_and_stays),
        cmocka_unit_test(a_save_that_fails_is_told_and_can_be_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
