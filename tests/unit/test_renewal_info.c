/* test_renewal_info.c: the id of a certificate, windows, and the question (RFC 9773). */
#include "acme/renewal_info.h"

#include "tests/fake/http.h"
#include "tests/fake/mint.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 9773 appendix A, whose id section 4.1 gives */
static char rfc_pem[] = "-----BEGIN CERTIFICATE-----\n"
                        "MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt\n"
                        "cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS\n"
                        "BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu\n"
                        "7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf\n"
                        "qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B\n"
                        "yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb\n"
                        "+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK\n"
                        "-----END CERTIFICATE-----\n";
static const struct str rfc_chain = {rfc_pem, sizeof(rfc_pem) - 1, 0};
#define RFC_ID "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"

/* ---- the id ---- */

static void
the_id_is_that_of_the_rfc(void **state)
{
    struct err e = {0};
    own_mem char *id = acme_renewal_id(&rfc_chain, &e);

    (void)state;
    assert_non_null(id);
    assert_string_equal(id, RFC_ID);
}

static void
a_certificate_without_the_identifier_of_its_issuer_has_no_id(void **state)
{
    struct mint m = {.cn = "a", .names = "DNS:a", .from_s = 1, .until_s = 2000000000};
    struct minted made = mint(&m, NULL);
    struct err e = {0};

    (void)state;
    assert_null(renewal_info_id(made.cert, &e));
    assert_int_equal(e.code, ERR_INPUT);
    minted_done(&made);
}

/* ---- times ---- */

static void
times_are_read_as_rfc_3339_has_them(void **state)
{
    /* by date(1): date -d TEXT +%s */
    static const struct {
        const char *text;
        int64_t at_s;
    } rows[] = {
        {"2025-01-02T04:00:00Z", 1735790400},      {"2025-01-02T04:00:00.999999999Z", 1735790400},
        {"2025-01-02T04:00:00+01:00", 1735786800}, {"2025-01-02T04:00:00.5-05:30", 1735810200},
        {"2025-01-02T04:00:00z", 1735790400},
    };
    static const char *const wrong[] = {
        "",
        "2025-01-02",
        "2025-01-02T04:00:00",
        "2025-01-02 04:00:00Z",
        "2025-02-30T04:00:00Z",
        "2025-01-02T04:00:00.Z",
        "2025-01-02T04:00:00+1:00",
        "2025-01-02T04:00:00+01:00 ",
        "2025-01-02T04:00:00+24:00",
        "2025-01-02T04:00:00+01:60",
        "2025-01-02T04:00:00+0100",
        "2025-01-02T04:00:00ZZ",
        "in a week",
    };
    int64_t at_s = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (!renewal_info_time(&at_s, rows[i].text) || at_s != rows[i].at_s)
            fail_msg("%s: %lld", rows[i].text, (long long)at_s);
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (renewal_info_time(&at_s, wrong[i]))
            fail_msg("'%s' is taken", wrong[i]);
}

/* ---- the answer ---- */

static bool
read_window(struct acme_window *w, const char *text, struct err *e)
{
    own_json struct json_t *answer = json_decode(text, strlen(text), e);

    assert_non_null(answer);
    return renewal_info_read(w, answer, e);
}

static void
the_window_and_the_reason_are_read(void **state)
{
    /* RFC 9773 section 4.2 */
    own_window struct acme_window w = {0};
    struct err e = {0};

    (void)state;
    assert_true(read_window(&w,
                            "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\","
                            "\"end\":\"2025-01-03T04:00:00Z\"},"
                            "\"explanationURL\":\"https://acme.example.com/docs/ari\",\"new\":1}",
                            &e));
    assert_int_equal(w.start_s, 1735790400);
    assert_int_equal(w.end_s, 1735876800);
    assert_string_equal(w.explanation, "https://acme.example.com/docs/ari");
}

static void
what_is_no_window_is_refused(void **state)
{
    static const char *const rows[] = {
        "{}",
        "{\"suggestedWindow\":[]}",
        "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\"}}",
        "{\"suggestedWindow\":{\"start\":1,\"end\":2}}",
        "{\"suggestedWindow\":{\"start\":\"2025-01-03T04:00:00Z\",\"end\":\"2025-01-02T04:00:00Z\"}"
        "}",
        "{\"suggestedWindow\":{\"start\":\"2025-01-03T04:00:00Z\",\"end\":\"2025-01-03T04:00:00Z\"}"
        "}",
        "{\"suggestedWindow\":{\"start\":\"0001-01-01T00:00:00Z\",\"end\":\"2025-01-03T04:00:00Z\"}"
        "}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_window struct acme_window w = {0};
        struct err e = {0};

        if (read_window(&w, rows[i], &e) || e.code != ERR_PROTOCOL)
            fail_msg("%s: %s", rows[i], e.text);
    }
}

static void
a_reason_that_is_no_address_is_not_shown(void **state)
{
    static const char *const rows[] = {"javascript:alert(1)", "https://a b", "https://a\\u001b[2J",
                                       "https://\\u00e4", "ftp://a/"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_window struct acme_window w = {0};
        own_mem char *text = str_format("{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\","
                                        "\"end\":\"2025-01-03T04:00:00Z\"},"
                                        "\"explanationURL\":\"%s\"}",
                                        rows[i]);
        struct err e = {0};

        assert_true(read_window(&w, text, &e));
        assert_null(w.explanation);
    }
}

/* ---- the question ---- */

static char directory_url[] = "https://ca.test/dir";
static const struct acme_issuer issuer = {.directory = directory_url};

/* The URL when that is remembered of the session. */
static char *
url_by(const char *session, bool wanted)
{
    own_scratch struct scratch scratch = scratch_new();
    struct err e = {0};
    char *url = NULL;

    if (session != NULL)
        scratch_write(&scratch, "session.json", session);
    assert_int_equal(acme_renewal_url(scratch.path, &issuer, &rfc_chain, &url, &e), wanted);
    return url;
}

static void
the_url_is_made_of_what_the_directory_says(void **state)
{
    own_mem char *plain = url_by("{\"directory_url\":\"https://ca.test/dir\",\"directory\":"
                                 "{\"renewalInfo\":\"https://ca.test/ari\"}}",
                                 true);
    own_mem char *slash = url_by("{\"directory_url\":\"https://ca.test/dir\",\"directory\":"
                                 "{\"renewalInfo\":\"https://ca.test/ari/\"}}",
                                 true);

    (void)state;
    assert_string_equal(plain, "https://ca.test/ari/" RFC_ID);
    assert_string_equal(slash, "https://ca.test/ari/" RFC_ID);
}

static void
without_renewal_info_in_this_issuers_directory_there_is_no_question(void **state)
{
    (void)state;
    assert_null(url_by(NULL, true));
    assert_null(url_by("{\"directory_url\":\"https://ca.test/dir\",\"directory\":{}}", true));
    assert_null(url_by("{\"directory_url\":\"https://other.test/dir\",\"directory\":"
                       "{\"renewalInfo\":\"https://other.test/ari\"}}",
                       true));
    assert_null(url_by("{\"directory_url\":", false));
}

static void
an_answer_is_a_window_or_an_error_with_its_time(void **state)
{
    static const struct reply replies[] = {
        {.status = 200,
         .type = "application/json",
         .body = "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\","
                 "\"end\":\"2025-01-03T04:00:00Z\"}}",
         .retry_at_s = 77},
        {.status = 503, .retry_at_s = 88},
        {.status = 404,
         .type = "application/problem+json",
         .body = "{\"type\":\"urn:ietf:params:acme:error:malformed\",\"detail\":\"who?\"}"},
        {.status = 200, .body = "<html>"},
        {.status = 302, .location = "https://ca.test/elsewhere"},
        {0},
    };
    own_fake_http struct fake_http http = fake_http_with(replies, COUNT(replies));
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        own_window struct acme_window w = {0};

        e = (struct err){0};
        assert_int_equal(acme_renewal_ask(&http.base, "https://ca.test/ari/x", &w, &e), i == 0);
        if (i == 0)
            assert_int_equal(w.retry_at_s, 77);
        if (i == 1)
            assert_int_equal(e.retry_at_s, 88);
        if (i == 2)
            assert_non_null(strstr(e.text, "who?"));
    }
    assert_int_equal(http.next, http.count);
    assert_non_null(strstr(fake_http_asked(&http), "GET https://ca.test/ari/x\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_id_is_that_of_the_rfc),
        cmocka_unit_test(a_certificate_without_the_identifier_of_its_issuer_has_no_id),
        cmocka_unit_test(times_are_read_as_rfc_3339_has_them),
        cmocka_unit_test(the_window_and_the_reason_are_read),
        cmocka_unit_test(what_is_no_window_is_refused),
        cmocka_unit_test(a_reason_that_is_no_address_is_not_shown),
        cmocka_unit_test(the_url_is_made_of_what_the_directory_says),
        cmocka_unit_test(without_renewal_info_in_this_issuers_directory_there_is_no_question),
        cmocka_unit_test(an_answer_is_a_window_or_an_error_with_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
