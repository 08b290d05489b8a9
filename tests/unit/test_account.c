/* test_account.c: an account is made once (RFC 8555 section 7.3). */
#include "acme/account.h"

#include "tests/fake/clock.h"
#include "tests/fake/http.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define JSON "application/json"
#define PLAIN                                                                                      \
    "{\"newNonce\":\"https://ca.test/nonce\",\"newAccount\":\"https://ca.test/new\","              \
    "\"newOrder\":\"https://ca.test/order\"}"
#define WITH_TERMS                                                                                 \
    "{\"newNonce\":\"https://ca.test/nonce\",\"newAccount\":\"https://ca.test/new\","              \
    "\"newOrder\":\"https://ca.test/order\",\"meta\":{\"termsOfService\":\"https://ca.test/"       \
    "tos\"}}"
#define REGISTERED(url)                                                                            \
    {                                                                                              \
        .status = 201, .type = JSON, .body = "{}", .nonce = "n2", .location = (url)                \
    }

struct talk {
    struct scratch scratch;
    struct fake_clock clock;
    struct fake_http http;
    struct client client;
    struct acme_issuer issuer;
};

static void
begin(struct talk *t, const struct reply *replies, size_t count)
{
    *t = (struct talk){.scratch = scratch_new(), .clock = fake_clock_at(1795316400)};
    t->http = fake_http_with(replies, count);
    t->issuer.agree_terms = true;
    assert_true(list_add(&t->issuer.contact, "mailto:dba@example.org"));
}

/* As each run does it. */
static bool
open_account(struct talk *t, const char *directory_url, struct err *e)
{
    client_done(&t->client);
    *e = (struct err){0};
    assert_true(client_init(&t->client, &t->http.base, &t->clock.base, directory_url,
                            scratch_path(&t->scratch, "acct/session.json"), e));
    return account_open(&t->client, &t->issuer, scratch_path(&t->scratch, "acct"), e);
}

static void
end(struct talk *t, const char *asked)
{
    assert_string_equal(fake_http_asked(&t->http), asked);
    client_done(&t->client);
    fake_http_done(&t->http);
    list_done(&t->issuer.contact);
    scratch_done(&t->scratch);
}

#define URL "https://ca.test/dir"

static void
an_account_is_registered_once_and_its_url_remembered(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = WITH_TERMS, .nonce = "n1"},
        REGISTERED("https://ca.test/acct/1"),
    };
    struct talk t;
    struct err e;
    struct stat key = {0};

    (void)state;
    begin(&t, replies, COUNT(replies));
    assert_true(open_account(&t, URL, &e));
    assert_string_equal(t.client.kid, "https://ca.test/acct/1");
    assert_int_equal(stat(scratch_path(&t.scratch, "acct/account.key"), &key), 0);
    assert_int_equal(key.st_mode & 07777, 0600);
    assert_true(open_account(&t, URL, &e));
    assert_string_equal(t.client.kid, "https://ca.test/acct/1");
    end(&t, "GET https://ca.test/dir\nPOST https://ca.test/new jwk n1 "
            "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:dba@example.org\"]}\n");
}

static void
the_key_stays_the_same_when_the_registration_has_failed(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = PLAIN, .nonce = "n1"},
        {.status = 0},
        {.status = 200, .type = JSON, .body = PLAIN, .nonce = "n1"},
        REGISTERED("https://ca.test/acct/1"),
    };
    struct talk t;
    struct err e;
    own_mem char *key = NULL;

    (void)state;
    begin(&t, replies, COUNT(replies));
    assert_false(open_account(&t, URL, &e));
    assert_int_equal(e.code, ERR_NETWORK);
    assert_string_equal(e.text, "register: POST 'https://ca.test/new': no connection");
    key = strdup(scratch_read(&t.scratch, "acct/account.key"));
    assert_false(scratch_has(&t.scratch, "acct/account.json"));
    assert_true(open_account(&t, URL, &e));
    assert_string_equal(scratch_read(&t.scratch, "acct/account.key"), key);
    str_clear(&t.http.asked);
    end(&t, "");
}

static void
terms_that_are_not_agreed_to_stop_before_anything_is_sent(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = WITH_TERMS, .nonce = "n1"},
        REGISTERED("https://ca.test/acct/1"),
    };
    struct talk t;
    struct err e;

    (void)state;
    begin(&t, replies, COUNT(replies));
    t.issuer.agree_terms = false;
    assert_false(open_account(&t, URL, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_string_equal(e.text, "register at 'https://ca.test/dir': read its terms of service at "
                                "https://ca.test/tos and set agree_terms = yes");
    end(&t, "GET https://ca.test/dir\n");
}

static void
a_server_without_terms_needs_no_agreement_and_a_person_no_address(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = PLAIN, .nonce = "n1"},
        REGISTERED("https://ca.test/acct/1"),
    };
    struct talk t;
    struct err e;

    (void)state;
    begin(&t, replies, COUNT(replies));
    t.issuer.agree_terms = false;
    list_done(&t.issuer.contact);
    assert_true(open_account(&t, URL, &e));
    end(&t, "GET https://ca.test/dir\n"
            "POST https://ca.test/new jwk n1 {\"termsOfServiceAgreed\":false}\n");
}

static void
the_url_of_another_server_is_not_used(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = PLAIN, .nonce = "n1"},
        REGISTERED("https://ca.test/acct/1"),
        {.status = 200, .type = JSON, .body = PLAIN, .nonce = "n1"},
        REGISTERED("https://ca.test/acct/2"),
    };
    struct talk t;
    struct err e;

    (void)state;
    begin(&t, replies, COUNT(replies));
    assert_true(open_account(&t, "https://staging.test/dir", &e));
    assert_true(open_account(&t, URL, &e));
    assert_string_equal(t.client.kid, "https://ca.test/acct/2");
    str_clear(&t.http.asked);
    end(&t, "");
}

static void
an_account_without_location_breaks_the_protocol(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = PLAIN, .nonce = "n1"},
        {.status = 201, .type = JSON, .body = "{}"},
    };
    struct talk t;
    struct err e;

    (void)state;
    begin(&t, replies, COUNT(replies));
    assert_false(open_account(&t, URL, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    assert_false(scratch_has(&t.scratch, "acct/account.json"));
    str_clear(&t.http.asked);
    end(&t, "");
}

static void
a_key_that_cannot_be_used_is_never_replaced(void **state)
{
    /* openssl genpkey -algorithm ed25519 */
    static const char ed25519[] =
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        "-----END PRIVATE KEY-----\n"; /* RFC 8032 section 7.1, test 1 */
    static const char *const rows[] = {"", "junk", ed25519};
    static const char *const texts[] = {"account.key'", "account.key'", "must be ECDSA P-256"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct talk t;
        struct err e;

        begin(&t, NULL, 0);
        assert_int_equal(mkdir(scratch_path(&t.scratch, "acct"), 0700), 0);
        scratch_write(&t.scratch, "acct/account.key", rows[i]);
        assert_false(open_account(&t, URL, &e));
        assert_int_equal(e.code, ERR_INPUT);
        assert_non_null(strstr(e.text, texts[i]));
        assert_string_equal(scratch_read(&t.scratch, "acct/account.key"), rows[i]);
        end(&t, "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_registered_once_and_its_url_remembered),
        cmocka_unit_test(the_key_stays_the_same_when_the_registration_has_failed),
        cmocka_unit_test(terms_that_are_not_agreed_to_stop_before_anything_is_sent),
        cmocka_unit_test(a_server_without_terms_needs_no_agreement_and_a_person_no_address),
        cmocka_unit_test(the_url_of_another_server_is_not_used),
        cmocka_unit_test(an_account_without_location_breaks_the_protocol),
        cmocka_unit_test(a_key_that_cannot_be_used_is_never_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
