/* test_history.c: what the last runs came to is remembered, counted, and forgotten in time. */
#include "cli/history.h"

#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AT INT64_C(1795316400) /* 2026-11-22T03:00:00Z, by date(1) */

/* A run over two certificates, of which it had to do with the first. */
static struct json_t *
run(struct scratch *s, size_t certificates, enum err_code code, int64_t at_s)
{
    char one[] = "one", two[] = "two", file[] = "metrics";
    struct certificate all[] = {{.name = one}, {.name = two}};
    struct app app = {.config = {.settings = {.state = s->path, .metrics_file = file},
                                 .certificates = all,
                                 .certificate_count = certificates}};
    const struct history_run now = {"renew", at_s, 1500, app_exit_status(code)};
    struct json_t *json = NULL;
    struct err e = {0};

    history_note(&app, "one", code);
    json = history_load(&app, &now);
    json_drop(&app.noted);
    assert_non_null(json);
    if (!history_save(&app, json, &e))
        fail_msg("%s", e.text);
    return json;
}

static void
assert_history(const struct json_t *all, const char *name, struct history wanted)
{
    struct history h = history_of(all, name);

    assert_int_equal(h.run_at_s, wanted.run_at_s);
    assert_int_equal(h.good_at_s, wanted.good_at_s);
    assert_int_equal(h.status, wanted.status);
    assert_int_equal(h.runs, wanted.runs);
    assert_int_equal(h.failures, wanted.failures);
    assert_int_equal(h.in_a_row, wanted.in_a_row);
}

static void
runs_are_counted_from_file_to_file(void **state)
{
    static const struct {
        enum err_code code;
        struct history wanted;
    } rows[] = {
        {ERR_NETWORK, {AT, 0, 75, 1, 1, 1}},
        {ERR_NONE, {AT + 1, AT + 1, 0, 2, 1, 0}},
        {ERR_PUT_BACK, {AT + 2, AT + 1, 80, 3, 2, 1}},
        {ERR_UNPROVED, {AT + 3, AT + 1, 81, 4, 3, 2}},
        {ERR_NONE, {AT + 4, AT + 4, 0, 5, 3, 0}},
    };
    own_scratch struct scratch s = scratch_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_json struct json_t *all = run(&s, 2, rows[i].code, AT + (int64_t)i);
        struct history_run last = {0};
        void *cursor = NULL;

        assert_history(all, "one", rows[i].wanted);
        assert_history(all, "two", (struct history){0});
        assert_true(history_each(all, &cursor, &last));
        assert_string_equal(last.command, "renew");
        assert_int_equal(last.at_s, AT + (int64_t)i);
        assert_int_equal(last.took_ms, 1500);
        assert_int_equal(last.status, rows[i].wanted.status);
        assert_false(history_each(all, &cursor, &last));
    }
}

static void
what_is_configured_no_longer_is_forgotten(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_json struct json_t *before = run(&s, 1, ERR_NETWORK, AT);
    own_json struct json_t *without = run(&s, 0, ERR_NETWORK, AT + 1);
    own_json struct json_t *again = run(&s, 1, ERR_NETWORK, AT + 2);

    (void)state;
    assert_history(before, "one", (struct history){AT, 0, 75, 1, 1, 1});
    assert_history(without, "one", (struct history){0});
    assert_history(again, "one", (struct history){AT + 2, 0, 75, 1, 1, 1});
}

static void
a_damaged_file_is_as_good_as_none(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_json struct json_t *before = run(&s, 1, ERR_NETWORK, AT);
    own_json struct json_t *after = NULL;

    (void)state;
    assert_history(before, "one", (struct history){AT, 0, 75, 1, 1, 1});
    scratch_write(&s, "history.json", "{\"certificates\": ");
    after = run(&s, 1, ERR_NETWORK, AT + 1);
    assert_history(after, "one", (struct history){AT + 1, 0, 75, 1, 1, 1});
}

static void
nothing_is_noted_where_no_metrics_are_wanted(void **state)
{
    struct app app = {0};

    (void)state;
    history_note(&app, "one", ERR_NETWORK);
    assert_null(app.noted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_counted_from_file_to_file),
        cmocka_unit_test(what_is_configured_no_longer_is_forgotten),
        cmocka_unit_test(a_damaged_file_is_as_good_as_none),
        cmocka_unit_test(nothing_is_noted_where_no_metrics_are_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
