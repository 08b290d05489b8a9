/* test_rest.c: asking a service: when it is busy, what it says when it refuses, what is no answer.
 * tests/e2e/providers.bats has the services. */
#include "acme/rest.h"

#include "tests/fake/clock.h"
#include "tests/fake/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1700000000

/* A service with those answers, which may take a minute. */
struct place {
    struct fake_clock clock;
    struct fake_http http;
    struct dns d;
    struct rest rest;
    char name[8];
    char header[32];
};

static void
prepare(struct place *p, const struct reply *replies, size_t count)
{
    *p = (struct place){.clock = fake_clock_at(NOW), .name = "world", .header = "X-Key: secret"};
    p->http = fake_http_with(replies, count);
    p->d = (struct dns){.name = p->name, .clock = &p->clock.base, .config = {.timeout_s = 60}};
    p->rest = (struct rest){.d = &p->d,
                            .http = &p->http.base,
                            .header = {.text = p->header},
                            .token = p->header + strlen("X-Key: "),
                            .token_file = "/token",
                            .endpoint = "https://api.test"};
    rest_begin(&p->rest);
}

/* found by fuzz_cloud */
static void
a_token_that_is_repeated_in_what_is_no_json_is_not_told(void **state)
{
    static const struct reply replies[] = {{.status = 200, .body = "{\"a\" secret"}};
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_false(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    assert_non_null(strstr(e.text, "not JSON"));
    assert_null(strstr(e.text, "secret"));
    fake_http_done(&p.http);
}

static void
busy_services_are_asked_again_when_they_say_so(void **state)
{
    static const struct reply replies[] = {
        {.status = 429, .retry_at_s = NOW + 7},
        {.status = 503},
        {.status = 429, .retry_at_s = NOW - 5},
        {.status = 200, .body = "{\"a\": \"b\"}"},
    };
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_true(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_string_equal(json_member_text(answer.json, "a"), "b");
    assert_int_equal(p.clock.slept_ms, 7000 + 2000 + 4000);
    fake_http_done(&p.http);
}

static bool
says_busy(const struct http_response *response)
{
    return response->status == 400 && strstr(response->body.text, "Throttling") != NULL;
}

static void
services_may_say_in_their_own_way_that_they_are_busy(void **state)
{
    static const struct reply replies[] = {
        {.status = 400, .body = "{\"Code\": \"Throttling\"}"},
        {.status = 400, .body = "{\"Code\": \"Other\"}"},
    };
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    p.rest.is_busy = says_busy;
    assert_true(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_int_equal(answer.status, 400);
    assert_string_equal(json_member_text(answer.json, "Code"), "Other");
    assert_int_equal(p.clock.slept_ms, 1000);
    fake_http_done(&p.http);
}

static void
advice_that_is_too_late_is_handed_on(void **state)
{
    static const struct reply replies[] = {{.status = 429, .retry_at_s = NOW + 3600}};
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_false(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_int_equal(e.code, ERR_BUSY);
    assert_int_equal(e.retry_at_s, NOW + 3600);
    assert_int_equal(p.clock.slept_ms, 0);
    fake_http_done(&p.http);
}

static void
services_that_stay_busy_are_left_in_the_end(void **state)
{
    struct reply replies[100];
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++)
        replies[i] = (struct reply){.status = 503};
    prepare(&p, replies, COUNT(replies));
    assert_false(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_int_equal(e.code, ERR_BUSY);
    assert_in_range(p.clock.slept_ms, 30000, 60000);
    assert_in_range(p.http.next, 2, 10);
    fake_http_done(&p.http);
}

static void
arrays_are_items(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .body = "\n [{\"a\": 1}, {\"a\": 2}]\n"}};
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_true(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_int_equal(json_count(json_member(answer.json, "items")), 2);
    fake_http_done(&p.http);
}

static void
what_is_neither_array_nor_object_is_a_value(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .body = "1457018875"},
        {.status = 200, .body = " null"},
        {.status = 200, .body = "1}, {"},
    };
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_true(rest_call(&p.rest, "GET", "/auth/time", NULL, &answer, &e));
    assert_int_equal(json_member_int(answer.json, "value"), 1457018875);
    assert_true(rest_call(&p.rest, "DELETE", "/record", NULL, &answer, &e));
    assert_non_null(json_member(answer.json, "value"));
    assert_false(rest_call(&p.rest, "GET", "/auth/time", NULL, &answer, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    fake_http_done(&p.http);
}

/* The answers are those of PowerDNS, Cloudflare, Linode, Hetzner's late DNS console (two),
 * DigitalOcean, Hetzner, Vultr, Porkbun and OVHcloud. */
static void
what_the_service_says_is_in_the_sentence(void **state)
{
    /* clang-format off */
    static const struct {
        struct reply reply;
        enum err_code code;
        const char *has;
    } rows[] = {
        {{.status = 422, .body = "{\"error\": \"Name is out of zone\"}"},
         ERR_PERMISSION, "(422: Name is out of zone)"},
        {{.status = 403, .body = "{\"success\":false,\"errors\":[{\"code\":9109,\"message\":\"Invalid access token\"}]}"},
         ERR_PERMISSION, "token of '/token' do it (403: Invalid access token)"},
        {{.status = 400, .body = "{\"errors\":[{\"field\":\"name\",\"reason\":\"Must be short.\"}]}"},
         ERR_PERMISSION, "(400: Must be short)"},
        {{.status = 401, .body = "{\"message\":\"Invalid authentication credentials\"}"},
         ERR_PERMISSION, "(401: Invalid authentication credentials)"},
        {{.status = 404, .body = "{\"error\":{\"message\":\"zone not found\",\"code\":404}}"},
         ERR_PERMISSION, "(404: zone not found)"},
        {{.status = 500, .body = "{\"id\":\"server_error\",\"message\":\"Unexpected\"}"},
         ERR_NETWORK, "(500: Unexpected)"},
        {{.status = 400, .body = "[{\"ttl\":[\"Too low.\"]}]"},
         ERR_PERMISSION, "(400: {\"items\":[{\"ttl\":[\"Too low.\"]}]})"},
        {{.status = 423, .body = "{\"error\":{\"code\":\"protected\",\"message\":\"rrset is protected\",\"details\":null}}"},
         ERR_PERMISSION, "(423: rrset is protected)"},
        {{.status = 400, .body = "{\"error\":\"Invalid ttl\",\"status\":400}"},
         ERR_PERMISSION, "(400: Invalid ttl)"},
        {{.status = 400, .body = "{\"status\":\"ERROR\",\"message\":\"Invalid domain.\"}"},
         ERR_PERMISSION, "(400: Invalid domain)"},
        {{.status = 403, .body = "{\"errorCode\":\"NOT_CREDENTIAL\",\"httpCode\":\"403 Forbidden\",\"message\":\"This credential does not exist\"}"},
         ERR_PERMISSION, "(403: This credential does not exist)"},
        {{.status = 502, .body = "<html>"}, ERR_NETWORK, "(502)"},
        {{.status = 400, .body = "{\"message\":\"no secret here\"}"}, ERR_PERMISSION, "(400)"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct place p;
        own_rest_answer struct rest_answer answer = {0};
        struct err e = {0};

        prepare(&p, &rows[i].reply, 1);
        assert_true(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
        assert_false(rest_is_good(&answer));
        assert_false(rest_refused(&p.rest, &answer, "do it", &e));
        assert_int_equal(e.code, rows[i].code);
        if (strstr(e.text, rows[i].has) == NULL)
            fail_msg("%s", e.text);
        fake_http_done(&p.http);
    }
}

static void
no_secret_is_repeated(void **state)
{
    static const char *const bodies[] = {
        "{\"message\": \"your key abcd is bad\"}",
        "{\"message\": \"your token secret is bad\"}",
        "{\"other\": [\"abcd\"]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        const struct reply reply = {.status = 400, .body = bodies[i]};
        struct place p;
        own_rest_answer struct rest_answer answer = {0};
        struct err e = {0};

        prepare(&p, &reply, 1);
        assert_true(list_add(&p.rest.secrets, "1234") && list_add(&p.rest.secrets, "abcd"));
        assert_true(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
        assert_false(rest_refused(&p.rest, &answer, "do it", &e));
        assert_null(strstr(e.text, "abcd"));
        assert_false(rest_denied(&p.rest, &answer, "do it", "do that", &e));
        assert_int_equal(e.code, ERR_PERMISSION);
        assert_null(strstr(e.text, "abcd"));
        assert_non_null(strstr(e.text, "(400); do that"));
        assert_false(rest_failed(&p.rest, answer.json, "do it", &e));
        assert_int_equal(e.code, ERR_NETWORK);
        assert_null(strstr(e.text, "abcd"));
        list_wipe(&p.rest.secrets);
        fake_http_done(&p.http);
    }
}

static void
success_that_is_not_json_is_no_answer(void **state)
{
    static const struct reply replies[] = {{.status = 200, .body = "<html>"}};
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_false(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    fake_http_done(&p.http);
}

static void
ids_that_do_not_belong_into_a_path_are_refused(void **state)
{
    static const struct {
        const char *json;
        const char *id; /* NULL: refused */
    } rows[] = {
        {"{\"id\": \"023e105f4ecef8ad\"}", "023e105f4ecef8ad"},
        {"{\"id\": 28448429}", "28448429"},
        {"{\"id\": \"0=2F26.2.0.192.in-addr.arpa.\"}", "0=2F26.2.0.192.in-addr.arpa."},
        {"{\"id\": \"../zones\"}", NULL},
        {"{\"id\": \"..\"}", NULL},
        {"{\"id\": \"a?b\"}", NULL},
        {"{\"id\": \"\"}", NULL},
        {"{\"id\": -1}", NULL},
        {"{\"id\": null}", NULL},
        {"{}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        own_json struct json_t *json = json_decode(rows[i].json, strlen(rows[i].json), &e);
        char id[REST_ID_SIZE] = "";
        bool good = rest_id(id, json, "id");

        assert_int_equal(good, rows[i].id != NULL);
        if (good)
            assert_string_equal(id, rows[i].id);
    }
}

/* As which proof a service may want: asked for at each try. */
static bool
add_try(struct rest *r, const struct http_request *request, struct list *headers, struct err *e)
{
    int *tries = r->proof;
    own_mem char *line = str_format("X-Try: %d %s", ++*tries, request->method);

    return list_add(headers, line) || err_memory(e);
}

static void
each_try_is_authorized_anew(void **state)
{
    static const struct reply replies[] = {{.status = 503}, {.status = 200, .body = "{}"}};
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};
    int tries = 0;

    (void)state;
    prepare(&p, replies, COUNT(replies));
    p.rest.authorize = add_try;
    p.rest.proof = &tries;
    assert_true(rest_send(&p.rest,
                          &(struct rest_message){.method = "PUT",
                                                 .path = "/a",
                                                 .header = "If-Match: 7",
                                                 .content_type = "text/plain",
                                                 .body = "b"},
                          &answer, &e));
    assert_string_equal(
        fake_http_asked(&p.http),
        "PUT https://api.test/a text/plain b [X-Try: 1 PUT] [X-Key: secret] [If-Match: 7]\n"
        "PUT https://api.test/a text/plain b [X-Try: 2 PUT] [X-Key: secret] [If-Match: 7]\n");
    fake_http_done(&p.http);
}

static void
who_is_asked_elsewhere_is_not_told_who_we_are(void **state)
{
    static const struct reply replies[] = {{.status = 200, .body = "{}"},
                                           {.status = 200, .body = "no"}};
    const struct rest_message m = {
        .method = "POST", .url = "https://else.test/t", .content_type = "text/plain", .body = "b"};
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};
    int tries = 0;

    (void)state;
    prepare(&p, replies, COUNT(replies));
    p.rest.authorize = add_try;
    p.rest.proof = &tries;
    assert_true(rest_send(&p.rest, &m, &answer, &e));
    assert_string_equal(fake_http_asked(&p.http), "POST https://else.test/t text/plain b\n");
    assert_false(rest_send(&p.rest, &m, &answer, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    assert_non_null(strstr(e.text, "'https://else.test/t' answers with what is not JSON"));
    fake_http_done(&p.http);
}

static bool
body_is_busy(const struct http_response *response)
{
    return response->body.size > 0 && strstr(response->body.text, "busy") != NULL;
}

static void
a_service_may_be_busy_in_its_own_words(void **state)
{
    static const struct reply replies[] = {
        {.status = 403, .body = "{\"message\": \"I am busy.\"}"},
        {.status = 200, .body = "{\"a\": \"well\"}"},
        {.status = 403, .body = "{\"message\": \"never\"}"},
        {.status = 403, .body = "{\"message\": \"I am busy.\"}", .retry_at_s = NOW + 3600},
    };
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    p.rest.is_busy = body_is_busy;
    assert_true(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_int_equal(answer.status, 200);
    assert_int_equal(p.clock.slept_ms, 1000);
    assert_true(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_int_equal(answer.status, 403);
    assert_false(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_int_equal(e.code, ERR_BUSY);
    assert_non_null(strstr(e.text, "(403: I am busy)"));
    fake_http_done(&p.http);
}

static void
a_remedy_of_the_service_is_in_the_sentence(void **state)
{
    static const struct reply replies[] = {{.status = 403}};
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    p.rest.remedy = "give it a role";
    assert_true(rest_call(&p.rest, "GET", "/zones", NULL, &answer, &e));
    assert_false(rest_refused(&p.rest, &answer, "do it", &e));
    assert_non_null(strstr(e.text, "do it (403); give it a role"));
    fake_http_done(&p.http);
}

/* By Python: urllib.parse.quote(text, safe="") */
static void
text_is_encoded_for_a_url(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"azAZ09-._~", "azAZ09-._~"},
        {"a b+c/d?e=f&g%h", "a%20b%2Bc%2Fd%3Fe%3Df%26g%25h"},
        {"gr\303\274n\n", "gr%C3%BCn%0A"},
        {"//", "%2F%2F"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str out = {0};

        assert_true(rest_encode(&out, rows[i][0]));
        assert_string_equal(out.text == NULL ? "" : out.text, rows[i][1]);
    }
}

/* ---- nothing but success ---- */

static void
what_is_looked_for_may_lack_and_what_is_got_may_not(void **state)
{
    static const struct reply replies[] = {
        {.status = 404, .body = "{}"},
        {.status = 404, .body = "{}"},
        {.status = 200, .body = "{\"a\": 1}"},
        {.status = 403, .body = "{}"},
    };
    struct place p;
    own_rest_answer struct rest_answer answer = {0};
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_true(rest_look(&p.rest, "/zone", "look for the zone", &answer, &e));
    assert_int_equal(answer.status, 404);
    assert_false(rest_get(&p.rest, "/zone", "show the zone", &answer, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_non_null(strstr(e.text, "show the zone (404"));
    assert_true(rest_get(&p.rest, "/zone", "show the zone", &answer, &e));
    assert_int_equal(json_member_int(answer.json, "a"), 1);
    assert_false(rest_look(&p.rest, "/zone", "look for the zone", &answer, &e));
    assert_non_null(strstr(e.text, "look for the zone (403"));
    assert_false(rest_get(&p.rest, NULL, "show the zone", &answer, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    fake_http_done(&p.http);
}

static void
what_is_gone_already_is_deleted_but_not_changed(void **state)
{
    static const struct reply replies[] = {
        {.status = 404}, {.status = 204}, {.status = 400}, {.status = 404}, {.status = 201}};
    own_json struct json_t *body = json_new_object();
    struct place p;
    struct err e = {0};

    (void)state;
    prepare(&p, replies, COUNT(replies));
    assert_true(rest_delete(&p.rest, "/record", "delete a record", &e));
    assert_true(rest_delete(&p.rest, "/record", "delete a record", &e));
    assert_false(rest_delete(&p.rest, "/record", "delete a record", &e));
    assert_non_null(strstr(e.text, "delete a record (400"));
    assert_false(rest_change(&p.rest, "PUT", "/record", body, "change a record", &e));
    assert_non_null(strstr(e.text, "change a record (404"));
    assert_true(rest_change(&p.rest, "PUT", "/record", body, "change a record", &e));
    assert_false(rest_change(&p.rest, "PUT", "/record", NULL, "change a record", &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_int_equal(p.http.next, COUNT(replies));
    fake_http_done(&p.http);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_that_is_repeated_in_what_is_no_json_is_not_told),
        cmocka_unit_test(busy_services_are_asked_again_when_they_say_so),
        cmocka_unit_test(services_may_say_in_their_own_way_that_they_are_busy),
        cmocka_unit_test(advice_that_is_too_late_is_handed_on),
        cmocka_unit_test(services_that_stay_busy_are_left_in_the_end),
        cmocka_unit_test(arrays_are_items),
        cmocka_unit_test(what_the_service_says_is_in_the_sentence),
        cmocka_unit_test(what_is_neither_array_nor_object_is_a_value),
        cmocka_unit_test(no_secret_is_repeated),
        cmocka_unit_test(success_that_is_not_json_is_no_answer),
        cmocka_unit_test(ids_that_do_not_belong_into_a_path_are_refused),
        cmocka_unit_test(each_try_is_authorized_anew),
        cmocka_unit_test(who_is_asked_elsewhere_is_not_told_who_we_are),
        cmocka_unit_test(a_service_may_be_busy_in_its_own_words),
        cmocka_unit_test(a_remedy_of_the_service_is_in_the_sentence),
        cmocka_unit_test(text_is_encoded_for_a_url),
        cmocka_unit_test(what_is_looked_for_may_lack_and_what_is_got_may_not),
        cmocka_unit_test(what_is_gone_already_is_deleted_but_not_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
