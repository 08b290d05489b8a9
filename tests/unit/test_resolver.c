/* test_resolver.c: resolv.conf(5), and asking any of several servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/resolver.h"

#include "tests/fake/nameserver.h"
#include "tests/fake/scratch.h"

#include <string.h>

static const char loopback[4] = {127, 0, 0, 1};

static void
reads_as(const char *text, size_t count, const char *expected)
{
    struct resolver r = {.count = 0};
    char got[RESOLVER_TEXT];

    resolver_parse(&r, text);
    resolver_text(got, &r);
    assert_int_equal(r.count, count);
    assert_string_equal(got, expected);
}

static void
the_nameserver_lines_are_the_resolvers(void **state)
{
    (void)state;
    reads_as("# c\nnameserver 192.0.2.1\nsearch example.org\nnameserver\t2001:db8::1 \n", 2,
             "192.0.2.1 and 2001:db8::1");
    reads_as("nameserver 192.0.2.1\r\nnameserver 192.0.2.1\noptions timeout:1", 1, "192.0.2.1");
    reads_as("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3", 3,
             "192.0.2.1 and 2 more");
}

static void
without_a_usable_line_it_is_this_host(void **state)
{
    (void)state;
    reads_as("", 1, "127.0.0.1");
    reads_as("nameserver\n", 1, "127.0.0.1");
    reads_as("nameserver ns1.example.org\n", 1, "127.0.0.1");
    reads_as("nameservers 192.0.2.1\n nameserver 192.0.2.1\n;nameserver 192.0.2.1\n", 1,
             "127.0.0.1");
    reads_as("nameserver 192.0.2.1.5\n", 1, "127.0.0.1");
}

static void
more_lines_than_have_room_are_left_out(void **state)
{
    own_str struct str text = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(str_addf(&text, "nameserver 192.0.2.%d\n", i));
    reads_as(text.text, RESOLVER_MAX, "192.0.2.0 and 15 more");
}

static void
a_file_that_is_not_there_stands_for_this_host(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct resolver r = {.count = 0};
    char got[RESOLVER_TEXT];
    struct err e = {0};

    (void)state;
    assert_true(resolver_read(&r, scratch_path(&s, "missing"), &e));
    resolver_text(got, &r);
    assert_string_equal(got, "127.0.0.1");
    r.count = 0;
    scratch_write(&s, "resolv.conf", "nameserver 192.0.2.9\n");
    assert_true(resolver_read(&r, scratch_path(&s, "resolv.conf"), &e));
    resolver_text(got, &r);
    assert_string_equal(got, "192.0.2.9");
}

static void
hosts_and_ports_are_added(void **state)
{
    struct resolver r = {.count = 0};
    char got[RESOLVER_TEXT];
    struct err e = {0};

    (void)state;
    assert_true(resolver_add(&r, "192.0.2.1:5353", &e));
    assert_true(resolver_add(&r, "[2001:db8::1]:54", &e));
    resolver_text(got, &r);
    assert_string_equal(got, "192.0.2.1:5353 and [2001:db8::1]:54");
    assert_false(resolver_add(&r, "192.0.2.1:port", &e));
    assert_int_equal(e.code, ERR_CONFIG);
}

/* ---- asking ---- */

static size_t
right(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    (void)size;
    (void)turn;
    (void)by_tcp;
    return nameserver_add(answer, nameserver_begin(answer, query, 0), 1, "a.test.", 1, "\1\2\3\4",
                          4);
}

static size_t
failing(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    (void)size;
    (void)turn;
    (void)by_tcp;
    return nameserver_begin(answer, query, DNS_RCODE_SERVFAIL);
}

static void
ask(struct resolver_question *q, const struct resolver *at)
{
    struct err e = {0};

    *q = (struct resolver_question){
        .at = at, .name = "a.test.", .type = DNS_TYPE_A, .recurse = true};
    assert_true(
        resolver_ask(q, 1, &clock_system, clock_system.steady_ms(&clock_system) + 5000, &e));
}

static void
the_next_server_is_asked_when_one_fails(void **state)
{
    struct fake_nameserver bad;
    struct fake_nameserver good;
    struct resolver at = {.count = 2};
    struct resolver found = {.count = 0};
    struct resolver_question q;
    char got[RESOLVER_TEXT];

    (void)state;
    nameserver_start(&bad, failing);
    nameserver_start(&good, right);
    assert_true(address_set(&at.servers[0], loopback, 4, bad.port));
    assert_true(address_set(&at.servers[1], loopback, 4, good.port));
    ask(&q, &at);
    assert_true(q.is_answered);
    assert_int_equal(good.seen->last[2] & 1, 1); /* recursion desired */
    resolver_take(&found, &q.answer, DNS_ANSWER, "a.test.");
    resolver_take(&found, &q.answer, DNS_ANSWER, "b.test.");
    resolver_text(got, &found);
    assert_string_equal(got, "1.2.3.4");
    resolver_questions_done(&q, 1);
    nameserver_stop(&bad);
    nameserver_stop(&good);
}

static void
when_all_fail_each_is_told_of(void **state)
{
    struct fake_nameserver bad;
    struct fake_nameserver gone;
    struct resolver at = {.count = 2};
    struct resolver_question q;

    (void)state;
    nameserver_start(&bad, failing);
    nameserver_start(&gone, right);
    nameserver_stop(&gone);
    assert_true(address_set(&at.servers[0], loopback, 4, bad.port));
    assert_true(address_set(&at.servers[1], loopback, 4, gone.port));
    ask(&q, &at);
    assert_false(q.is_answered);
    assert_true(q.has_rcode);
    assert_int_equal(q.answer.rcode, DNS_RCODE_SERVFAIL);
    assert_non_null(strstr(q.trouble, ": SERVFAIL; 127.0.0.1:"));
    assert_non_null(strstr(q.trouble, ": Connection refused"));
    resolver_questions_done(&q, 1);
    nameserver_stop(&bad);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nameserver_lines_are_the_resolvers),
        cmocka_unit_test(without_a_usable_line_it_is_this_host),
        cmocka_unit_test(more_lines_than_have_room_are_left_out),
        cmocka_unit_test(a_file_that_is_not_there_stands_for_this_host),
        cmocka_unit_test(hosts_and_ports_are_added),
        cmocka_unit_test(the_next_server_is_asked_when_one_fails),
        cmocka_unit_test(when_all_fail_each_is_told_of),
    };

    return cmocka_run_group_tests_name("resolver", tests, NULL, NULL);
}
