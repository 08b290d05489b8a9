/* test_oauth.c: access tokens: asked for once, remembered until shortly before they end; what an
 * endpoint says when it gives none. The answers are those of RFC 6749 sections 5.1 and 5.2, of
 * Microsoft Entra and of Google. tests/e2e/providers.bats has whole services.
 */
#include "acme/oauth.h"

#include "tests/fake/clock.h"
#include "tests/fake/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1700000000
#define URL "https://login.test/token"

static const struct oauth_hint hints[] = {{"AADSTS7000215", "write its value"}, {NULL, NULL}};

struct place {
    struct fake_clock clock;
    struct fake_http http;
    struct dns d;
    struct rest rest;
    struct oauth oauth;
    char name[8];
};

/* What services do. */
static bool
authorize(struct rest *r, const struct http_request *request, struct list *headers, struct err *e)
{
    struct oauth *o = r->proof;
    own_str struct str form = {0};

    (void)request;
    (void)headers;
    if (oauth_is_valid(o, r))
        return true;
    if (!oauth_add_field(&form, "grant_type", "client_credentials") ||
        !oauth_add_field(&form, "client_secret", "a b&c"))
        return err_memory(e);
    return oauth_ask(
        o, r,
        &(struct oauth_request){.url = URL, .form = form.text, .secret = "a b&c", .hints = hints},
        e);
}

static void
prepare(struct place *p, const struct reply *replies, size_t count)
{
    *p = (struct place){.clock = fake_clock_at(NOW), .name = "world"};
    p->http = fake_http_with(replies, count);
    p->d = (struct dns){.name = p->name, .clock = &p->clock.base, .config = {.timeout_s = 60}};
    p->rest = (struct rest){.d = &p->d,
                            .http = &p->http.base,
                            .authorize = authorize,
                            .proof = &p->oauth,
                            .token_file = "/secret",
                            .endpoint = "https://api.test"};
    rest_begin(&p->rest);
}

static void
finish(struct place *p)
{
    p->rest.http = NULL; /* is in struct place */
    rest_done(&p->rest);
    fake_http_done(&p->http);
}

#define ASKS                                                                                       \
    "POST " URL " application/x-www-form-urlencoded "                                              \
    "grant_type=client_credentials&client_secret=a%20b%26c\n"

static void
a_token_is_asked_for_once_and_again_shortly_before_it_ends(void **state)
{
    static const struct reply replies[] = {
        {.status = 200,
         .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"one\"}"},
        {.status = 200, .body = "{}"},
        {.status = 200, .body = "{}"},
        {.status = 200,
         .body = "{\"token_type\":\"bearer\",\"expires_in\":\"3599\",\"access_token\":\"two\"}"},
        {.status = 200, .body = "{}"},
    };
    struct place p;
    struct err e = {0};
    own_rest_answer struct rest_answer answer = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_true(rest_call(&p.rest, "GET", "/1", NULL, &answer, &e));
    p.clock.steady_ms += (3599 - 61) * 1000;
    assert_true(rest_call(&p.rest, "GET", "/2", NULL, &answer, &e));
    p.clock.steady_ms += 1000;
    assert_true(rest_call(&p.rest, "GET", "/3", NULL, &answer, &e));
    assert_string_equal(fake_http_asked(&p.http),
                        ASKS "GET https://api.test/1 [Authorization: Bearer one]\n"
                             "GET https://api.test/2 [Authorization: Bearer one]\n" ASKS
                             "GET https://api.test/3 [Authorization: Bearer two]\n");
    finish(&p);
}

/* How long after it was given the next one is asked for. */
static void
the_margin_is_a_minute_or_half_of_the_life(void **state)
{
    static const struct {
        const char *expires;
        int64_t valid_s;
    } rows[] = {
        {"\"expires_in\":3600,", 3540},
        {"\"expires_in\":\"3600\",", 3540},
        {"\"expires_in\":60,", 30},
        {"\"expires_in\":1,", 0},
        {"", 240},
        {"\"expires_in\":-5,", 240},
        {"\"expires_in\":\"soon\",", 240},
        {"\"expires_in\":9000000000000000000,", 86340},
        {"\"expires_in\":\"99999999999999999999\",", 86340},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *body = str_format("{%s\"access_token\":\"one\"}", rows[i].expires);
        const struct reply replies[] = {{.status = 200, .body = body},
                                        {.status = 200, .body = "{}"}};
        struct place p;
        struct err e = {0};
        own_rest_answer struct rest_answer answer = {0};

        prepare(&p, replies, COUNT(replies));
        assert_false(oauth_is_valid(&p.oauth, &p.rest));
        assert_true(rest_call(&p.rest, "GET", "/1", NULL, &answer, &e));
        assert_true(oauth_is_valid(&p.oauth, &p.rest));
        p.clock.steady_ms += rows[i].valid_s * 1000;
        assert_int_equal(oauth_is_valid(&p.oauth, &p.rest), rows[i].valid_s == 0);
        p.clock.steady_ms += 500;
        assert_false(oauth_is_valid(&p.oauth, &p.rest));
        finish(&p);
    }
}

static void
an_endpoint_that_is_busy_is_asked_again(void **state)
{
    static const struct reply replies[] = {
        {.status = 429, .retry_at_s = NOW + 7},
        {.status = 503},
        {.status = 200, .body = "{\"access_token\":\"one\",\"expires_in\":3600}"},
        {.status = 200, .body = "{}"},
    };
    struct place p;
    struct err e = {0};
    own_rest_answer struct rest_answer answer = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_true(rest_call(&p.rest, "GET", "/1", NULL, &answer, &e));
    assert_int_equal(p.clock.slept_ms, 7000 + 2000);
    assert_int_equal(p.http.next, 4);
    finish(&p);
}

static void
an_endpoint_that_stays_busy_is_told_without_what_it_repeats(void **state)
{
    static const struct reply replies[] = {
        {.status = 429, .retry_at_s = NOW + 3600, .body = "{\"error\":\"slow down, a b&c\"}"}};
    struct place p;
    struct err e = {0};
    own_rest_answer struct rest_answer answer = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_false(rest_call(&p.rest, "GET", "/1", NULL, &answer, &e));
    assert_int_equal(e.code, ERR_BUSY);
    assert_int_equal(e.retry_at_s, NOW + 3600);
    assert_non_null(strstr(e.text, "'" URL "' is busy or has had too many requests (429), and"));
    finish(&p);
}

static void
what_the_endpoint_says_is_in_the_sentence(void **state)
{
    /* clang-format off */
    static const struct {
        struct reply reply;
        enum err_code code;
        const char *text;
    } rows[] = {
        {{.status = 401, .body = "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret "
          "provided. Trace ID: 1 Correlation ID: 2 Timestamp: 3\",\"error_codes\":[7000215]}"},
         ERR_PERMISSION, "'" URL "' gives no access token for '/secret' (401: invalid_client: AADSTS7000215: Invalid client "
         "secret provided); write its value"},
        {{.status = 400, .body = "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}"},
         ERR_PERMISSION, "'" URL "' gives no access token for '/secret' (400: invalid_grant: Invalid JWT Signature)"},
        {{.status = 400, .body = "{\"error\":\"invalid_request\",\"error_description\":\"one\\r\\nTrace ID: 1\"}"},
         ERR_PERMISSION, "'" URL "' gives no access token for '/secret' (400: invalid_request: one)"},
        {{.status = 400, .body = "{\"error\":\"not a b&c\",\"error_description\":\"nor a b&c\"}"},
         ERR_PERMISSION, "'" URL "' gives no access token for '/secret' (400)"},
        {{.status = 404, .body = "<html>"},
         ERR_PERMISSION, "'" URL "' gives no access token for '/secret' (404)"},
        {{.status = 302}, ERR_PERMISSION, "'" URL "' gives no access token for '/secret' (302)"},
        {{.status = 500, .body = "{\"error\":\"server_error\"}"},
         ERR_NETWORK, "'" URL "' failed to give an access token (500: server_error)"},
        {{.status = 400, .body = "{\"error\":\"temporarily_unavailable\"}"},
         ERR_NETWORK, "'" URL "' failed to give an access token (400: temporarily_unavailable)"},
        {{.status = 200, .body = "a b&c"}, ERR_PROTOCOL, "'" URL "' answers with what is not JSON"},
        {{.status = 200}, ERR_PROTOCOL, "'" URL "' answers without an access token that can be used"},
        {{.status = 200, .body = "{\"access_token\":\"\"}"},
         ERR_PROTOCOL, "'" URL "' answers without an access token that can be used"},
        {{.status = 200, .body = "{\"access_token\":7}"},
         ERR_PROTOCOL, "'" URL "' answers without an access token that can be used"},
        {{.status = 200, .body = "{\"access_token\":\"one\\r\\nX-Other: two\"}"},
         ERR_PROTOCOL, "'" URL "' answers without an access token that can be used"},
        {{.status = 200, .body = "{\"access_token\":\"one\",\"token_type\":\"mac\"}"},
         ERR_PROTOCOL, "'" URL "' answers without an access token that can be used"},
        {{.status = 0}, ERR_NETWORK, "POST '" URL "': no connection"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct place p;
        own_rest_answer struct rest_answer answer = {0};
        struct err e = {0};

        prepare(&p, &rows[i].reply, 1);
        assert_false(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
        assert_int_equal(e.code, rows[i].code);
        assert_memory_equal(e.text, "[dns world]: ", strlen("[dns world]: "));
        assert_string_equal(e.text + strlen("[dns world]: "), rows[i].text);
        assert_null(p.rest.token);
        finish(&p);
    }
}

static void
a_token_that_the_service_repeats_is_not_told(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .body = "{\"access_token\":\"one-token\",\"expires_in\":3600}"},
        {.status = 403, .body = "{\"message\":\"no one-token here\"}"},
    };
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_true(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_false(rest_refused(&p.rest, &answer, "do it", &e));
    assert_null(strstr(e.text, "one-token"));
    finish(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_asked_for_once_and_again_shortly_before_it_ends),
        cmocka_unit_test(the_margin_is_a_minute_or_half_of_the_life),
        cmocka_unit_test(an_endpoint_that_is_busy_is_asked_again),
        cmocka_unit_test(an_endpoint_that_stays_busy_is_told_without_what_it_repeats),
        cmocka_unit_test(what_the_endpoint_says_is_in_the_sentence),
        cmocka_unit_test(a_token_that_the_service_repeats_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
