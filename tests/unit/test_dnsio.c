/* test_dnsio.c: what RFC 1035 sections 4.2.1 and 4.2.2 and RFC 5452 want of one who asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/dnsio.h"

#include "tests/fake/nameserver.h"

#include <errno.h>
#include <string.h>

static const char loopback[4] = {127, 0, 0, 1};

static size_t
right(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    (void)size;
    (void)turn;
    (void)by_tcp;
    return nameserver_add_txt(answer, nameserver_begin(answer, query, 0), "a.test.", "right");
}

static size_t
refusing(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    (void)size;
    (void)turn;
    (void)by_tcp;
    return nameserver_begin(answer, query, DNS_RCODE_REFUSED);
}

static size_t
silent(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    (void)answer;
    (void)query;
    (void)size;
    (void)turn;
    (void)by_tcp;
    return 0;
}

/* The first datagram is lost. */
static size_t
lossy(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    return turn == 1 ? 0 : right(answer, query, size, turn, by_tcp);
}

/* Another's id at first; the repetition is answered rightly. */
static size_t
forged(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    size_t used = right(answer, query, size, turn, by_tcp);

    if (turn == 1)
        answer[1] ^= 1;
    return used;
}

/* An answer which breaks off, at first. */
static size_t
damaged(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    size_t used = right(answer, query, size, turn, by_tcp);

    return turn == 1 ? used - 3 : used;
}

static size_t
truncating(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    size_t used = 0;

    if (by_tcp)
        return right(answer, query, size, turn, by_tcp);
    used = nameserver_begin(answer, query, 0);
    answer[2] |= 0x02;
    return used;
}

static size_t
foreign_by_tcp(unsigned char *answer, const unsigned char *query, size_t size, int turn,
               bool by_tcp)
{
    size_t used = truncating(answer, query, size, turn, by_tcp);

    if (by_tcp)
        answer[0] ^= 1;
    return used;
}

static void
a_task(struct dnsio_task *t, int port)
{
    struct err e = {0};

    *t = (struct dnsio_task){.delay_ms = 0};
    assert_true(address_set(&t->server, loopback, sizeof(loopback), port));
    assert_true(dns_query(&t->query, "a.test.", DNS_TYPE_TXT, false, &e));
}

static struct dnsio_plan
a_plan(int64_t patience_ms)
{
    return (struct dnsio_plan){
        .clock = &clock_system,
        .deadline_ms = clock_system.steady_ms(&clock_system) + 10000,
        .patience_ms = patience_ms,
    };
}

/* Asks one server and says what became of it, and how often it was asked. */
static enum dnsio_outcome
play(nameserver_script *script, int udp, int tcp)
{
    struct fake_nameserver n;
    struct dnsio_task t;
    struct dnsio_plan plan = a_plan(3000);
    struct err e = {0};
    enum dnsio_outcome outcome = DNSIO_PENDING;

    nameserver_start(&n, script);
    a_task(&t, n.port);
    assert_true(dnsio_run(&t, 1, &plan, &e));
    outcome = t.outcome;
    if (outcome == DNSIO_ANSWERED) {
        assert_int_equal(t.answer.count, 1);
        assert_string_equal(t.answer.records[0].data, "right");
    }
    assert_int_equal(n.seen->udp, udp);
    assert_int_equal(n.seen->tcp, tcp);
    dnsio_task_done(&t);
    nameserver_stop(&n);
    return outcome;
}

static void
a_question_is_asked_by_udp(void **state)
{
    (void)state;
    assert_int_equal(play(right, 1, 0), DNSIO_ANSWERED);
}

static void
a_lost_datagram_is_sent_again(void **state)
{
    (void)state;
    assert_int_equal(play(lossy, 2, 0), DNSIO_ANSWERED);
}

static void
an_answer_with_another_id_is_passed_over(void **state)
{
    (void)state;
    assert_int_equal(play(forged, 2, 0), DNSIO_ANSWERED);
}

static void
a_damaged_answer_is_passed_over(void **state)
{
    (void)state;
    assert_int_equal(play(damaged, 2, 0), DNSIO_ANSWERED);
}

static void
a_truncated_answer_is_fetched_by_tcp(void **state)
{
    (void)state;
    assert_int_equal(play(truncating, 1, 1), DNSIO_ANSWERED);
}

static void
a_foreign_answer_by_tcp_is_no_answer(void **state)
{
    (void)state;
    assert_int_equal(play(foreign_by_tcp, 1, 1), DNSIO_BROKEN);
}

static void
a_server_without_udp_is_asked_by_tcp(void **state)
{
    (void)state;
    assert_int_equal(play(silent, 3, 1), DNSIO_BROKEN); /* it hangs up on TCP */
}

static void
a_large_query_goes_by_tcp_at_once(void **state)
{
    struct dns_change changes[16];
    struct fake_nameserver n;
    struct dnsio_task t;
    struct dnsio_plan plan = a_plan(3000);
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++)
        changes[i] = (struct dns_change){.name = "a.test.", .value = "a value of some length here"};
    nameserver_start(&n, refusing);
    a_task(&t, n.port);
    str_clear(&t.query);
    assert_true(dns_update(&t.query, "test.", changes, COUNT(changes), &e));
    assert_true(t.query.size > DNS_UDP_MAX);
    assert_true(dnsio_run(&t, 1, &plan, &e));
    assert_int_equal(t.outcome, DNSIO_ANSWERED);
    assert_int_equal(n.seen->udp, 0);
    assert_int_equal(n.seen->tcp, 1);
    assert_int_equal(n.seen->last_size, t.query.size);
    dnsio_task_done(&t);
    nameserver_stop(&n);
}

static void
a_closed_port_is_known_at_once(void **state)
{
    struct fake_nameserver n;
    struct dnsio_task t;
    struct dnsio_plan plan = a_plan(3000);
    int64_t begun_ms = clock_system.steady_ms(&clock_system);
    struct err e = {0};

    (void)state;
    nameserver_start(&n, right);
    nameserver_stop(&n);
    a_task(&t, n.port);
    assert_true(dnsio_run(&t, 1, &plan, &e));
    assert_int_equal(t.outcome, DNSIO_UNREACHABLE);
    assert_int_equal(t.errno_kept, ECONNREFUSED);
    assert_string_equal(dnsio_outcome_text(&t), "Connection refused");
    assert_true(clock_system.steady_ms(&clock_system) - begun_ms < 1000);
    dnsio_task_done(&t);
}

/* Listens to UDP and never answers; TCP is closed. */
static void
silence_ends_with_patience(void **state)
{
    struct fake_nameserver n;
    struct dnsio_task t;
    struct dnsio_plan plan = a_plan(300);
    struct err e = {0};

    (void)state;
    nameserver_start(&n, silent);
    a_task(&t, n.port);
    assert_true(dnsio_run(&t, 1, &plan, &e));
    assert_int_equal(t.outcome, DNSIO_SILENT);
    assert_string_equal(dnsio_outcome_text(&t), "no answer");
    dnsio_task_done(&t);
    nameserver_stop(&n);
}

static void
the_deadline_ends_everything(void **state)
{
    struct fake_nameserver n;
    struct dnsio_task t;
    struct dnsio_plan plan = a_plan(60000);
    struct err e = {0};

    (void)state;
    nameserver_start(&n, silent);
    a_task(&t, n.port);
    plan.deadline_ms = clock_system.steady_ms(&clock_system) + 50;
    assert_true(dnsio_run(&t, 1, &plan, &e));
    assert_int_equal(t.outcome, DNSIO_SILENT);
    dnsio_task_done(&t);
    nameserver_stop(&n);
}

/* ---- many at once ---- */

static void
more_tasks_than_fly_at_once_are_all_answered(void **state)
{
    static struct dnsio_task tasks[3 * DNSIO_FLIGHTS_MAX];
    struct fake_nameserver n;
    struct dnsio_plan plan = a_plan(5000);
    struct err e = {0};

    (void)state;
    nameserver_start(&n, right);
    for (size_t i = 0; i < COUNT(tasks); i++)
        a_task(&tasks[i], n.port);
    assert_true(dnsio_run(tasks, COUNT(tasks), &plan, &e));
    for (size_t i = 0; i < COUNT(tasks); i++) {
        assert_int_equal(tasks[i].outcome, DNSIO_ANSWERED);
        dnsio_task_done(&tasks[i]);
    }
    nameserver_stop(&n);
}

static void
one_that_stands_instead_of_another_is_asked_when_that_fails(void **state)
{
    struct fake_nameserver bad;
    struct fake_nameserver good;
    struct dnsio_task tasks[2];
    struct dnsio_plan plan = a_plan(3000);
    int64_t begun_ms = clock_system.steady_ms(&clock_system);
    struct err e = {0};

    (void)state;
    nameserver_start(&bad, refusing);
    nameserver_start(&good, right);
    a_task(&tasks[0], bad.port);
    a_task(&tasks[1], good.port);
    tasks[1].delay_ms = 5000;
    tasks[1].instead_of = &tasks[0];
    assert_true(dnsio_run(tasks, 2, &plan, &e));
    assert_int_equal(tasks[0].answer.rcode, DNS_RCODE_REFUSED);
    assert_int_equal(tasks[1].outcome, DNSIO_ANSWERED);
    assert_true(clock_system.steady_ms(&clock_system) - begun_ms < 4000);
    for (size_t i = 0; i < COUNT(tasks); i++)
        dnsio_task_done(&tasks[i]);
    nameserver_stop(&bad);
    nameserver_stop(&good);
}

/* ---- a listener ---- */

struct listener {
    int heard;
    int wanted;
    uint16_t ids[8];
};

static int64_t
ask_again(void *context, struct dnsio_task *task)
{
    struct listener *l = context;

    memcpy(&l->ids[l->heard], task->query.text, 2);
    return ++l->heard == l->wanted ? DNSIO_DONE : 1;
}

static int64_t
ignore_first(void *context, struct dnsio_task *task)
{
    struct listener *l = context;

    (void)task;
    return l->heard++ == 0 ? DNSIO_IGNORE : DNSIO_DONE;
}

static bool
is_enough(void *context)
{
    const struct listener *l = context;

    return l->heard == l->wanted;
}

static void
listen_to(struct listener *l, int64_t (*heard)(void *, struct dnsio_task *), bool (*enough)(void *),
          nameserver_script *script, int asked)
{
    struct fake_nameserver n;
    struct dnsio_task t;
    struct dnsio_plan plan = a_plan(3000);
    struct err e = {0};

    plan.heard = heard;
    plan.enough = enough;
    plan.context = l;
    nameserver_start(&n, script);
    a_task(&t, n.port);
    assert_true(dnsio_run(&t, 1, &plan, &e));
    assert_int_equal(t.outcome, DNSIO_ANSWERED);
    assert_int_equal(n.seen->udp, asked);
    dnsio_task_done(&t);
    nameserver_stop(&n);
}

static void
a_listener_has_it_asked_again_under_new_ids(void **state)
{
    struct listener l = {.wanted = 4};

    (void)state;
    listen_to(&l, ask_again, NULL, right, 4);
    assert_true(l.ids[0] != l.ids[1] || l.ids[1] != l.ids[2] || l.ids[2] != l.ids[3]);
}

static void
what_a_listener_ignores_is_as_if_lost(void **state)
{
    struct listener l = {.heard = 0};

    (void)state;
    listen_to(&l, ignore_first, NULL, right, 2);
}

static void
when_it_is_enough_nothing_more_is_asked(void **state)
{
    struct listener l = {.wanted = 3};

    (void)state;
    listen_to(&l, ask_again, is_enough, right, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_asked_by_udp),
        cmocka_unit_test(a_lost_datagram_is_sent_again),
        cmocka_unit_test(an_answer_with_another_id_is_passed_over),
        cmocka_unit_test(a_damaged_answer_is_passed_over),
        cmocka_unit_test(a_truncated_answer_is_fetched_by_tcp),
        cmocka_unit_test(a_foreign_answer_by_tcp_is_no_answer),
        cmocka_unit_test(a_server_without_udp_is_asked_by_tcp),
        cmocka_unit_test(a_large_query_goes_by_tcp_at_once),
        cmocka_unit_test(a_closed_port_is_known_at_once),
        cmocka_unit_test(silence_ends_with_patience),
        cmocka_unit_test(the_deadline_ends_everything),
        cmocka_unit_test(more_tasks_than_fly_at_once_are_all_answered),
        cmocka_unit_test(one_that_stands_instead_of_another_is_asked_when_that_fails),
        cmocka_unit_test(a_listener_has_it_asked_again_under_new_ids),
        cmocka_unit_test(what_a_listener_ignores_is_as_if_lost),
        cmocka_unit_test(when_it_is_enough_nothing_more_is_asked),
    };

    return cmocka_run_group_tests_name("dnsio", tests, NULL, NULL);
}
