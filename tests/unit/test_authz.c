/* test_authz.c: authorization objects as RFC 8555 sections 7.1.4 and 7.5 show them. */
#include "acme/authz.h"

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

#define AUTHZ(status, name, challenges)                                                            \
    "{\"status\":\"" status "\",\"identifier\":{\"type\":\"dns\",\"value\":\"" name "\"},"         \
    "\"challenges\":[" challenges "]}"
#define DNS01(token) "{\"type\":\"dns-01\",\"url\":\"https://ca.test/ch\",\"token\":\"" token "\"}"
#define HTTP01 "{\"type\":\"http-01\",\"url\":\"https://ca.test/no\",\"token\":\"no\"}"
#define PERSIST                                                                                    \
    "{\"type\":\"dns-persist-01\",\"url\":\"https://ca.test/"                                      \
    "pe\",\"issuer-domain-names\":[\"ca.test\"]}"
#define FUTURE "{\"type\":\"dns-77\",\"url\":5},{\"kind\":1},7,\"x\""
#define ERROR                                                                                      \
    "{\"type\":\"dns-01\",\"url\":\"u\",\"token\":\"t\",\"error\":{"                               \
    "\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":\"SERVFAIL\"}}"

/* A client whose server gives these bodies; each answer brings the next nonce. */
struct talk {
    struct scratch scratch;
    struct fake_clock clock;
    struct fake_http http;
    struct client client;
    struct reply replies[4];
    struct list urls, names;
};

static void
begin(struct talk *t, const char *names, const char *const *bodies, size_t count)
{
    struct err e = {0};

    *t = (struct talk){.scratch = scratch_new(), .clock = fake_clock_at(1795316400)};
    for (size_t i = 0; i < count; i++) {
        own_mem char *url = str_format("https://ca.test/authz/%zu", i);

        t->replies[i] = (struct reply){
            .status = 200, .type = "application/json", .body = bodies[i], .nonce = "n"};
        assert_true(list_add(&t->urls, url));
    }
    t->http = fake_http_with(t->replies, count);
    assert_true(list_add_words(&t->names, names));
    assert_true(client_init(&t->client, &t->http.base, &t->clock.base, "https://ca.test/dir",
                            scratch_path(&t->scratch, "s"), &e));
    t->client.key = key_generate(KEY_ECDSA_P256, &e);
    t->client.kid = strdup("ACCT");
    assert_true(list_add(&t->client.nonces, "n"));
}

static void
end(struct talk *t)
{
    client_done(&t->client);
    fake_http_done(&t->http);
    list_done(&t->urls);
    list_done(&t->names);
    scratch_done(&t->scratch);
}

static void
the_dns_01_challenge_is_found_among_others(void **state)
{
    static const char *const bodies[] = {
        AUTHZ("pending", "db.example.org", HTTP01 "," FUTURE "," DNS01("tok-1")),
        AUTHZ("valid", "example.org", ""),
        AUTHZ("pending", "example.net", DNS01("tok_2") "," HTTP01),
    };
    struct talk t;
    struct err e = {0};
    own_authzs struct authzs all = {0};

    (void)state;
    begin(&t, "db.example.org example.net *.example.org", bodies, COUNT(bodies));
    assert_true(authzs_get(&all, &t.client, &t.urls, &t.names, &e));
    assert_int_equal(all.count, 3);
    assert_string_equal(all.items[0].name, "db.example.org");
    assert_string_equal(all.items[0].challenge, "https://ca.test/ch");
    assert_string_equal(all.items[0].token, "tok-1");
    assert_false(all.items[0].is_valid);
    assert_string_equal(all.items[1].name, "example.org"); /* of the wildcard */
    assert_true(all.items[1].is_valid);
    assert_null(all.items[1].challenge);
    assert_string_equal(all.items[2].token, "tok_2");
    assert_string_equal(
        fake_http_asked(&t.http),
        "POST https://ca.test/authz/0 ACCT n \nPOST https://ca.test/authz/1 ACCT n \n"
        "POST https://ca.test/authz/2 ACCT n \n");
    end(&t);
}

static void
the_wanted_challenge_is_taken_of_whichever_type(void **state)
{
    static const char *const bodies[] = {
        "{\"status\":\"pending\",\"wildcard\":true,"
        "\"identifier\":{\"type\":\"dns\",\"value\":\"a.org\"},"
        "\"challenges\":[" DNS01("t") "," PERSIST "]}",
    };
    struct talk t;
    struct err e = {0};
    own_authzs struct authzs all = {.type = ACME_DNS_PERSIST};

    (void)state;
    begin(&t, "*.a.org", bodies, 1);
    assert_true(authzs_get(&all, &t.client, &t.urls, &t.names, &e));
    assert_true(all.items[0].is_wildcard);
    assert_string_equal(all.items[0].challenge, "https://ca.test/pe");
    assert_null(all.items[0].token);
    assert_string_equal(json_item_text(json_member(all.items[0].object, "issuer-domain-names"), 0),
                        "ca.test");
    end(&t);
}

static void
what_cannot_be_answered_is_refused(void **state)
{
    /* clang-format off */
    static const struct {
        const char *body;
        enum err_code code;
        const char *text;
    } rows[] = {
        {AUTHZ("pending", "other.org", DNS01("t")),  ERR_PROTOCOL, "an authorization for a name that was not ordered"},
        {AUTHZ("valid", "other.org", ""),            ERR_PROTOCOL, "an authorization for a name that was not ordered"},
        {AUTHZ("valid", "*.a.org", ""),              ERR_PROTOCOL, "an authorization for a name that was not ordered"},
        {"{\"status\":\"valid\",\"identifier\":{\"type\":\"ip\",\"value\":\"a.org\"}}", ERR_PROTOCOL, "an authorization for a name that was not ordered"},
        {"{\"status\":\"valid\"}",                   ERR_PROTOCOL, "an authorization for a name that was not ordered"},
        {"{\"identifier\":{\"type\":\"dns\",\"value\":\"a.org\"}}", ERR_PROTOCOL, "an authorization for a name that was not ordered"},
        {AUTHZ("pending", "a.org", DNS01("../x")),   ERR_PROTOCOL, "a.org: a challenge whose token is not base64url of at most 256 characters"},
        {AUTHZ("pending", "a.org", DNS01("")),       ERR_PROTOCOL, "a.org: a challenge whose token is not base64url of at most 256 characters"},
        {AUTHZ("pending", "a.org", "{\"type\":\"dns-01\",\"token\":\"t\"}"), ERR_PROTOCOL, "a.org: a challenge whose 'url' is no https URL"},
        {AUTHZ("pending", "a.org", "{\"type\":\"dns-01\",\"url\":\"https://u\",\"token\":7}"), ERR_PROTOCOL, "a.org: a challenge whose token is not base64url of at most 256 characters"},
        {AUTHZ("pending", "a.org", "{\"type\":\"dns-01\",\"url\":\"http://u\",\"token\":\"t\"}"), ERR_PROTOCOL, "a.org: a challenge whose 'url' is no https URL"},
        {AUTHZ("pending", "a.org", HTTP01),          ERR_REFUSED,  "a.org: the issuer offers no dns-01 challenge, but: http-01"},
        {AUTHZ("pending", "a.org", ""),              ERR_REFUSED,  "a.org: the issuer offers no dns-01 challenge, but: none"},
        {AUTHZ("pending", "a.org", FUTURE "," PERSIST "," HTTP01), ERR_REFUSED, "a.org: the issuer offers no dns-01 challenge, but: dns-77 dns-persist-01 http-01; set challenge in its [issuer] section to one that it has"},
        {AUTHZ("invalid", "a.org", HTTP01 "," ERROR), ERR_NETWORK, "a.org: the issuer says dns: SERVFAIL; it could not look the record up; check the zone with its name servers"},
        {AUTHZ("expired", "a.org", DNS01("t")),      ERR_REFUSED,  "a.org: the authorization is invalid, and the issuer does not say why"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct talk t;
        struct err e = {0};
        own_authzs struct authzs all = {0};

        begin(&t, "a.org", &rows[i].body, 1);
        assert_false(authzs_get(&all, &t.client, &t.urls, &t.names, &e));
        assert_string_equal(e.text, rows[i].text);
        assert_int_equal(e.code, rows[i].code);
        end(&t);
    }
}

static void
a_body_that_is_no_object_breaks_the_protocol(void **state)
{
    static const char *const bodies[] = {"[]"};
    struct talk t;
    struct err e = {0};
    own_authzs struct authzs all = {0};

    (void)state;
    begin(&t, "a.org", bodies, 1);
    t.replies[0].type = "text/plain";
    assert_false(authzs_get(&all, &t.client, &t.urls, &t.names, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    assert_string_equal(e.text, "POST 'https://ca.test/authz/0': not an authorization");
    end(&t);
}

static void
the_first_invalid_one_explains_a_refused_order(void **state)
{
    static const char *const bodies[] = {
        AUTHZ("valid", "a.org", ""),
        AUTHZ("invalid", "b.org", ERROR),
        AUTHZ("invalid", "c.org", ERROR),
    };
    struct talk t;
    struct err e = {0};

    (void)state;
    begin(&t, "a.org b.org c.org", bodies, COUNT(bodies));
    assert_false(authzs_explain(&t.client, &t.urls, &e));
    assert_non_null(strstr(e.text, "b.org: the issuer says dns: SERVFAIL"));
    assert_int_equal(t.http.next, 2);
    end(&t);
    begin(&t, "a.org", bodies, 1);
    assert_false(authzs_explain(&t.client, &t.urls, &e));
    assert_int_equal(e.code, ERR_REFUSED);
    assert_string_equal(e.text, "the issuer refuses the order and does not say why");
    end(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dns_01_challenge_is_found_among_others),
        cmocka_unit_test(the_wanted_challenge_is_taken_of_whichever_type),
        cmocka_unit_test(what_cannot_be_answered_is_refused),
        cmocka_unit_test(a_body_that_is_no_object_breaks_the_protocol),
        cmocka_unit_test(the_first_invalid_one_explains_a_refused_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
