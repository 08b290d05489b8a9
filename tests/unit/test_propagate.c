/* test_propagate.c: waiting for a record, by the resolvers (their port can be chosen; authoritative
 * servers are asked on port 53 and are for tests/e2e/dns.bats). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/propagate.h"
#include "acme/zone.h"

#include "tests/fake/clock.h"
#include "tests/fake/nameserver.h"

#include <string.h>

static const struct dns_txt records[] = {
    {.fqdn = "_acme-challenge.db.test.", .value = "first"},
    {.fqdn = "_acme-challenge.DB.test.", .value = "second"},
};

/* ---- the resolver: it has the first value, and from question `has_second_at` on the second, but
 * not at `lacks_second_at` ---- */

static int has_second_at;
static int lacks_second_at;

static size_t
serve(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    size_t used = nameserver_begin(answer, query, 0);

    (void)size;
    (void)by_tcp;
    used = nameserver_add_txt(answer, used, "_acme-challenge.db.test.", "other");
    used = nameserver_add_txt(answer, used, "_acme-challenge.db.test.", "first");
    if (turn >= has_second_at && turn != lacks_second_at)
        used = nameserver_add_txt(answer, used, "_acme-challenge.db.test.", "second");
    return used;
}

/* The values behind two CNAMEs in the same answer, and a false one beside them. */
static size_t
serve_cname(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    size_t used = nameserver_begin(answer, query, 0);

    (void)size;
    (void)turn;
    (void)by_tcp;
    used = nameserver_add(answer, used, 1, "_acme-challenge.db.test.", 5, "\1a\4test\0", 8);
    used = nameserver_add(answer, used, 1, "a.test.", 5, "\1b\4test\0", 8);
    used = nameserver_add_txt(answer, used, "b.test.", "first");
    return nameserver_add_txt(answer, used, has_second_at > 0 ? "a.test." : "b.test.", "second");
}

static size_t
serve_nothing(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    (void)size;
    (void)turn;
    (void)by_tcp;
    return nameserver_begin(answer, query, DNS_RCODE_NXDOMAIN);
}

/* ---- */

struct listener {
    struct progress base;
    char line[256];
};

static void
listen_to(struct progress *p, const char *line)
{
    struct listener *l = (struct listener *)p;

    (void)strncpy(l->line, line, sizeof(l->line) - 1);
}

/* Waits at one or two resolvers; gives the error. `asked`: how many questions the first one got;
 * -1: does not matter. */
static struct err
play(nameserver_script *first, nameserver_script *second, int64_t timeout_s, int asked,
     struct progress *progress)
{
    struct fake_nameserver servers[2];
    struct dns_config config = {.propagation = DNS_RECURSIVE, .timeout_s = timeout_s};
    char name[] = "t";
    struct dns d = {.name = name, .config = config, .clock = &clock_system};
    struct err e = {0};
    bool is_seen = false;

    nameserver_start(&servers[0], first);
    nameserver_start(&servers[1], second != NULL ? second : first);
    for (int i = 0; i < (second != NULL ? 2 : 1); i++) {
        own_mem char *endpoint = str_format("127.0.0.1:%d", servers[i].port);

        assert_true(list_add(&d.config.resolvers, endpoint));
    }
    is_seen = propagate_wait(&d, records, COUNT(records), progress, &e);
    assert_int_equal(is_seen, e.code == ERR_NONE);
    if (asked >= 0)
        assert_int_equal(servers[0].seen->udp, asked);
    assert_int_equal(servers[0].seen->last[2] & 1, 1); /* recursion desired */
    list_done(&d.config.resolvers);
    zone_free(d.zones);
    nameserver_stop(&servers[0]);
    nameserver_stop(&servers[1]);
    return e;
}

static void
one_question_finds_all_values_of_a_name(void **state)
{
    struct err e;

    (void)state;
    has_second_at = 0;
    e = play(serve, NULL, 10, 1, NULL);
    assert_int_equal(e.code, ERR_NONE);
}

static void
it_asks_again_until_the_last_value_is_there(void **state)
{
    struct err e;

    (void)state;
    has_second_at = 3;
    e = play(serve, NULL, 10, 3 + 2, NULL); /* three times in a row */
    assert_int_equal(e.code, ERR_NONE);
}

/* As when several machines answer at one address, and one of them is late. */
static void
an_answer_that_comes_and_goes_must_stay(void **state)
{
    struct err e;

    (void)state;
    has_second_at = 2;
    lacks_second_at = 4;
    e = play(serve, NULL, 10, 4 + 3, NULL);
    assert_int_equal(e.code, ERR_NONE);
    lacks_second_at = 0;
}

static size_t
serve_by_turns(unsigned char *answer, const unsigned char *query, size_t size, int turn,
               bool by_tcp)
{
    has_second_at = turn % 2 == 0 ? turn : turn + 1;
    return serve(answer, query, size, turn, by_tcp);
}

static void
one_that_never_stays_is_told(void **state)
{
    struct err e;

    (void)state;
    e = play(serve_by_turns, NULL, 1, -1, NULL);
    assert_int_equal(e.code, ERR_TIMEOUT);
    if (strstr(e.text, ": has 1 of 2 values") == NULL &&
        strstr(e.text, ": has it now, and a moment ago had not") == NULL)
        fail_msg("%s", e.text);
}

static void
every_resolver_must_have_it(void **state)
{
    struct err e;

    (void)state;
    has_second_at = 0;
    e = play(serve, serve_nothing, 1, 1, NULL);
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_non_null(
        strstr(e.text, "'_acme-challenge.db.test.' is not seen everywhere after 1 s: "));
    assert_non_null(strstr(e.text, ": answers NXDOMAIN"));
    assert_null(strstr(e.text, ";"));
}

static void
what_is_there_instead_is_told(void **state)
{
    struct listener l = {.base = {listen_to}, .line = ""};
    struct err e;

    (void)state;
    has_second_at = 1000;
    e = play(serve, NULL, 1, -1, &l.base);
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_non_null(strstr(e.text, ": has 1 of 2 values"));
    assert_non_null(strstr(l.line, "waiting for 127.0.0.1:"));
    assert_non_null(strstr(l.line, " to answer with the record"));
}

static void
cnames_are_followed_within_the_answer(void **state)
{
    struct err e;

    (void)state;
    has_second_at = 0;
    e = play(serve_cname, NULL, 10, 1, NULL);
    assert_int_equal(e.code, ERR_NONE);
    has_second_at = 1; /* the value stands at a name on the way, not at the end */
    e = play(serve_cname, NULL, 1, -1, NULL);
    assert_int_equal(e.code, ERR_TIMEOUT);
}

static void
a_fixed_wait_only_sleeps(void **state)
{
    struct fake_clock clock = fake_clock_at(1700000000);
    struct dns_config config = {.propagation = DNS_WAIT, .wait_s = 30};
    struct dns d = {.config = config, .clock = &clock.base};
    struct listener l = {.base = {listen_to}, .line = ""};
    struct err e = {0};

    (void)state;
    assert_true(propagate_wait(&d, records, COUNT(records), &l.base, &e));
    assert_int_equal(clock.slept_ms, 30000);
    assert_string_equal(l.line, "waiting 30 s for the records to spread");
}

static void
no_record_is_no_wait(void **state)
{
    struct dns d = {.config = {.propagation = DNS_AUTHORITATIVE}, .clock = &clock_system};
    struct err e = {0};

    (void)state;
    assert_true(propagate_wait(&d, records, 0, NULL, &e));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_question_finds_all_values_of_a_name),
        cmocka_unit_test(it_asks_again_until_the_last_value_is_there),
        cmocka_unit_test(an_answer_that_comes_and_goes_must_stay),
        cmocka_unit_test(one_that_never_stays_is_told),
        cmocka_unit_test(every_resolver_must_have_it),
        cmocka_unit_test(what_is_there_instead_is_told),
        cmocka_unit_test(cnames_are_followed_within_the_answer),
        cmocka_unit_test(a_fixed_wait_only_sleeps),
        cmocka_unit_test(no_record_is_no_wait),
    };

    return cmocka_run_group_tests_name("propagate", tests, NULL, NULL);
}
