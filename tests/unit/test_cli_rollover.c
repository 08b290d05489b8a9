/* test_cli_rollover.c: no step of a rollover is taken without evidence, and one alone by force. */
#include "cli/rollover.h"

#include "base/json.h"
#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* What the evidence says. */
static bool is_trusted;
static int64_t sessions;
static int asked; /* for how many issuers */

static bool
is_kept(const struct app *app)
{
    (void)app;
    return true;
}

static bool
deployed(struct app *app, struct ca *ca, bool *is_deployed, struct str *why, struct err *e)
{
    (void)app;
    (void)ca;
    *is_deployed = is_trusted;
    return is_trusted || str_addf(why, "[target main] trusts both") || err_memory(e);
}

static bool
sessions_of(struct app *app, const X509 *issuer, int64_t *count, struct err *e)
{
    (void)app;
    (void)e;
    assert_non_null(issuer);
    asked++;
    *count = sessions;
    return true;
}

static bool
unreachable(struct app *app, const X509 *issuer, int64_t *count, struct err *e)
{
    (void)app;
    (void)issuer;
    (void)count;
    return err_set(e, ERR_NETWORK, "no answer");
}

static const struct rollover_evidence evidence = {is_kept, deployed, sessions_of};

/* A CA that has issued nothing, and an app that says nothing. */
static void
begin(struct fake_ca *f, struct app *app)
{
    fake_ca_begin(f);
    fake_ca_init(f);
    *app = (struct app){.quiet = true, .clock = &f->clock.base};
    app->config.ca = f->config;
    is_trusted = true;
    sessions = 0;
    asked = 0;
}

static enum ca_rollover_phase
phase(struct fake_ca *f)
{
    struct ca *ca = fake_ca_open(f);
    struct ca_rollover r = ca_rollover_look(ca);

    ca_close(&ca);
    return r.phase;
}

static bool
go(struct app *app, bool force)
{
    const struct rollover_way way = {.force = force, .evidence = &evidence};
    struct err e = {0};

    return rollover_go(app, &way, &e);
}

static void
with_nothing_to_wait_for_it_ends_in_one_call(void **state)
{
    struct fake_ca f;
    struct app app;

    (void)state;
    begin(&f, &app);
    assert_true(go(&app, false));
    assert_int_equal(phase(&f), CA_ROLLOVER_NONE);
    assert_true(scratch_has(&f.scratch, "ca/old/1/root.crt"));
    assert_int_equal(asked, 1);
    fake_ca_end(&f);
}

static void
the_new_cas_do_not_sign_before_they_are_trusted(void **state)
{
    struct fake_ca f;
    struct app app;

    (void)state;
    begin(&f, &app);
    is_trusted = false;
    for (int i = 0; i < 2; i++) {
        assert_true(go(&app, false));
        assert_int_equal(phase(&f), CA_ROLLOVER_TRUSTED);
    }
    assert_int_equal(asked, 0);
    is_trusted = true;
    assert_true(go(&app, false));
    assert_int_equal(phase(&f), CA_ROLLOVER_NONE);
    fake_ca_end(&f);
}

static void
the_old_ones_stay_as_long_as_there_is_a_session(void **state)
{
    static const struct rollover_evidence silent = {is_kept, deployed, unreachable};
    const struct rollover_way way = {.evidence = &silent};
    struct fake_ca f;
    struct app app;
    struct err e = {0};

    (void)state;
    begin(&f, &app);
    sessions = 3;
    assert_true(go(&app, false));
    assert_int_equal(phase(&f), CA_ROLLOVER_SWITCHED);
    assert_false(rollover_go(&app, &way, &e));
    assert_int_equal(e.code, ERR_NETWORK);
    assert_int_equal(phase(&f), CA_ROLLOVER_SWITCHED);
    sessions = 0;
    assert_true(go(&app, false));
    assert_int_equal(phase(&f), CA_ROLLOVER_NONE);
    fake_ca_end(&f);
}

/* That servers know the new CAs is proved all the same. */
static void
force_takes_the_one_step_that_waited(void **state)
{
    static const struct {
        bool is_trusted, force;
        enum ca_rollover_phase phase;
    } calls[] = {
        {false, false, CA_ROLLOVER_TRUSTED},
        {false, true, CA_ROLLOVER_TRUSTED},
        {true, true, CA_ROLLOVER_SWITCHED},
        {true, false, CA_ROLLOVER_SWITCHED}, /* somebody is connected */
        {true, true, CA_ROLLOVER_NONE},
    };
    struct fake_ca f;
    struct app app;

    (void)state;
    begin(&f, &app);
    sessions = 1;
    assert_false(go(&app, true)); /* there is nothing that waits */
    assert_int_equal(phase(&f), CA_ROLLOVER_NONE);
    for (size_t i = 0; i < COUNT(calls); i++) {
        is_trusted = calls[i].is_trusted;
        assert_true(go(&app, calls[i].force));
        assert_int_equal(phase(&f), calls[i].phase);
    }
    fake_ca_end(&f);
}

static void
it_is_told_as_json(void **state)
{
    struct fake_ca f;
    struct app app;
    struct ca *ca = NULL;
    struct json_t *object = json_new_object();
    struct err e = {0};

    (void)state;
    begin(&f, &app);
    is_trusted = false;
    assert_true(go(&app, false));
    ca = fake_ca_open(&f);
    assert_true(rollover_put_json(ca, NULL, object, &e));
    assert_string_equal(json_member_text(json_member(object, "rollover"), "phase"), "trusted");
    assert_int_equal(json_member_int(json_member(object, "rollover"), "generation"), 2);
    ca_close(&ca);
    json_drop(&object);
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_nothing_to_wait_for_it_ends_in_one_call),
        cmocka_unit_test(the_new_cas_do_not_sign_before_they_are_trusted),
        cmocka_unit_test(the_old_ones_stay_as_long_as_there_is_a_session),
        cmocka_unit_test(force_takes_the_one_step_that_waited),
        cmocka_unit_test(it_is_told_as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
