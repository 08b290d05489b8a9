/* test_publish.c: the records of several orders in few calls, and each failure where it belongs. */
#include "acme/publish.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A provider that takes its time, refuses some names, and remembers what it was told. */
static struct bench {
    struct dns dns;
    struct str said; /* "+a,b " was published, "-a " removed, in order */
    enum err_code code;
    int64_t slow_ms;
} bench;

static bool
note(const char *sign, const struct dns_txt *records, size_t count, struct err *e)
{
    bool good = str_addf(&bench.said, "%s", sign);

    for (size_t i = 0; i < count; i++)
        good = good && str_addf(&bench.said, "%s%s", i > 0 ? "," : "", records[i].fqdn);
    assert_true(good && str_addf(&bench.said, " "));
    clock_system.sleep_ms(&clock_system, bench.slow_ms);
    for (size_t i = 0; i < count; i++)
        if (records[i].value[0] == '!')
            return err_set(e, bench.code, "refused: %s", records[i].fqdn);
    return true;
}

static bool
put(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    assert_ptr_equal(d, &bench.dns);
    return note("+", records, count, e);
}

static bool
take(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    assert_ptr_equal(d, &bench.dns);
    return note("-", records, count, e);
}

static const struct dns_provider slow = {.name = "slow", .publish = put, .remove = take};

/* One order: when it comes, what it has, and how it ended. */
struct order {
    int64_t at_ms;
    const char *fqdn; /* NULL: nothing after all */
    const char *value;
    bool published, removed;
    struct err e;
};

static void
run_order(void *argument)
{
    struct order *o = argument;
    const struct dns_txt record = {.fqdn = o->fqdn, .value = o->value};
    struct err ignored = {0};

    publish_expect(&bench.dns);
    clock_system.sleep_ms(&clock_system, 1 + o->at_ms); /* all have begun then */
    publish_forgo(&bench.dns);
    if (o->fqdn == NULL)
        return;
    o->published = publish_records(&bench.dns, &record, 1, &o->e);
    clock_system.sleep_ms(&clock_system, 1);
    o->removed = publish_remove(&bench.dns, &record, 1, &ignored);
}

static void
run(struct order *orders, size_t count, enum err_code code, int64_t slow_ms, const char *said)
{
    struct fiber_task tasks[8];
    struct err e = {0};

    bench = (struct bench){.code = code, .slow_ms = slow_ms};
    bench.dns = (struct dns){.name = (char[]){"slow"}, .provider = &slow, .clock = &clock_system};
    for (size_t i = 0; i < count; i++)
        tasks[i] = (struct fiber_task){"order", &orders[i]};
    assert_true(fiber_run(run_order, tasks, count, &e));
    assert_string_equal(bench.said.text, said);
    str_done(&bench.said);
}

static void
one_order_waits_for_nobody(void **state)
{
    struct order orders[] = {{0, "a", "v", .published = false}};

    (void)state;
    run(orders, 1, ERR_NONE, 0, "+a -a ");
    assert_true(orders[0].published && orders[0].removed);
}

static void
those_that_are_expected_go_together(void **state)
{
    struct order orders[] = {{0, "a", "v", .published = false},
                             {30, "b", "v", .published = false},
                             {10, NULL, NULL, .published = false},
                             {20, "c", "v", .published = false}};

    (void)state;
    run(orders, 4, ERR_NONE, 0, "+a,c,b -a,b,c ");
}

static void
who_comes_late_is_not_waited_for(void **state)
{
    struct order orders[] = {{0, "a", "v", .published = false},
                             {5, "b", "v", .published = false},
                             {500, "c", "v", .published = false}};

    (void)state;
    run(orders, 3, ERR_NONE, 0, "+a,b -a,b +c -c ");
}

static void
what_comes_during_a_call_goes_in_the_next(void **state)
{
    struct order orders[] = {{0, "a", "v", .published = false},
                             {350, "b", "v", .published = false},
                             {360, "c", "v", .published = false}};

    (void)state;
    /* when a may be removed, b and c are under way */
    run(orders, 3, ERR_NONE, 100, "+a +b,c -a,b,c ");
}

static void
only_those_fail_whose_records_are_refused(void **state)
{
    struct order orders[] = {{0, "a", "v", .published = false},
                             {0, "b", "!", .published = false},
                             {0, "c", "v", .published = false}};

    (void)state;
    run(orders, 3, ERR_PERMISSION, 0, "+a,b,c +a +b +c -a,b,c -a -b -c ");
    assert_true(orders[0].published && orders[2].published);
    assert_false(orders[1].published);
    assert_int_equal(orders[1].e.code, ERR_PERMISSION);
    assert_string_equal(orders[1].e.text, "refused: b");
}

static void
only_those_fail_that_cannot_be_published_now(void **state)
{
    struct order orders[] = {{0, "a", "v", .published = false},
                             {0, "b", "!", .published = false},
                             {0, "c", "v", .published = false}};

    (void)state;
    run(orders, 3, ERR_NETWORK, 0, "+a,b,c +a +b +c -a,b,c -a -b -c ");
    assert_true(orders[0].published && orders[2].published);
    assert_int_equal(orders[1].e.code, ERR_NETWORK);
}

static void
a_server_that_is_away_is_not_asked_for_each(void **state)
{
    struct order orders[] = {{0, "a", "!", .published = false},
                             {0, "b", "!", .published = false},
                             {0, "c", "!", .published = false},
                             {0, "d", "!", .published = false},
                             {0, "e", "!", .published = false}};

    (void)state;
    run(orders, 5, ERR_TIMEOUT, 0, "+a,b,c,d,e +a +b +c -a,b,c,d,e -a -b -c ");
    for (size_t i = 0; i < COUNT(orders); i++)
        assert_int_equal(orders[i].e.code, ERR_TIMEOUT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_order_waits_for_nobody),
        cmocka_unit_test(those_that_are_expected_go_together),
        cmocka_unit_test(who_comes_late_is_not_waited_for),
        cmocka_unit_test(what_comes_during_a_call_goes_in_the_next),
        cmocka_unit_test(only_those_fail_whose_records_are_refused),
        cmocka_unit_test(only_those_fail_that_cannot_be_published_now),
        cmocka_unit_test(a_server_that_is_away_is_not_asked_for_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
