/* test_budget.c: the steps between failures, and who may go on at once. */
#include "cli/budget.h"

#include "tests/fake/clock.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1795316400) /* 2026-11-22T03:00:00Z, by date(1) */
#define MINUTE 60
#define DAY (24 * 3600)

/* ---- the steps ---- */

static void
the_steps_are_those_of_the_manual_and_end_at_a_day(void **state)
{
    /* pgcert(1), FAILURES: 1, 10, 100 minutes, a day */
    (void)state;
    assert_int_equal(budget_step(1), MINUTE);
    assert_int_equal(budget_step(2), 10 * MINUTE);
    assert_int_equal(budget_step(3), 100 * MINUTE);
    assert_int_equal(budget_step(4), DAY);
    assert_int_equal(budget_step(5), DAY);
    assert_int_equal(budget_step(INT64_MAX), DAY);
    assert_int_equal(budget_step(0), 0);
    assert_int_equal(budget_step(INT64_MIN), 0);
}

static void
up_to_a_tenth_comes_on_top_and_never_less_nor_more(void **state)
{
    (void)state;
    assert_int_equal(budget_next(NOW, 1, 0, 0), NOW + 60);
    assert_int_equal(budget_next(NOW, 1, 0, 6), NOW + 66);
    assert_int_equal(budget_next(NOW, 4, 0, 8640), NOW + DAY + DAY / 10);
    for (int64_t failures = 1; failures <= 5; failures++)
        for (uint64_t i = 0; i < 1000; i++) {
            uint64_t random = i * UINT64_C(0x9e3779b97f4a7c15);
            int64_t wait_s = budget_next(NOW, failures, 0, random) - NOW;

            assert_in_range(wait_s, budget_step(failures),
                            budget_step(failures) + budget_step(failures) / 10);
        }
    assert_int_equal(budget_next(NOW, INT64_MAX, 0, UINT64_MAX) - NOW - DAY,
                     (int64_t)(UINT64_MAX % 8641));
}

static void
the_advice_of_the_server_counts_when_it_is_later(void **state)
{
    (void)state;
    assert_int_equal(budget_next(NOW, 1, NOW + 7200, 5), NOW + 7200);
    assert_int_equal(budget_next(NOW, 1, NOW + 30, 5), NOW + 65);
    assert_int_equal(budget_next(NOW, 1, NOW - 30, 5), NOW + 65);
}

static void
validations_stay_below_five_an_hour(void **state)
{
    int64_t at_s = NOW;
    int64_t tries = 0;

    (void)state;
    while (at_s < NOW + 3600)
        at_s = budget_next(at_s, ++tries, 0, 0);
    assert_in_range(tries, 1, 4);
}

/* ---- the ledger ---- */

struct bench {
    struct scratch scratch;
    struct config config;
    struct state state;
};

static void
configure(struct bench *b, const char *server, const char *address)
{
    own_mem char *text =
        str_format("[issuer ca]\ndirectory = https://%s/dir\ndns = home\n"
                   "[dns home]\nprovider = rfc2136\nserver = %s\n[certificate db]\nissuer = ca\n",
                   server, address);
    struct fake_clock clock = fake_clock_at(NOW);
    struct err e = {0};

    config_done(&b->config);
    scratch_write(&b->scratch, "pgcert.conf", text);
    if (!config_read(&b->config, scratch_path(&b->scratch, "pgcert.conf"), &clock.base, &e))
        fail_msg("%s", e.text);
}

static void
begin(struct bench *b)
{
    struct err e = {0};

    *b = (struct bench){.scratch = scratch_new()};
    configure(b, "ca.test", "127.0.0.1");
    assert_true(state_load(&b->state, b->scratch.path, "db", &e));
}

static void
end(struct bench *b)
{
    config_done(&b->config);
    state_done(&b->state);
    scratch_done(&b->scratch);
}

/* A failure at that time; gives when the next try is. */
static int64_t
fail_at(struct bench *b, int64_t at_s, bool is_charged, enum err_code code)
{
    struct err e = {0};

    (void)err_set(&e, code, "as told");
    budget_charge(&b->state, &b->config, &b->config.certificates[0], at_s, is_charged, &e);
    assert_string_equal(state_attempt(&b->state).error, "as told");
    return state_attempt(&b->state).next_s;
}

static bool
allows(struct bench *b, int64_t now_s, struct err *e)
{
    return budget_allows(&b->state, &b->config, &b->config.certificates[0], now_s, e);
}

static void
nothing_is_tried_before_its_time_and_the_reason_is_said(void **state)
{
    struct bench b;
    struct err e = {0};
    int64_t next_s = 0;

    (void)state;
    begin(&b);
    assert_true(allows(&b, NOW, &e));
    (void)fail_at(&b, NOW, true, ERR_REFUSED);
    next_s = fail_at(&b, NOW + 100, true, ERR_REFUSED);
    assert_int_equal(state_attempt(&b.state).failures, 2);
    assert_in_range(next_s, NOW + 100 + 10 * MINUTE, NOW + 100 + 11 * MINUTE);
    assert_false(allows(&b, next_s - 1, &e));
    assert_int_equal(e.code, ERR_BUSY);
    assert_int_equal(e.retry_at_s, next_s);
    assert_string_equal(e.text, "it fails since 2026-11-22T03:00:00Z: as told");
    assert_true(allows(&b, next_s, &e));
    end(&b);
}

static void
success_clears_the_ledger(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    for (int i = 0; i < 9; i++)
        (void)fail_at(&b, NOW, true, ERR_NETWORK);
    state_set_attempt(&b.state, &(struct attempt){.at_s = NOW + 1});
    assert_true(allows(&b, NOW + 1, &e));
    (void)fail_at(&b, NOW + 2, true, ERR_NETWORK);
    assert_int_equal(state_attempt(&b.state).failures, 1);
    assert_int_equal(state_attempt(&b.state).since_s, NOW + 2);
    end(&b);
}

static void
what_cost_the_issuer_nothing_may_be_tried_at_once(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(fail_at(&b, NOW + i, false, ERR_NETWORK), NOW + i);
        assert_true(allows(&b, NOW + i, &e));
    }
    assert_int_equal(fail_at(&b, NOW + 9, false, ERR_SYSTEM), 0);
    assert_true(allows(&b, NOW + 9, &e));
    assert_int_equal(state_attempt(&b.state).failures, 0);
    assert_int_equal(state_attempt(&b.state).since_s, NOW);
    end(&b);
}

static void
what_is_owed_stays_owed_over_a_failure_of_our_own(void **state)
{
    struct bench b;
    struct err e = {0};
    int64_t next_s = 0;

    (void)state;
    begin(&b);
    (void)fail_at(&b, NOW, true, ERR_REFUSED);
    next_s = fail_at(&b, NOW, true, ERR_REFUSED);
    assert_int_equal(fail_at(&b, NOW + 1, false, ERR_SYSTEM), next_s); /* it was forced */
    assert_false(allows(&b, next_s - 1, &e));
    assert_int_equal(state_attempt(&b.state).failures, 2);
    end(&b);
}

static void
changed_settings_skip_the_first_step_and_no_other(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    (void)fail_at(&b, NOW, true, ERR_REFUSED);
    assert_false(allows(&b, NOW, &e));
    configure(&b, "ca.test", "127.0.0.2");
    assert_true(allows(&b, NOW, &e));
    (void)fail_at(&b, NOW + 1, true, ERR_REFUSED);
    configure(&b, "ca.test", "127.0.0.3");
    assert_false(allows(&b, NOW + 1, &e));
    end(&b);
}

static void
changed_settings_do_not_overrule_the_server(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    (void)err_set(&e, ERR_BUSY, "as told");
    e.retry_at_s = NOW + 7200;
    budget_charge(&b.state, &b.config, &b.config.certificates[0], NOW, true, &e);
    assert_int_equal(e.retry_at_s, NOW + 7200);
    configure(&b, "ca.test", "127.0.0.2");
    assert_false(allows(&b, NOW + 7199, &e));
    assert_true(allows(&b, NOW + 7200, &e));
    end(&b);
}

static void
another_issuer_begins_anew(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    for (int i = 0; i < 4; i++)
        (void)fail_at(&b, NOW, true, ERR_REFUSED);
    configure(&b, "other.test", "127.0.0.1");
    assert_true(allows(&b, NOW, &e));
    (void)fail_at(&b, NOW + 1, true, ERR_REFUSED);
    assert_int_equal(state_attempt(&b.state).failures, 1);
    end(&b);
}

static void
a_refusal_says_when_the_next_try_is(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    (void)err_set(&e, ERR_REFUSED, "as told");
    budget_charge(&b.state, &b.config, &b.config.certificates[0], NOW, true, &e);
    assert_non_null(strstr(e.text, "as told; not tried again before 2026-11-22T03:01:0"));
    assert_string_equal(state_attempt(&b.state).error, "as told");
    end(&b);
}

static void
a_time_that_only_a_wrong_clock_can_have_written_is_no_obstacle(void **state)
{
    struct bench b;
    struct err e = {0};

    (void)state;
    begin(&b);
    (void)fail_at(&b, NOW + 400 * DAY, true, ERR_REFUSED);
    assert_true(allows(&b, NOW, &e));
    end(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_steps_are_those_of_the_manual_and_end_at_a_day),
        cmocka_unit_test(up_to_a_tenth_comes_on_top_and_never_less_nor_more),
        cmocka_unit_test(the_advice_of_the_server_counts_when_it_is_later),
        cmocka_unit_test(validations_stay_below_five_an_hour),
        cmocka_unit_test(nothing_is_tried_before_its_time_and_the_reason_is_said),
        cmocka_unit_test(success_clears_the_ledger),
        cmocka_unit_test(what_cost_the_issuer_nothing_may_be_tried_at_once),
        cmocka_unit_test(what_is_owed_stays_owed_over_a_failure_of_our_own),
        cmocka_unit_test(changed_settings_skip_the_first_step_and_no_other),
        cmocka_unit_test(changed_settings_do_not_overrule_the_server),
        cmocka_unit_test(another_issuer_begins_anew),
        cmocka_unit_test(a_refusal_says_when_the_next_try_is),
        cmocka_unit_test(a_time_that_only_a_wrong_clock_can_have_written_is_no_obstacle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
