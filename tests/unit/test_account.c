/* test_account.c: an account is made once (RFC 8555 section 7.3). */
#include "acme/account.h"

#include "acme/jws.h"
#include "base/b64url.h"
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
    static const char *const texts[] = {"account.key'", "account.key'",
                                        "not a key that an account can have"};

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

/* ---- external account binding ---- */

#define WITH_EAB                                                                                   \
    "{\"newNonce\":\"https://ca.test/nonce\",\"newAccount\":\"https://ca.test/new\","              \
    "\"newOrder\":\"https://ca.test/order\",\"meta\":{\"externalAccountRequired\":true}}"

static void
a_binding_that_is_missing_or_damaged_is_told_before_anything_is_sent(void **state)
{
    static char kid[] = "kid-1", nothing[] = "";
    static const struct {
        char *kid;
        const char *file; /* its content; NULL: not set */
        const char *text;
    } rows[] = {
        {NULL, NULL,
         "register: 'https://ca.test/dir' wants an external account binding: set eab_kid and "
         "eab_hmac_file to what it gave you"},
        {kid, NULL,
         "register: eab_kid and eab_hmac_file belong together, and eab_hmac_file is not set"},
        {NULL, "AQ", "register: eab_kid and eab_hmac_file belong together, and eab_kid is not set"},
        {kid, "A+/", "does not hold a key in base64url, as the issuer gives it"},
        {kid, "", "does not hold a key in base64url, as the issuer gives it"},
    };
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = WITH_EAB, .nonce = "n1"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct talk t;
        struct err e;

        begin(&t, replies, COUNT(replies));
        scratch_write(&t.scratch, "eab", rows[i].file == NULL ? nothing : rows[i].file);
        assert_int_equal(chmod(scratch_path(&t.scratch, "eab"), 0600), 0);
        t.issuer.eab_kid = rows[i].kid;
        t.issuer.eab_hmac_file =
            rows[i].file == NULL ? NULL : strdup(scratch_path(&t.scratch, "eab"));
        assert_false(open_account(&t, URL, &e));
        assert_int_equal(e.code, ERR_CONFIG);
        assert_non_null(strstr(e.text, rows[i].text));
        free(t.issuer.eab_hmac_file);
        end(&t, "GET https://ca.test/dir\n");
    }
}

/* The key in the file may end in the padding that some issuers hand out. */
static void
the_binding_holds_the_account_key_and_the_url_of_the_request(void **state)
{
    static char kid[] = "kid-1";
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = WITH_EAB, .nonce = "n1"},
        REGISTERED("https://ca.test/acct/1"),
    };
    struct talk t;
    struct err e;
    own_json struct json_t *payload = NULL;
    const struct json_t *binding = NULL;
    own_str struct str header = {0}, inner = {0}, jwk = {0};
    const char *text = NULL;

    (void)state;
    begin(&t, replies, COUNT(replies));
    scratch_write(&t.scratch, "eab", "AQIDBA==\n");
    assert_int_equal(chmod(scratch_path(&t.scratch, "eab"), 0600), 0);
    t.issuer.eab_kid = kid;
    t.issuer.eab_hmac_file = strdup(scratch_path(&t.scratch, "eab"));
    t.issuer.eab_algorithm = JWS_HS384;
    assert_true(open_account(&t, URL, &e));
    text = strchr(strstr(fake_http_asked(&t.http), "POST"), '{');
    payload = json_decode(text, strlen(text), &e);
    binding = json_member(payload, "externalAccountBinding");
    assert_true(b64url_decode(&header, json_member_text(binding, "protected")));
    assert_true(b64url_decode(&inner, json_member_text(binding, "payload")));
    assert_string_equal(header.text,
                        "{\"alg\":\"HS384\",\"url\":\"https://ca.test/new\",\"kid\":\"kid-1\"}");
    assert_true(jws_jwk(t.client.key, &jwk, &e));
    assert_string_equal(inner.text, jwk.text);
    free(t.issuer.eab_hmac_file);
    str_clear(&t.http.asked);
    end(&t, "");
}

/* ---- contacts ---- */

static void
contacts_are_told_once_when_they_change(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = PLAIN, .nonce = "n1"},
        REGISTERED("https://ca.test/acct/1"),
        {.status = 200, .type = JSON, .body = "{}", .nonce = "n3"},
    };
    struct talk t;
    struct err e;
    const char *directory = NULL;

    (void)state;
    begin(&t, replies, COUNT(replies));
    directory = scratch_path(&t.scratch, "acct");
    assert_true(open_account(&t, URL, &e));
    assert_true(account_tell_contacts(&t.client, &t.issuer, directory, &e));
    str_clear(&t.http.asked);
    assert_true(list_add(&t.issuer.contact, "mailto:new@example.org"));
    assert_true(account_tell_contacts(&t.client, &t.issuer, directory, &e));
    assert_true(account_tell_contacts(&t.client, &t.issuer, directory, &e));
    end(&t, "POST https://ca.test/acct/1 https://ca.test/acct/1 n2 "
            "{\"contact\":[\"mailto:dba@example.org\",\"mailto:new@example.org\"]}\n");
}

/* RFC 8555 section 7.3.1: newAccount with a known key changes nothing there. */
static void
the_contacts_of_an_account_that_was_there_are_what_the_server_says(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = PLAIN, .nonce = "n1"},
        {.status = 200,
         .type = JSON,
         .body = "{\"contact\":[\"mailto:old@example.org\"]}",
         .nonce = "n2",
         .location = "https://ca.test/acct/1"},
        {.status = 200, .type = JSON, .body = "{}", .nonce = "n3"},
    };
    struct talk t;
    struct err e;

    (void)state;
    begin(&t, replies, COUNT(replies));
    assert_true(open_account(&t, URL, &e));
    assert_non_null(strstr(scratch_read(&t.scratch, "acct/account.json"), "old@example.org"));
    str_clear(&t.http.asked);
    assert_true(account_tell_contacts(&t.client, &t.issuer, scratch_path(&t.scratch, "acct"), &e));
    end(&t, "POST https://ca.test/acct/1 https://ca.test/acct/1 n2 "
            "{\"contact\":[\"mailto:dba@example.org\"]}\n");
}

static void
a_deactivated_account_asks_nobody_and_says_what_to_do(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .type = JSON, .body = PLAIN, .nonce = "n1"},
        REGISTERED("https://ca.test/acct/1"),
    };
    struct talk t;
    struct err e;

    (void)state;
    begin(&t, replies, COUNT(replies));
    assert_true(open_account(&t, URL, &e));
    assert_true(account_mark_deactivated(&t.client, scratch_path(&t.scratch, "acct"), &e));
    str_clear(&t.http.asked);
    assert_false(open_account(&t, URL, &e));
    assert_int_equal(e.code, ERR_REFUSED);
    assert_string_equal(e.text, "the account https://ca.test/acct/1 was deactivated on 2026-11-22; "
                                "make a new one by: pgcert account register");
    end(&t, "");
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
        cmocka_unit_test(a_binding_that_is_missing_or_damaged_is_told_before_anything_is_sent),
        cmocka_unit_test(the_binding_holds_the_account_key_and_the_url_of_the_request),
        cmocka_unit_test(contacts_are_told_once_when_they_change),
        cmocka_unit_test(the_contacts_of_an_account_that_was_there_are_what_the_server_says),
        cmocka_unit_test(a_deactivated_account_asks_nobody_and_says_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
