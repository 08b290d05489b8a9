/* test_client.c: directory, nonces and retries against a written conversation (RFC 8555 section 6).
 */
#include "acme/client.h"

#include "base/key.h"
#include "tests/fake/clock.h"
#include "tests/fake/http.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1795316400)
#define DAY (24 * 3600)
#define JSON "application/json"
#define PROBLEM "application/problem+json"
#define BAD_NONCE "{\"type\":\"urn:ietf:params:acme:error:badNonce\",\"detail\":\"no\"}"
#define GONE "{\"type\":\"urn:ietf:params:acme:error:malformed\",\"detail\":\"not found\"}"
#define DIRECTORY_OF(host)                                                                         \
    "{\"newNonce\":\"https://" host "/nonce\",\"newAccount\":\"https://" host "/account\","        \
    "\"newOrder\":\"https://" host "/order\",\"meta\":{\"termsOfService\":\"https://" host         \
    "/terms\"}}"
#define DIRECTORY DIRECTORY_OF("ca.test")
#define URL "https://ca.test/dir"

/* One client and the server it talks to. */
struct talk {
    struct scratch scratch;
    struct fake_clock clock;
    struct fake_http http;
    struct client client;
};

static void
open_client(struct talk *t)
{
    struct err e = {0};

    t->client = (struct client){0};
    assert_true(client_init(&t->client, &t->http.base, &t->clock.base, URL,
                            scratch_path(&t->scratch, "session.json"), &e));
    t->client.key = key_generate(KEY_ECDSA_P256, &e);
    t->client.kid = strdup("ACCT");
    assert_non_null(t->client.key);
}

static void
begin(struct talk *t, const char *session, const struct reply *replies, size_t count)
{
    *t = (struct talk){.scratch = scratch_new(), .clock = fake_clock_at(NOW)};
    t->http = fake_http_with(replies, count);
    if (session != NULL)
        scratch_write(&t->scratch, "session.json", session);
    open_client(t);
}

/* The whole conversation was this, and no answer is left over. */
static void
end(struct talk *t, const char *asked)
{
    assert_string_equal(fake_http_asked(&t->http), asked);
    assert_int_equal(t->http.next, t->http.count);
    client_done(&t->client);
    fake_http_done(&t->http);
    scratch_done(&t->scratch);
}

/* A session of this age in seconds. */
static char *
session_of(int64_t age_s, const char *directory, const char *nonce)
{
    return str_format("{\"directory_url\":\"" URL "\",\"directory_at\":%lld,\"directory\":%s,"
                      "\"nonce\":\"%s\"}",
                      (long long)(NOW - age_s), directory, nonce);
}

/* ---- nonces ---- */

static void
a_nonce_is_fetched_once_and_then_comes_with_each_answer(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = DIRECTORY},
        {.status = 200, .nonce = "n1"},
        {.status = 201,
         .type = JSON,
         .body = "{\"status\":\"pending\"}",
         .nonce = "n2",
         .location = "https://ca.test/order/1"},
        {.status = 200, .type = JSON, .body = "{}", .nonce = "n3", .retry_at_s = NOW + 5},
    };
    struct talk t;
    struct err e = {0};
    struct answer a = {0};

    (void)state;
    begin(&t, NULL, replies, COUNT(replies));
    assert_true(client_call(&t.client, "newOrder", "{\"a\":1}", &a, &e));
    assert_int_equal(a.status, 201);
    assert_string_equal(a.location, "https://ca.test/order/1");
    assert_string_equal(json_member_text(a.json, "status"), "pending");
    assert_true(client_post(&t.client, "https://ca.test/order/1", "", &a, &e));
    assert_null(a.location);
    assert_int_equal(a.retry_at_s, NOW + 5);
    answer_done(&a);
    assert_int_equal(t.client.nonces.count, 1);
    assert_string_equal(t.client.nonces.items[0], "n3");
    end(&t, "GET https://ca.test/dir\n"
            "HEAD https://ca.test/nonce\n"
            "POST https://ca.test/order ACCT n1 {\"a\":1}\n"
            "POST https://ca.test/order/1 ACCT n2 \n");
}

static void
a_nonce_that_came_with_the_directory_is_used(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = DIRECTORY, .nonce = "n0"},
        {.status = 200},
    };
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, NULL, replies, COUNT(replies));
    assert_true(client_call(&t.client, "newAccount", "{}", &a, &e));
    assert_null(a.json);
    end(&t, "GET https://ca.test/dir\nPOST https://ca.test/account jwk n0 {}\n");
}

static void
a_bad_nonce_is_tried_again_with_the_one_that_came_with_the_refusal(void **state)
{
    static const struct reply replies[] = {
        {.status = 400, .type = PROBLEM, .body = BAD_NONCE, .nonce = "n2"},
        {.status = 400, .type = PROBLEM, .body = BAD_NONCE}, /* none: one is fetched */
        {.status = 200, .nonce = "n3"},
        {.status = 200, .type = JSON, .body = "{}", .nonce = "n4"},
    };
    own_mem char *session = session_of(0, DIRECTORY, "n1");
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, session, replies, COUNT(replies));
    assert_true(client_post(&t.client, "https://ca.test/x", "p", &a, &e));
    assert_int_equal(a.status, 200);
    end(&t, "POST https://ca.test/x ACCT n1 p\nPOST https://ca.test/x ACCT n2 p\n"
            "HEAD https://ca.test/nonce\nPOST https://ca.test/x ACCT n3 p\n");
}

static void
a_server_that_refuses_every_nonce_is_asked_16_times(void **state)
{
    struct reply replies[20];
    own_mem char *session = session_of(0, DIRECTORY, "n1");
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++)
        replies[i] =
            (struct reply){.status = 400, .type = PROBLEM, .body = BAD_NONCE, .nonce = "n2"};
    begin(&t, session, replies, COUNT(replies));
    assert_false(client_post(&t.client, "https://ca.test/x", "", &a, &e));
    assert_int_equal(e.code, ERR_NETWORK);
    assert_string_equal(e.text,
                        "POST 'https://ca.test/x': the issuer says badNonce: no; it refused "
                        "every nonce");
    assert_int_equal(t.http.base.request_count, 16);
    t.http.count = 16;
    str_clear(&t.http.asked);
    end(&t, "");
}

static void
a_nonce_that_is_not_base64url_is_ignored(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .nonce = "a b"},
    };
    own_mem char *session = session_of(0, DIRECTORY, "n=1");
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, session, replies, COUNT(replies));
    assert_int_equal(t.client.nonces.count, 0);
    assert_false(client_post(&t.client, "https://ca.test/x", "", &a, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    assert_string_equal(e.text, "get a nonce from 'https://ca.test/nonce': the answer has none");
    end(&t, "HEAD https://ca.test/nonce\n");
}

/* ---- the session ---- */

static void
directory_and_nonce_are_remembered_from_the_last_run(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = DIRECTORY, .nonce = "n1"},
        {.status = 200, .nonce = "n2"},
        {.status = 200, .nonce = "n3"},
    };
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, NULL, replies, COUNT(replies));
    assert_true(client_call(&t.client, "newOrder", "1", &a, &e));
    assert_true(client_save(&t.client, &e));
    client_done(&t.client);
    t.clock.at_s += 29 * DAY;
    open_client(&t);
    assert_true(client_call(&t.client, "newOrder", "2", &a, &e));
    end(&t, "GET https://ca.test/dir\nPOST https://ca.test/order ACCT n1 1\n"
            "POST https://ca.test/order ACCT n2 2\n");
}

static void
a_session_that_is_old_damaged_or_of_another_server_is_forgotten(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = DIRECTORY, .nonce = "n9"},
        {.status = 200},
    };
    own_mem char *old = session_of(30 * (int64_t)DAY, DIRECTORY, "=");
    own_mem char *future = session_of(-1, DIRECTORY, "=");
    own_mem char *empty = session_of(0, "{}", "=");
    own_mem char *text = session_of(0, "\"x\"", "=");
    const char *const rows[] = {
        old,
        future,
        empty,
        text,
        "{",
        "[]",
        "",
        "{\"directory_url\":\"https://other.test/dir\",\"directory_at\":1795316400,"
        "\"directory\":" DIRECTORY_OF("other.test") ",\"nonce\":\"n1\"}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct talk t;
        struct err e = {0};
        own_answer struct answer a = {0};

        begin(&t, rows[i], replies, COUNT(replies));
        if (!client_call(&t.client, "newOrder", "", &a, &e))
            fail_msg("%s: %s", rows[i], e.text);
        end(&t, "GET https://ca.test/dir\nPOST https://ca.test/order ACCT n9 \n");
    }
}

static void
a_remembered_directory_that_is_wrong_is_read_again(void **state)
{
    static const struct reply replies[] = {
        {.status = 404, .type = PROBLEM, .body = GONE, .nonce = "n2"},
        {.status = 200, .type = JSON, .body = DIRECTORY},
        {.status = 201, .type = JSON, .body = "{}"},
    };
    own_mem char *session = session_of(0, DIRECTORY_OF("old.test"), "n1");
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, session, replies, COUNT(replies));
    assert_true(client_call(&t.client, "newOrder", "", &a, &e));
    assert_int_equal(a.status, 201);
    end(&t, "POST https://old.test/order ACCT n1 \nGET https://ca.test/dir\n"
            "POST https://ca.test/order ACCT n2 \n");
}

static void
also_when_the_nonce_was_the_first_to_fail(void **state)
{
    static const struct reply replies[] = {
        {.status = 404},
        {.status = 200, .type = JSON, .body = DIRECTORY},
        {.status = 200, .nonce = "n1"},
        {.status = 404, .type = PROBLEM, .body = GONE, .nonce = "n2"},
        {.status = 201, .type = JSON, .body = "{}"},
    };
    own_mem char *session = session_of(0, DIRECTORY_OF("old.test"), "=");
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, session, replies, COUNT(replies));
    assert_true(client_call(&t.client, "newOrder", "", &a, &e));
    end(&t, "HEAD https://old.test/nonce\nGET https://ca.test/dir\nHEAD https://ca.test/nonce\n"
            "POST https://old.test/order ACCT n1 \nPOST https://ca.test/order ACCT n2 \n");
}

static void
a_fresh_directory_is_believed(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = DIRECTORY, .nonce = "n1"},
        {.status = 404, .type = PROBLEM, .body = GONE},
    };
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, NULL, replies, COUNT(replies));
    assert_non_null(client_meta(&t.client, &e));
    assert_false(client_call(&t.client, "newOrder", "", &a, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    end(&t, "GET https://ca.test/dir\nPOST https://ca.test/order ACCT n1 \n");
}

/* ---- the directory ---- */

static void
a_directory_that_cannot_be_used_says_why(void **state)
{
    /* clang-format off */
    static const struct {
        struct reply reply;
        enum err_code code;
        const char *text;
    } rows[] = {
        {{.status = 0},   ERR_NETWORK,  "no connection"},
        {{.status = 500}, ERR_NETWORK,  "read the directory 'https://ca.test/dir': the issuer answered with status 500"},
        {{.status = 429, .retry_at_s = NOW + 60}, ERR_BUSY, "read the directory 'https://ca.test/dir': "},
        {{.status = 302}, ERR_PROTOCOL, "read the directory 'https://ca.test/dir': "},
        {{.status = 200, .body = "<html>"}, ERR_PROTOCOL, "read the directory 'https://ca.test/dir': not JSON"},
        {{.status = 200}, ERR_PROTOCOL, "read the directory 'https://ca.test/dir': not JSON"},
        {{.status = 200, .body = "{}"}, ERR_PROTOCOL, "'https://ca.test/dir' is not the directory of an ACME server"},
        {{.status = 200, .body = "{\"newNonce\":\"u\",\"newAccount\":\"u\",\"newOrder\":5}"}, ERR_PROTOCOL, "is not the directory"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct talk t;
        struct err e = {0};

        begin(&t, NULL, &rows[i].reply, 1);
        assert_null(client_meta(&t.client, &e));
        assert_int_equal(e.code, rows[i].code);
        assert_non_null(strstr(e.text, rows[i].text));
        assert_int_equal(e.retry_at_s, rows[i].reply.retry_at_s);
        end(&t, "GET https://ca.test/dir\n");
    }
}

static void
a_resource_that_the_server_does_not_offer_is_an_error(void **state)
{
    static const struct reply replies[] = {{.status = 200, .type = JSON, .body = DIRECTORY}};
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, NULL, replies, COUNT(replies));
    assert_false(client_call(&t.client, "renewalInfo", "", &a, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    assert_string_equal(e.text, "the directory 'https://ca.test/dir' has no 'renewalInfo'");
    end(&t, "GET https://ca.test/dir\n");
}

static void
the_terms_are_in_the_meta_of_the_directory(void **state)
{
    static const struct reply replies[] = {{.status = 200, .type = JSON, .body = DIRECTORY}};
    struct talk t;
    struct err e = {0};

    (void)state;
    begin(&t, NULL, replies, COUNT(replies));
    assert_string_equal(json_member_text(client_meta(&t.client, &e), "termsOfService"),
                        "https://ca.test/terms");
    assert_non_null(client_meta(&t.client, &e)); /* read once */
    end(&t, "GET https://ca.test/dir\n");
}

/* ---- answers ---- */

/* RFC 8555 section 7.4.2: beside "index", in one header or in several. */
static void
alternates_come_in_one_link_header_or_in_several(void **state)
{
    static const struct reply reply = {
        .status = 200,
        .links = {"<https://ca.test/dir>;rel=\"index\"",
                  "<https://ca.test/1>;rel=\"alternate\", <https://ca.test/2>;rel=\"alternate\"",
                  "</3>;rel=\"alternate\""}};
    own_mem char *session = session_of(0, DIRECTORY, "n1");
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, session, &reply, 1);
    assert_true(client_post(&t.client, "https://ca.test/cert", "", &a, &e));
    assert_int_equal(a.alternates.count, 3);
    assert_string_equal(a.alternates.items[0], "https://ca.test/1");
    assert_string_equal(a.alternates.items[1], "https://ca.test/2");
    assert_string_equal(a.alternates.items[2], "https://ca.test/3");
    end(&t, "POST https://ca.test/cert ACCT n1 \n");
}

static void
every_refusal_is_told_by_its_problem_document(void **state)
{
    /* clang-format off */
    static const struct {
        struct reply reply;
        enum err_code code;
        const char *text;
    } rows[] = {
        {{.status = 403, .type = PROBLEM, .body = "{\"type\":\"urn:ietf:params:acme:error:unauthorized\",\"detail\":\"no.\"}"},
         ERR_REFUSED, "POST 'https://ca.test/x': the issuer says unauthorized: no; the account may not do that; look at it by: pgcert account show"},
        {{.status = 429, .type = PROBLEM "; charset=utf-8", .retry_at_s = NOW + 3600,
          .body = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many\"}"},
         ERR_BUSY, "POST 'https://ca.test/x': the issuer says rateLimited: too many; it has had too many requests of this kind; wait, and order fewer"},
        {{.status = 500, .type = "text/html", .body = "<html>"},
         ERR_NETWORK, "POST 'https://ca.test/x': the issuer answered with status 500 and no explanation"},
        {{.status = 500, .type = PROBLEM, .body = "{{{"},
         ERR_NETWORK, "POST 'https://ca.test/x': the issuer answered with status 500 and no explanation"},
        {{.status = 302, .location = "https://evil.test/"},
         ERR_PROTOCOL, "POST 'https://ca.test/x': the issuer answered with status 302 and no explanation"},
        {{.status = 200, .type = JSON, .body = "[1]"},
         ERR_PROTOCOL, "POST 'https://ca.test/x': JSON, but not an object"},
        {{.status = 0},
         ERR_NETWORK, "POST 'https://ca.test/x': no connection"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *session = session_of(0, DIRECTORY, "n1");
        struct talk t;
        struct err e = {0};
        own_answer struct answer a = {0};

        begin(&t, session, &rows[i].reply, 1);
        assert_false(client_post(&t.client, "https://ca.test/x", "", &a, &e));
        assert_string_equal(e.text, rows[i].text);
        assert_int_equal(e.code, rows[i].code);
        assert_int_equal(e.retry_at_s, rows[i].reply.retry_at_s);
        assert_false(t.client.account_is_gone);
        end(&t, "POST https://ca.test/x ACCT n1 \n");
    }
}

static void
a_server_that_is_silent_three_times_in_a_row_is_not_asked_again(void **state)
{
    static const struct reply replies[] = {
        {.status = -1},
        {.status = -1},
        {.status = 200, .nonce = "n2"},
        {.status = 200, .type = JSON, .body = "{}", .nonce = "n3"},
        {.status = -1},
        {.status = -1},
        {.status = -1},
    };
    own_mem char *session = session_of(0, DIRECTORY, "n1");
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, session, replies, COUNT(replies));
    for (int i = 0; i < 6; i++) {
        /* an answer in between begins the count anew */
        assert_int_equal(client_post(&t.client, "https://ca.test/x", "", &a, &e), i == 2);
        assert_int_equal(e.code, ERR_TIMEOUT);
    }
    assert_string_equal(e.text, "HEAD 'https://ca.test/nonce': no answer in time");
    assert_false(client_post(&t.client, "https://ca.test/x", "", &a, &e));
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_string_equal(e.text, "HEAD 'https://ca.test/nonce': not asked any more, for 3 requests "
                                "in a row had no answer in time");
    end(&t, "POST https://ca.test/x ACCT n1 \nHEAD https://ca.test/nonce\n"
            "HEAD https://ca.test/nonce\nPOST https://ca.test/x ACCT n2 \n"
            "POST https://ca.test/x ACCT n3 \nHEAD https://ca.test/nonce\n"
            "HEAD https://ca.test/nonce\n");
}

static void
an_account_that_is_gone_is_noticed(void **state)
{
    static const struct reply replies[] = {
        {.status = 400,
         .type = PROBLEM,
         .body = "{\"type\":\"urn:ietf:params:acme:error:accountDoesNotExist\"}"},
    };
    own_mem char *session = session_of(0, DIRECTORY, "n1");
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, session, replies, COUNT(replies));
    assert_false(client_call(&t.client, "newOrder", "", &a, &e));
    assert_true(t.client.account_is_gone);
    end(&t, "POST https://ca.test/order ACCT n1 \n");
}

static void
a_body_that_is_not_json_is_kept_as_it_is(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = "application/pem-certificate-chain", .body = "-----BEGIN"},
    };
    own_mem char *session = session_of(0, DIRECTORY, "n1");
    struct talk t;
    struct err e = {0};
    own_answer struct answer a = {0};

    (void)state;
    begin(&t, session, replies, COUNT(replies));
    assert_true(client_post(&t.client, "https://ca.test/cert", "", &a, &e));
    assert_null(a.json);
    assert_string_equal(a.body.text, "-----BEGIN");
    end(&t, "POST https://ca.test/cert ACCT n1 \n");
}

/* With the real http: the fake one does not judge URLs. */
static void
a_url_that_is_not_https_is_refused_though_the_server_gave_it(void **state)
{
    own_mem char *session =
        session_of(0,
                   "{\"newNonce\":\"https://ca.test/n\",\"newAccount\":\"https://ca.test/a\","
                   "\"newOrder\":\"https://ca.test/o\",\"keyChange\":\"http://127.0.0.1/k\"}",
                   "n1");
    struct talk t;
    struct err e = {0};
    struct http *http = http_new(NULL, &clock_system, &e);
    own_answer struct answer a = {0};

    (void)state;
    assert_non_null(http);
    begin(&t, session, NULL, 0);
    t.client.http = http;
    assert_false(client_call(&t.client, "keyChange", "", &a, &e));
    assert_string_equal(e.text,
                        "the directory 'https://ca.test/dir' has no https URL for 'keyChange'");
    assert_false(client_post(&t.client, "http://127.0.0.1/o", "", &a, &e));
    assert_string_equal(e.text, "POST 'http://127.0.0.1/o': not an https URL");
    assert_int_equal(http->request_count, 0);
    http_free(http);
    end(&t, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nonce_is_fetched_once_and_then_comes_with_each_answer),
        cmocka_unit_test(a_nonce_that_came_with_the_directory_is_used),
        cmocka_unit_test(a_bad_nonce_is_tried_again_with_the_one_that_came_with_the_refusal),
        cmocka_unit_test(a_server_that_refuses_every_nonce_is_asked_16_times),
        cmocka_unit_test(a_nonce_that_is_not_base64url_is_ignored),
        cmocka_unit_test(directory_and_nonce_are_remembered_from_the_last_run),
        cmocka_unit_test(a_session_that_is_old_damaged_or_of_another_server_is_forgotten),
        cmocka_unit_test(a_remembered_directory_that_is_wrong_is_read_again),
        cmocka_unit_test(also_when_the_nonce_was_the_first_to_fail),
        cmocka_unit_test(a_fresh_directory_is_believed),
        cmocka_unit_test(a_directory_that_cannot_be_used_says_why),
        cmocka_unit_test(a_resource_that_the_server_does_not_offer_is_an_error),
        cmocka_unit_test(the_terms_are_in_the_meta_of_the_directory),
        cmocka_unit_test(alternates_come_in_one_link_header_or_in_several),
        cmocka_unit_test(every_refusal_is_told_by_its_problem_document),
        cmocka_unit_test(a_server_that_is_silent_three_times_in_a_row_is_not_asked_again),
        cmocka_unit_test(an_account_that_is_gone_is_noticed),
        cmocka_unit_test(a_body_that_is_not_json_is_kept_as_it_is),
        cmocka_unit_test(a_url_that_is_not_https_is_refused_though_the_server_gave_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
