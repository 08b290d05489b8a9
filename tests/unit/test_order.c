/* test_order.c: a server which answers with a written list of statuses (RFC 8555 section 7.1.6). */
#include "acme/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the server will say, and what it was asked: a answer, p poll, f finalize, d download, r
 * refuse. */
struct script {
    const char *next; /* statuses: p pending, r ready, o processing, v valid, i invalid */
    char asked[2048];
    size_t count;
    char fails; /* this port fails */
};

static enum order_status
status_of(char c)
{
    static const char letters[] = "provi";

    return (enum order_status)(strchr(letters, c) - letters);
}

/* The last status stays. */
static bool
turn(struct order *o, void *self, char letter, struct err *e)
{
    struct script *s = self;

    assert_true(s->count < sizeof(s->asked) - 1);
    s->asked[s->count++] = letter;
    if (s->fails == letter)
        return err_set(e, ERR_NETWORK, "no connection");
    if (letter == 'p' || letter == 'f') {
        o->status = status_of(*s->next);
        if (s->next[1] != '\0')
            s->next++;
    }
    return true;
}

static bool
answer(struct order *o, void *self, struct err *e)
{
    return turn(o, self, 'a', e);
}

static bool
poll_order(struct order *o, void *self, struct err *e)
{
    return turn(o, self, 'p', e);
}

static bool
finalize(struct order *o, void *self, struct err *e)
{
    return turn(o, self, 'f', e);
}

static bool
download(struct order *o, void *self, struct err *e)
{
    return turn(o, self, 'd', e) && (str_addf(&o->chain_pem, "chain") || err_memory(e));
}

static bool
refuse(struct order *o, void *self, struct err *e)
{
    return turn(o, self, 'r', e) && err_set(e, ERR_REFUSED, "caa");
}

static struct err
play(struct script *s, const char *statuses)
{
    struct order_ports ports = {s, answer, poll_order, finalize, download, refuse};
    struct order o = {.status = status_of(statuses[0])};
    struct err e = {0};
    bool good = false;

    o.url = strdup("https://ca.test/order/1");
    o.certificate = strdup("https://ca.test/cert/1");
    s->next = statuses[1] == '\0' ? statuses : statuses + 1;
    good = order_run(&o, &ports, &e);
    assert_int_equal(good, e.code == ERR_NONE);
    assert_int_equal(good, o.chain_pem.size > 0);
    order_done(&o);
    return e;
}

static void
every_way_through_the_states_is_gone(void **state)
{
    /* clang-format off */
    static const struct {
        const char *statuses, *asked;
        enum err_code code;
    } rows[] = {
        {"prov",    "apfpd",   ERR_NONE},    /* the whole way */
        {"prv",     "apfd",    ERR_NONE},    /* signed at once */
        {"ppprov",  "apppfpd", ERR_NONE},    /* answered once, then asked again */
        {"rrrv",    "fppd",    ERR_NONE},    /* finalized once, still ready for a moment */
        {"roov",    "fppd",    ERR_NONE},
        {"rv",      "fd",      ERR_NONE},    /* all authorizations were valid */
        {"ov",      "pd",      ERR_NONE},    /* resumed after finalize */
        {"v",       "d",       ERR_NONE},    /* resumed before the download */
        {"pi",      "apr",     ERR_REFUSED},
        {"ri",      "fr",      ERR_REFUSED},
        {"oi",      "pr",      ERR_REFUSED},
        {"i",       "r",       ERR_REFUSED},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct script s = {0};
        struct err e = play(&s, rows[i].statuses);

        if (strcmp(s.asked, rows[i].asked) != 0 || e.code != rows[i].code)
            fail_msg("%s: asked %s, code %d", rows[i].statuses, s.asked, (int)e.code);
    }
}

static void
a_failing_port_ends_the_run_with_order_and_state(void **state)
{
    /* clang-format off */
    static const struct {
        const char *statuses;
        char fails;
        const char *text;
    } rows[] = {
        {"p",   'a', "order https://ca.test/order/1 (pending): no connection"},
        {"pp",  'p', "order https://ca.test/order/1 (pending): no connection"},
        {"r",   'f', "order https://ca.test/order/1 (ready): no connection"},
        {"o",   'p', "order https://ca.test/order/1 (processing): no connection"},
        {"v",   'd', "order https://ca.test/order/1 (valid): no connection"},
        {"i",   'r', "order https://ca.test/order/1 (invalid): no connection"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct script s = {.fails = rows[i].fails};
        struct err e = play(&s, rows[i].statuses);

        assert_int_equal(e.code, ERR_NETWORK);
        assert_string_equal(e.text, rows[i].text);
    }
}

static void
an_order_that_never_moves_ends_some_time(void **state)
{
    struct script s = {0};
    struct err e = play(&s, "oo");

    (void)state;
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_string_equal(e.text, "order https://ca.test/order/1 is still processing");
    assert_int_equal(s.count, 1000);
}

static void
a_valid_order_without_certificate_breaks_the_protocol(void **state)
{
    struct script s = {.next = "v"};
    struct order_ports ports = {&s, answer, poll_order, finalize, download, refuse};
    struct order o = {.status = ORDER_VALID};
    struct err e = {0};

    (void)state;
    o.url = strdup("u");
    assert_false(order_run(&o, &ports, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    assert_int_equal(s.count, 0);
    order_done(&o);
}

/* ---- reading ---- */

static bool
fill(struct order *o, const char *text, struct err *e)
{
    own_json struct json_t *object = json_decode(text, strlen(text), e);

    assert_non_null(object);
    return order_fill(o, object, e);
}

/* after the example in RFC 8555 section 7.1.3 */
#define ORDER(status, rest)                                                                        \
    "{\"status\":\"" status                                                                        \
    "\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"www.example.org\"}],"                       \
    "\"authorizations\":[\"https://ca.test/authz/1\",\"https://ca.test/authz/2\"],"                \
    "\"finalize\":\"https://ca.test/order/1/finalize\"" rest "}"

static void
an_order_object_is_read_and_read_again(void **state)
{
    struct order o = {0};
    struct err e = {0};

    (void)state;
    o.url = strdup("https://ca.test/order/1");
    assert_true(fill(&o, ORDER("invalid", ",\"error\":{\"type\":\"t\"}"), &e));
    assert_int_equal(o.status, ORDER_INVALID);
    assert_string_equal(json_member_text(o.error, "type"), "t");
    assert_null(o.certificate);
    assert_true(fill(&o, ORDER("valid", ",\"certificate\":\"https://ca.test/cert/1\""), &e));
    assert_int_equal(o.status, ORDER_VALID);
    assert_null(o.error);
    assert_string_equal(o.certificate, "https://ca.test/cert/1");
    assert_string_equal(o.finalize, "https://ca.test/order/1/finalize");
    assert_int_equal(o.authorizations.count, 2);
    assert_string_equal(o.authorizations.items[1], "https://ca.test/authz/2");
    assert_string_equal(o.url, "https://ca.test/order/1");
    order_done(&o);
}

static void
an_object_that_is_no_order_is_refused(void **state)
{
    static const char *const rows[] = {
        "{}",
        ORDER("frozen", ""),
        ORDER("", ""),
        ORDER("Valid", ""),
        "{\"status\":\"ready\",\"authorizations\":[\"u\"]}",
        "{\"status\":\"ready\",\"finalize\":\"u\"}",
        "{\"status\":\"ready\",\"finalize\":\"u\",\"authorizations\":[]}",
        "{\"status\":\"ready\",\"finalize\":\"u\",\"authorizations\":\"u\"}",
        "{\"status\":\"ready\",\"finalize\":\"u\",\"authorizations\":[\"u\",5]}",
        "{\"status\":\"ready\",\"finalize\":5,\"authorizations\":[\"u\"]}",
        "{\"status\":5,\"finalize\":\"u\",\"authorizations\":[\"u\"]}",
        "{\"finalize\":\"u\",\"authorizations\":[\"u\"]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct order o = {0};
        struct err e = {0};

        if (fill(&o, rows[i], &e))
            fail_msg("%s was accepted", rows[i]);
        assert_int_equal(e.code, ERR_PROTOCOL);
        order_done(&o);
    }
}

static void
more_authorizations_than_names_can_be_are_refused(void **state)
{
    (void)state;
    for (size_t count = 200; count <= 201; count++) {
        own_str struct str text = {0};
        struct order o = {0};
        struct err e = {0};

        assert_true(str_addf(
            &text, "{\"status\":\"pending\",\"finalize\":\"https://u\",\"authorizations\":["));
        for (size_t i = 0; i < count; i++)
            assert_true(str_addf(&text, "%s\"https://u\"", i > 0 ? "," : ""));
        assert_true(str_addf(&text, "]}"));
        assert_int_equal(fill(&o, text.text, &e), count == 200);
        order_done(&o);
    }
}

static void
an_order_is_for_the_names_that_it_lists(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        bool is;
    } rows[] = {
        {"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.org\"},{\"type\":\"dns\",\"value\":\"b.org\"}]}", true},
        {"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"b.org\"},{\"type\":\"dns\",\"value\":\"a.org\"}]}", true},
        {"{}",                                                                                          true},
        {"{\"identifiers\":null}",                                                                      false},
        {"{\"identifiers\":[]}",                                                                        false},
        {"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.org\"}]}",                                  false},
        {"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.org\"},{\"type\":\"dns\",\"value\":\"c.org\"}]}", false},
        {"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.org\"},{\"type\":\"ip\",\"value\":\"b.org\"}]}", false},
        {"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.org\"},7]}",                                false},
    };
    /* clang-format on */
    own_list struct list names = {0};

    (void)state;
    assert_true(list_add(&names, "a.org") && list_add(&names, "b.org"));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        own_json struct json_t *object = json_decode(rows[i].text, strlen(rows[i].text), &e);

        assert_non_null(object);
        if (order_is_for(object, &names) != rows[i].is)
            fail_msg("%s", rows[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_through_the_states_is_gone),
        cmocka_unit_test(a_failing_port_ends_the_run_with_order_and_state),
        cmocka_unit_test(an_order_that_never_moves_ends_some_time),
        cmocka_unit_test(a_valid_order_without_certificate_breaks_the_protocol),
        cmocka_unit_test(an_order_object_is_read_and_read_again),
        cmocka_unit_test(an_object_that_is_no_order_is_refused),
        cmocka_unit_test(more_authorizations_than_names_can_be_are_refused),
        cmocka_unit_test(an_order_is_for_the_names_that_it_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
