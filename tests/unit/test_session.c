/* test_session.c: one order asks for the account, and all know. */
#include "acme/session.h"

#include "tests/fake/clock.h"
#include "tests/fake/http.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JSON "application/json"
#define PROBLEM "application/problem+json"
#define DIRECTORY                                                                                  \
    "{\"newNonce\":\"https://ca.test/nonce\",\"newAccount\":\"https://ca.test/new\","              \
    "\"newOrder\":\"https://ca.test/order\"}"
#define ACCOUNT(number)                                                                            \
    {                                                                                              \
        .status = 201, .type = JSON, .body = "{}", .nonce = "n" number,                            \
        .location = "https://ca.test/acct/" number                                                 \
    }
#define OPENED "GET https://ca.test/dir\nPOST https://ca.test/new jwk n0 "
#define PAYLOAD "{\"termsOfServiceAgreed\":true}\n"

struct talk {
    struct scratch scratch;
    struct fake_clock clock;
    struct fake_http http;
    struct acme_issuer issuer;
    struct acme_access access;
    struct client *client;
};

static char url[] = "https://ca.test/dir";

static void
begin(struct talk *t, const struct reply *replies, size_t count)
{
    struct err e = {0};

    *t = (struct talk){.scratch = scratch_new(),
                       .clock = fake_clock_at(1795316400),
                       .http = fake_http_with(replies, count),
                       .issuer = {.directory = url, .agree_terms = true}};
    t->access = (struct acme_access){&t->issuer, &t->http.base, &t->clock.base,
                                     scratch_path(&t->scratch, "acct")};
    t->client = acme_open(&t->access, &e);
    assert_non_null(t->client);
    assert_string_equal(fake_http_asked(&t->http), "");
}

static void
end(struct talk *t, const char *asked)
{
    assert_string_equal(fake_http_asked(&t->http), asked);
    acme_close(t->client);
    assert_true(scratch_has(&t->scratch, "acct/session.json"));
    fake_http_done(&t->http);
    scratch_done(&t->scratch);
}

static void
the_account_is_opened_once(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = DIRECTORY, .nonce = "n0"},
        ACCOUNT("1"),
    };
    struct talk t;
    struct err unsaid = {0}, e = {0};

    (void)state;
    begin(&t, replies, COUNT(replies));
    for (int i = 0; i < 3; i++)
        assert_true(session_open_account(t.client, &t.access, &unsaid, &e));
    assert_string_equal(t.client->kid, "https://ca.test/acct/1");
    assert_int_equal(unsaid.code, ERR_NONE);
    end(&t, OPENED PAYLOAD);
}

static void
a_refusal_holds_for_the_run(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = DIRECTORY, .nonce = "n0"},
        {.status = 403,
         .type = PROBLEM,
         .body = "{\"type\":\"urn:ietf:params:acme:error:unauthorized\",\"detail\":\"not you\"}",
         .nonce = "n1"},
    };
    struct talk t;
    struct err unsaid = {0};

    (void)state;
    begin(&t, replies, COUNT(replies));
    for (int i = 0; i < 3; i++) {
        struct err e = {0};

        assert_false(session_open_account(t.client, &t.access, &unsaid, &e));
        assert_int_equal(e.code, ERR_REFUSED);
        assert_true(e.is_answer);
        assert_non_null(strstr(e.text, "not you"));
    }
    end(&t, OPENED PAYLOAD);
}

static void
an_account_that_is_gone_is_registered_once(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = DIRECTORY, .nonce = "n0"},
        ACCOUNT("1"),
        ACCOUNT("2"),
    };
    struct talk t;
    struct err unsaid = {0}, e = {0};

    (void)state;
    begin(&t, replies, COUNT(replies));
    assert_true(session_open_account(t.client, &t.access, &unsaid, &e));
    for (int i = 0; i < 3; i++)
        assert_true(session_register_again(t.client, &t.access, "https://ca.test/acct/1", &e));
    assert_string_equal(t.client->kid, "https://ca.test/acct/2");
    end(&t, OPENED PAYLOAD "POST https://ca.test/new jwk n1 " PAYLOAD);
}

static void
an_account_that_cannot_be_registered_again_is_asked_for_once(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = DIRECTORY, .nonce = "n0"},
        ACCOUNT("1"),
        {.status = 0},
    };
    struct talk t;
    struct err unsaid = {0}, e = {0};

    (void)state;
    begin(&t, replies, COUNT(replies));
    assert_true(session_open_account(t.client, &t.access, &unsaid, &e));
    for (int i = 0; i < 3; i++) {
        assert_false(session_register_again(t.client, &t.access, "https://ca.test/acct/1", &e));
        assert_int_equal(e.code, ERR_NETWORK);
    }
    end(&t, OPENED PAYLOAD "POST https://ca.test/new jwk n1 " PAYLOAD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_account_is_opened_once),
        cmocka_unit_test(a_refusal_holds_for_the_run),
        cmocka_unit_test(an_account_that_is_gone_is_registered_once),
        cmocka_unit_test(an_account_that_cannot_be_registered_again_is_asked_for_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
