/* test_alias.c: do CNAMEs lead to the alias, as the resolvers see them? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/alias.h"
#include "acme/zone.h"

#include "tests/fake/nameserver.h"

#include <stdio.h>
#include <string.h>

#define ALIAS "all.acme.test."

/* ---- the resolver: a.test leads to the alias, b.test by way of a.test, the names c*.test each to
 * another one of them for ever, d.test elsewhere; it refuses to say anything of e.test ---- */

static size_t
serve(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    size_t used = nameserver_begin(answer, query, query[13] == 'e' ? DNS_RCODE_REFUSED : 0);
    char next[32];

    (void)size;
    (void)turn;
    (void)by_tcp;
    if (query[13] == 'a' && query[12] == 1)
        return nameserver_add(answer, used, 1, "a.test.", 5, "\3all\4acme\4test\0", 15);
    if (query[13] == 'b')
        return nameserver_add(answer, used, 1, "b.test.", 5, "\1a\4test\0", 8);
    if (query[13] == 'd')
        return nameserver_add(answer, used, 1, "d.test.", 5, "\1x\4test\0", 8);
    if (query[13] == 'c') {
        char owner[16];

        (void)snprintf(owner, sizeof(owner), "c%c.test.", query[14]);
        (void)snprintf(next, sizeof(next), "\2c%c\4test", query[14] == '9' ? '0' : query[14] + 1);
        return nameserver_add(answer, used, 1, owner, 5, next, 9);
    }
    return used;
}

/* Applies the alias to those records (NULL-ended); gives the error. `asked`: so many questions. */
static struct err
play(const char *const *names, const char *alias, enum dns_propagation propagation, int asked)
{
    struct fake_nameserver server;
    char name[] = "t";
    char place[DNS_NAME_SIZE] = "";
    struct dns d = {.name = name, .clock = &clock_system};
    own_records struct records all = {0};
    own_mem char *endpoint = NULL;
    struct err e = {0};
    size_t count = 0;
    bool good = false;

    nameserver_start(&server, serve);
    endpoint = str_format("127.0.0.1:%d", server.port);
    assert_true(list_add(&d.config.resolvers, endpoint));
    d.config.propagation = (int)propagation;
    d.config.timeout_s = 5;
    if (alias != NULL)
        assert_true(dns_name_copy(place, alias));
    d.config.alias = alias == NULL ? NULL : place;
    for (; names[count] != NULL; count++)
        assert_true(records_add(&all, names[count], count % 2 == 0 ? "even" : "odd"));
    good = alias_apply(&d, &all, &e);
    assert_int_equal(good, e.code == ERR_NONE);
    assert_int_equal(all.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(all.items[i].fqdn, good && alias != NULL ? place : names[i]);
    assert_int_equal(server.seen->udp, asked);
    list_done(&d.config.resolvers);
    zone_free(d.zones);
    nameserver_stop(&server);
    return e;
}

static void
refused(const char *const *names, enum err_code code, const char *words, int asked)
{
    struct err e = play(names, ALIAS, DNS_AUTHORITATIVE, asked);

    assert_int_equal(e.code, code);
    if (strstr(e.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, words);
}

static void
records_go_to_the_alias_that_is_led_to(void **state)
{
    /* a name and its wildcard, one more by way of it, and the alias itself: a, b, then a again */
    static const char *const names[] = {"a.test.", "a.test.", "b.test.", ALIAS, NULL};
    struct err e;

    (void)state;
    e = play(names, ALIAS, DNS_AUTHORITATIVE, 3);
    assert_int_equal(e.code, ERR_NONE);
    e = play(names, "ALL.acme.test", DNS_RECURSIVE, 3);
    assert_int_equal(e.code, ERR_NONE);
}

static void
without_an_alias_nothing_is_done(void **state)
{
    static const char *const names[] = {"a.test.", "f.test.", NULL};
    struct err e;

    (void)state;
    e = play(names, NULL, DNS_AUTHORITATIVE, 0);
    assert_int_equal(e.code, ERR_NONE);
}

static void
who_only_waits_asks_nobody(void **state)
{
    static const char *const names[] = {"f.test.", NULL};
    struct err e;

    (void)state;
    e = play(names, ALIAS, DNS_WAIT, 0);
    assert_int_equal(e.code, ERR_NONE);
}

static void
the_record_that_is_missing_is_told(void **state)
{
    static const char *const none[] = {"a.test.", "f.test.", NULL};
    static const char *const other[] = {"d.test.", NULL};
    static const char *const circle[] = {"c0.test.", NULL};
    static const char *const many[] = {"f.test.", "g.test.", "h.test.", "i.test.",
                                       "j.test.", "k.test.", NULL};

    (void)state;
    refused(none, ERR_CONFIG, "there is no record 'f.test. CNAME " ALIAS "'; add it", 2);
    refused(other, ERR_CONFIG, "'d.test. CNAME " ALIAS "' (it leads to 'x.test.')", 2);
    refused(circle, ERR_CONFIG, "'c0.test. CNAME " ALIAS "' (it leads to 'c8.test.')", 8);
    refused(many, ERR_CONFIG, "'i.test. CNAME " ALIAS "' and 2 more; add", 6);
}

static void
resolvers_that_do_not_tell_are_a_failure(void **state)
{
    static const char *const names[] = {"a.test.", "e.test.", NULL};

    (void)state;
    refused(names, ERR_NETWORK, "whether 'e.test.' leads to the alias '" ALIAS "' cannot", 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_go_to_the_alias_that_is_led_to),
        cmocka_unit_test(without_an_alias_nothing_is_done),
        cmocka_unit_test(who_only_waits_asks_nobody),
        cmocka_unit_test(the_record_that_is_missing_is_told),
        cmocka_unit_test(resolvers_that_do_not_tell_are_a_failure),
    };

    return cmocka_run_group_tests_name("alias", tests, NULL, NULL);
}
