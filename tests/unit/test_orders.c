/* test_orders.c: the list of orders as RFC 8555 section 7.1.2.1 shows it, and as a server may spoil
 * it. */
#include "acme/orders.h"

#include "base/key.h"
#include "tests/fake/clock.h"
#include "tests/fake/http.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JSON .status = 200, .type = "application/json", .nonce = "n"
#define ORDER(status, name)                                                                        \
    "{\"status\":\"" status "\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"" name "\"},"       \
    "{\"type\":\"dns\",\"value\":\"*.org\"}],\"expires\":\"2026-12-01T00:00:00Z\"}"

struct talk {
    struct scratch scratch;
    struct fake_clock clock;
    struct fake_http http;
    struct client client;
    struct acme_account account;
    struct err e;
};

static bool
play(struct talk *t, const struct reply *replies, size_t count)
{
    *t = (struct talk){.scratch = scratch_new(), .clock = fake_clock_at(1795316400)};
    t->http = fake_http_with(replies, count);
    assert_true(client_init(&t->client, &t->http.base, &t->clock.base, "https://ca.test/dir",
                            scratch_path(&t->scratch, "s"), &t->e));
    t->client.key = key_generate(KEY_ECDSA_P256, &t->e);
    t->client.kid = strdup("ACCT");
    assert_true(list_add(&t->client.nonces, "n"));
    t->account.orders = strdup("https://ca.test/orders/1");
    return orders_read(&t->account, &t->client, &t->e);
}

static void
end(struct talk *t)
{
    acme_account_done(&t->account);
    client_done(&t->client);
    fake_http_done(&t->http);
    scratch_done(&t->scratch);
}

static void
all_pages_are_read_and_each_order(void **state)
{
    static const struct reply replies[] = {
        {JSON, .body = "{\"orders\":[\"https://ca.test/o/1\",\"https://ca.test/o/2\"]}",
         .links = {"<https://ca.test/dir>;rel=\"index\"", "</orders/1?cursor=2>;rel=\"next\""}},
        {JSON, .body = ORDER("valid", "a.org")},
        {JSON, .body = ORDER("pending\\u001b[2J", "b.org")},
        {JSON, .body = "{\"orders\":[\"https://ca.test/o/3\"]}"},
        {JSON, .body = "{\"status\":\"ready\",\"identifiers\":[{\"type\":\"ip\"}]}"},
    };
    struct talk t;

    (void)state;
    assert_true(play(&t, replies, COUNT(replies)));
    assert_int_equal(t.account.order_count, 3);
    assert_false(t.account.orders_cut);
    assert_string_equal(t.account.order_list[0].url, "https://ca.test/o/1");
    assert_string_equal(t.account.order_list[0].status, "valid");
    assert_string_equal(t.account.order_list[0].names.items[1], "*.org");
    assert_string_equal(t.account.order_list[0].expires, "2026-12-01T00:00:00Z");
    assert_string_equal(t.account.order_list[1].status, "pending?[2J");
    assert_string_equal(t.account.order_list[2].status, "ready");
    assert_null(t.account.order_list[2].expires);
    assert_string_equal(fake_http_asked(&t.http),
                        "POST https://ca.test/orders/1 ACCT n \n"
                        "POST https://ca.test/o/1 ACCT n \nPOST https://ca.test/o/2 ACCT n \n"
                        "POST https://ca.test/orders/1?cursor=2 ACCT n \n"
                        "POST https://ca.test/o/3 ACCT n \n");
    end(&t);
}

static void
what_is_no_list_or_no_order_is_told(void **state)
{
    /* clang-format off */
    static const struct {
        struct reply replies[2];
        size_t orders;
        const char *text;
    } rows[] = {
        {{{JSON, .body = "{}"}}, 0, "the answer of https://ca.test/orders/1 is no list of orders"},
        {{{.status = 200, .body = "hello", .nonce = "n"}}, 0, "the answer of https://ca.test/orders/1 is no list of orders"},
        {{{JSON, .body = "{\"orders\":[7]}"}}, 0, "the list https://ca.test/orders/1 holds what is no URL"},
        {{{JSON, .body = "{\"orders\":[\"https://ca.test/o/1\"]}"}, {JSON, .body = "{\"status\":\"valid\"}"}}, 1, "the answer of https://ca.test/o/1 is no order"},
        {{{JSON, .body = "{\"orders\":[\"https://ca.test/o/1\"]}"}, {JSON, .body = "{\"identifiers\":[1]}"}}, 1, "the answer of https://ca.test/o/1 is no order"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct talk t;

        assert_false(play(&t, rows[i].replies, COUNT(rows[i].replies)));
        assert_int_equal(t.e.code, ERR_PROTOCOL);
        assert_string_equal(t.e.text, rows[i].text);
        assert_int_equal(t.account.order_count, rows[i].orders);
        end(&t);
    }
}

static void
a_list_without_end_is_cut_and_so_is_one_that_goes_round(void **state)
{
    struct reply replies[ORDERS_MAX + 1];
    struct reply pages[ORDERS_PAGES_MAX];
    own_str struct str list = {0};
    struct talk t;

    (void)state;
    assert_true(str_addf(&list, "{\"orders\":["));
    for (int i = 0; i < 1000; i++)
        assert_true(str_addf(&list, "%s\"https://ca.test/o\"", i > 0 ? "," : ""));
    assert_true(str_addf(&list, "]}"));
    for (size_t i = 0; i < COUNT(replies); i++)
        replies[i] = (struct reply){JSON, .body = i == 0 ? list.text : ORDER("valid", "a.org")};
    assert_true(play(&t, replies, COUNT(replies)));
    assert_int_equal(t.account.order_count, ORDERS_MAX);
    assert_true(t.account.orders_cut);
    end(&t);

    for (size_t i = 0; i < COUNT(pages); i++)
        pages[i] = (struct reply){JSON, .body = "{\"orders\":[]}",
                                  .links = {"<https://ca.test/orders/1>;rel=next"}};
    assert_true(play(&t, pages, COUNT(pages)));
    assert_true(t.account.orders_cut);
    assert_int_equal(t.http.next, ORDERS_PAGES_MAX);
    end(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pages_are_read_and_each_order),
        cmocka_unit_test(what_is_no_list_or_no_order_is_told),
        cmocka_unit_test(a_list_without_end_is_cut_and_so_is_one_that_goes_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
