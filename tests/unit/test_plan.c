/* test_plan.c: when a certificate is due, and when a target needs nothing. */
#include "cli/plan.h"

#include "base/file.h"

#include "tests/fake/mint.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

#define NOW INT64_C(1795316400)
#define HOUR 3600
#define DAY (24 * HOUR)

static void
the_time_of_renewal_follows_from_lifetime_and_setting(void **state)
{
    /* pgcert.conf(5): a span before the end, or a share of the lifetime; without either a third,
     * half for those that live less than ten days */
    /* clang-format off */
    static const struct {
        int64_t lifetime_s;
        struct option_share before;
        int64_t before_end_s;
    } rows[] = {
        {90 * DAY,   {.part = 1, .whole = 3},  30 * DAY},
        {90 * DAY,   {.part = 2, .whole = 3},  60 * DAY},
        {90 * DAY,   {.span_s = 7 * DAY},      7 * DAY},
        {90 * DAY,   {0},                      30 * DAY},
        {10 * DAY,   {0},                      10 * DAY / 3},
        {6 * DAY,    {0},                      3 * DAY},
        {6 * DAY,    {.part = 1, .whole = 3},  2 * DAY},
        {6 * HOUR,   {0},                      3 * HOUR},
        {90 * DAY,   {.span_s = 81 * DAY},     81 * DAY},   /* nine tenths: just possible */
        {90 * DAY,   {.span_s = 82 * DAY},     45 * DAY},   /* due at birth, or nearly */
        {6 * DAY,    {.span_s = 30 * DAY},     3 * DAY},
        {90 * DAY,   {.part = 1, .whole = 1},  45 * DAY},
        {100,        {.part = 1, .whole = 3},  33},
        {INT64_C(250) * 366 * DAY, {.part = 99, .whole = 1000}, INT64_C(250) * 366 * DAY / 1000 * 99},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t end_s = NOW + rows[i].lifetime_s;
        int64_t at_s = plan_renew_at(NOW, end_s, rows[i].before);

        if (at_s != end_s - rows[i].before_end_s)
            fail_msg("row %zu: %lld before the end", i, (long long)(end_s - at_s));
    }
}

/* ---- the plan of one certificate ---- */

static char name[] = "db";
static char issuer[] = "pebble";

struct bench {
    struct scratch scratch;
    struct issuer issuer;
    struct certificate certificate;
    struct state state;
    struct str key_pem, chain_pem;
};

/* With a generation of 90 days for db.example.org, made at NOW. */
static void
begin(struct bench *b)
{
    struct mint m = {.cn = "db.example.org",
                     .names = "DNS:db.example.org,DNS:a.example.org",
                     .usage = "serverAuth",
                     .from_s = NOW,
                     .until_s = NOW + 90 * DAY};
    struct minted leaf = mint(&m, NULL);
    struct err e = {0};
    int64_t number = 0;

    *b = (struct bench){.scratch = scratch_new(),
                        .certificate = {.name = name,
                                        .issuer_name = issuer,
                                        .key_type = KEY_ECDSA_P256,
                                        .renew_before = {.part = 1, .whole = 3}}};
    b->certificate.issuer = &b->issuer;
    assert_true(list_add_words(&b->certificate.names, "a.example.org db.example.org"));
    assert_true(state_load(&b->state, b->scratch.path, name, &e));
    assert_true(file_make_directory(b->state.directory, 0700, &e));
    mint_add_key(&b->key_pem, leaf.key);
    mint_add_cert(&b->chain_pem, leaf.cert);
    assert_true(
        store_add(b->state.directory, issuer, NULL, &b->key_pem, &b->chain_pem, NOW, &number, &e));
    minted_done(&leaf);
}

static void
end(struct bench *b)
{
    list_done(&b->certificate.names);
    state_done(&b->state);
    str_done(&b->key_pem);
    str_done(&b->chain_pem);
    scratch_done(&b->scratch);
}

static void
is_planned(struct bench *b, int64_t now_s, bool due, const char *reason)
{
    own_plan struct plan p = {0};

    plan_make(&p, &b->certificate, &b->state, now_s);
    assert_string_equal(p.reason, reason);
    assert_int_equal(p.is_due, due);
}

static void
what_is_not_as_the_settings_want_it_is_due(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    is_planned(&b, NOW, false, "lifetime");
    is_planned(&b, NOW + 60 * DAY - 1, false, "lifetime");
    is_planned(&b, NOW + 60 * DAY, true, "lifetime");
    is_planned(&b, NOW + 400 * DAY, true, "lifetime");
    b.certificate.key_type = KEY_RSA_3072;
    is_planned(&b, NOW, true, "its key type changed");
    b.certificate.issuer_name = name;
    is_planned(&b, NOW, true, "its issuer changed");
    b.issuer.acme.fallback = issuer; /* that one stands in for it */
    is_planned(&b, NOW, true, "its key type changed");
    b.issuer.acme.fallback = NULL;
    assert_true(list_add(&b.certificate.names, "b.example.org"));
    is_planned(&b, NOW, true, "its names changed");
    end(&b);
}

/* ---- what another tool renews ---- */

static void
its_files_say_when_it_is_due_and_time_that_it_is_late(void **state)
{
    struct bench b;
    struct files *f = NULL;
    own_plan struct plan p = {0};

    (void)state;
    begin(&b);
    b.certificate.key_type = KEY_RSA_3072; /* which is that tool's to choose */
    b.issuer.type = ISSUER_FILES;
    f = &b.issuer.files;
    f->is_ahead = true;
    assert_true(str_add(&f->key_pem, b.key_pem.text, b.key_pem.size));
    assert_true(str_add(&f->chain_pem, b.chain_pem.text, b.chain_pem.size));
    is_planned(&b, NOW, false, "files");
    /* a third of 90 days before the end, and a day for the other tool */
    is_planned(&b, NOW + 61 * DAY - 1, false, "files");
    plan_make(&p, &b.certificate, &b.state, NOW + 61 * DAY - 1);
    assert_false(p.is_late);
    plan_done(&p);
    is_planned(&b, NOW + 61 * DAY, false, "files");
    plan_make(&p, &b.certificate, &b.state, NOW + 61 * DAY);
    assert_true(p.is_late);
    assert_int_equal(p.renew_at_s, NOW + 61 * DAY);
    assert_true(str_addf(&f->chain_pem, "-----BEGIN CERTIFICATE-----\n"));
    is_planned(&b, NOW, true, "its files have changed");
    f->ahead.code = ERR_BUSY;
    is_planned(&b, NOW, true, "its files cannot be used");
    str_done(&f->key_pem);
    str_done(&f->chain_pem);
    end(&b);
}

/* ---- what the issuer advises ---- */

static void
advise(struct bench *b, int64_t moment_s)
{
    own_plan struct plan p = {0};

    plan_make(&p, &b->certificate, &b->state, NOW);
    state_set_advice(&b->state, p.generation.sha256,
                     &(struct advice){.start_s = moment_s - HOUR,
                                      .end_s = moment_s + HOUR,
                                      .moment_s = moment_s});
}

static void
the_advised_moment_counts_and_nothing_before_it(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    advise(&b, NOW + 50 * DAY);
    is_planned(&b, NOW + 50 * DAY - 1, false, "ari");
    is_planned(&b, NOW + 50 * DAY, true, "ari");
    end(&b);
}

static void
advice_goes_before_the_lifetime_until_half_of_the_rest_is_over(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    advise(&b, NOW + 70 * DAY);
    is_planned(&b, NOW + 70 * DAY - 1, false, "ari");
    is_planned(&b, NOW + 70 * DAY, true, "ari");
    advise(&b, NOW + 5000 * DAY);
    is_planned(&b, NOW + 75 * DAY - 1, false, "lifetime");
    is_planned(&b, NOW + 75 * DAY, true, "lifetime");
    end(&b);
}

static void
a_window_in_the_past_is_due_at_once(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    advise(&b, NOW - 5 * DAY);
    is_planned(&b, NOW, true, "ari");
    end(&b);
}

static void
the_advice_on_another_certificate_is_none(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    state_set_advice(&b.state, "abcd", &(struct advice){.moment_s = NOW - DAY});
    is_planned(&b, NOW, false, "lifetime");
    end(&b);
}

/* ---- the storm breaker ---- */

static void
nothing_is_renewed_again_so_soon_but_what_was_changed_or_revoked(void **state)
{
    struct bench b;
    own_plan struct plan p = {0};

    (void)state;
    begin(&b); /* issued at NOW */
    b.certificate.renew_at_most_every_s = HOUR;
    advise(&b, NOW - 5 * DAY);
    is_planned(&b, NOW, false, "renew_at_most_every");
    is_planned(&b, NOW + HOUR - 1, false, "renew_at_most_every");
    is_planned(&b, NOW + HOUR, true, "ari");
    is_planned(&b, NOW - DAY, true, "ari"); /* the clock went back */
    plan_make(&p, &b.certificate, &b.state, NOW);
    assert_true(p.is_held);
    assert_int_equal(p.renew_at_s, NOW + HOUR);
    b.certificate.key_type = KEY_RSA_3072;
    is_planned(&b, NOW, true, "its key type changed");
    b.certificate.key_type = KEY_ECDSA_P256;
    state_set_revoked(&b.state, p.generation.sha256, NOW);
    is_planned(&b, NOW, true, "it was revoked");
    end(&b);
}

static void
it_is_held_for_half_of_its_life_at_most(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    b.certificate.renew_at_most_every_s = 1000 * DAY;
    is_planned(&b, NOW, false, "lifetime");
    b.certificate.renew_before = (struct option_share){.span_s = 60 * DAY};
    is_planned(&b, NOW + 45 * DAY - 1, false, "renew_at_most_every");
    is_planned(&b, NOW + 45 * DAY, true, "lifetime");
    end(&b);
}

static void
after_a_rollback_the_newest_one_counts(void **state)
{
    struct bench b;
    struct err e = {0};
    int64_t number = 0;

    (void)state;
    begin(&b);
    b.certificate.renew_at_most_every_s = HOUR;
    assert_true(store_add(b.state.directory, issuer, NULL, &b.key_pem, &b.chain_pem, NOW + 60 * DAY,
                          &number, &e));
    state_set_generation(&b.state, 1);
    is_planned(&b, NOW + 60 * DAY + HOUR - 1, false, "renew_at_most_every");
    is_planned(&b, NOW + 60 * DAY + HOUR, true, "lifetime");
    end(&b);
}

static void
without_a_generation_it_is_due(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    state_done(&b.state);
    assert_true(state_load(&b.state, b.scratch.path, "other", &e));
    is_planned(&b, NOW, true, "there is none yet");
    end(&b);
}

static void
the_generation_of_a_rollback_is_the_wanted_one(void **state)
{
    struct bench b;
    struct err e = {0};
    int64_t number = 0;

    (void)state;
    begin(&b);
    assert_true(
        store_add(b.state.directory, issuer, NULL, &b.key_pem, &b.chain_pem, NOW, &number, &e));
    for (int64_t wanted = 0; wanted <= 1; wanted++) {
        own_plan struct plan p = {0};

        state_set_generation(&b.state, wanted);
        plan_make(&p, &b.certificate, &b.state, NOW);
        assert_int_equal(p.generation.number, wanted == 0 ? 2 : 1);
    }
    end(&b);
}

/* ---- served ---- */

static void
a_target_needs_nothing_only_while_its_proof_holds(void **state)
{
    struct bench b;
    own_plan struct plan p = {0};
    own_str struct str file = {0};
    struct material m = {.key_pem = &b.key_pem, .chain_pem = &b.chain_pem};
    const char *path = NULL;

    (void)state;
    begin(&b);
    plan_make(&p, &b.certificate, &b.state, NOW);
    path = scratch_path(&b.scratch, "pgcert.pem");
    assert_true(str_add(&file, b.key_pem.text, b.key_pem.size));
    assert_true(str_add(&file, b.chain_pem.text, b.chain_pem.size));
    scratch_write(&b.scratch, "pgcert.pem", file.text);
    assert_false(plan_is_served(&p, &b.state, "main", &m, NOW, DAY)); /* never proved */
    state_set_proof(&b.state, "main", served(path, p.generation.sha256), NOW);
    assert_true(plan_is_served(&p, &b.state, "main", &m, NOW, DAY));
    assert_true(plan_is_served(&p, &b.state, "main", &m, NOW + DAY - 1, DAY));
    assert_false(plan_is_served(&p, &b.state, "main", &m, NOW + DAY, DAY)); /* to be proved again */
    assert_false(plan_is_served(&p, &b.state, "main", &m, NOW - 1, DAY)); /* the clock went back */
    assert_false(plan_is_served(&p, &b.state, "other", &m, NOW, DAY));
    state_set_target_error(&b.state, "main", "not served");
    assert_false(plan_is_served(&p, &b.state, "main", &m, NOW, DAY));
    state_set_proof(&b.state, "main", served(path, "abcd"), NOW); /* of another one */
    assert_false(plan_is_served(&p, &b.state, "main", &m, NOW, DAY));
    state_set_proof(&b.state, "main", served(path, p.generation.sha256), NOW);
    scratch_write(&b.scratch, "pgcert.pem", b.chain_pem.text); /* somebody was at it */
    assert_false(plan_is_served(&p, &b.state, "main", &m, NOW, DAY));
    end(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_of_renewal_follows_from_lifetime_and_setting),
        cmocka_unit_test(what_is_not_as_the_settings_want_it_is_due),
        cmocka_unit_test(its_files_say_when_it_is_due_and_time_that_it_is_late),
        cmocka_unit_test(the_advised_moment_counts_and_nothing_before_it),
        cmocka_unit_test(advice_goes_before_the_lifetime_until_half_of_the_rest_is_over),
        cmocka_unit_test(a_window_in_the_past_is_due_at_once),
        cmocka_unit_test(the_advice_on_another_certificate_is_none),
        cmocka_unit_test(nothing_is_renewed_again_so_soon_but_what_was_changed_or_revoked),
        cmocka_unit_test(it_is_held_for_half_of_its_life_at_most),
        cmocka_unit_test(after_a_rollback_the_newest_one_counts),
        cmocka_unit_test(without_a_generation_it_is_due),
        cmocka_unit_test(the_generation_of_a_rollback_is_the_wanted_one),
        cmocka_unit_test(a_target_needs_nothing_only_while_its_proof_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
