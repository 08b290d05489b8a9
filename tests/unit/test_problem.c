/* test_problem.c: problem documents as RFC 8555 sections 6.7 and 6.7.1 show them, in a sentence. */
#include "acme/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define URN "urn:ietf:params:acme:error:"

static struct err
told(const char *text, int status, int64_t retry_at_s)
{
    struct err e = {0};
    own_json struct json_t *problem = text == NULL ? NULL : json_decode(text, strlen(text), &e);

    assert_int_equal(text == NULL, problem == NULL);
    assert_false(problem_tell(problem, status, retry_at_s, &e));
    return e;
}

static void
every_type_of_the_rfc_has_its_code(void **state)
{
    /* the types of RFC 8555 section 6.7, the codes as err.h says what each is for */
    /* clang-format off */
    static const struct {
        const char *type;
        enum err_code code;
    } rows[] = {
        {"accountDoesNotExist",     ERR_REFUSED},  {"alreadyRevoked",        ERR_REFUSED},
        {"badCSR",                  ERR_REFUSED},  {"badNonce",              ERR_NETWORK},
        {"badPublicKey",            ERR_REFUSED},  {"badRevocationReason",   ERR_REFUSED},
        {"badSignatureAlgorithm",   ERR_REFUSED},  {"caa",                   ERR_REFUSED},
        {"compound",                ERR_REFUSED},  {"connection",            ERR_NETWORK},
        {"dns",                     ERR_NETWORK},  {"externalAccountRequired", ERR_CONFIG},
        {"incorrectResponse",       ERR_REFUSED},  {"invalidContact",        ERR_CONFIG},
        {"malformed",               ERR_PROTOCOL}, {"orderNotReady",         ERR_NETWORK},
        {"rateLimited",             ERR_BUSY},     {"rejectedIdentifier",    ERR_REFUSED},
        {"serverInternal",          ERR_NETWORK},  {"tls",                   ERR_NETWORK},
        {"unauthorized",            ERR_REFUSED},  {"unsupportedContact",    ERR_CONFIG},
        {"unsupportedIdentifier",   ERR_REFUSED},  {"userActionRequired",    ERR_REFUSED},
        /* and the others of https://www.iana.org/assignments/acme */
        {"alreadyReplaced",         ERR_REFUSED},  {"autoRenewalCanceled",   ERR_PROTOCOL},
        {"autoRenewalExpired",      ERR_PROTOCOL}, {"autoRenewalCancellationInvalid", ERR_PROTOCOL},
        {"autoRenewalRevocationNotSupported", ERR_REFUSED}, {"unknownDelegation", ERR_PROTOCOL},
        {"onionCAARequired",        ERR_REFUSED},  {"badAttestationStatement", ERR_REFUSED},
        {"invalidProfile",          ERR_CONFIG},   {"conflict",              ERR_REFUSED},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *text =
            str_format("{\"type\":\"" URN "%s\",\"detail\":\"because.\"}", rows[i].type);
        own_mem char *said = str_format("the issuer says %s: because", rows[i].type);
        struct err e = told(text, 403, 1795316400);

        if (e.code != rows[i].code)
            fail_msg("%s: code %d", rows[i].type, (int)e.code);
        assert_memory_equal(e.text, said, strlen(said));
        /* but for one that speaks by its subproblems, there is something to do */
        if (e.text[strlen(said)] != (strcmp(rows[i].type, "compound") == 0 ? '\0' : ';'))
            fail_msg("%s", e.text);
        assert_int_equal(e.retry_at_s, 1795316400);
    }
}

static void
a_type_of_the_future_is_a_refusal(void **state)
{
    struct err e = told("{\"type\":\"" URN "ofTheFuture\",\"detail\":\"because\"}", 403, 7);

    (void)state;
    assert_int_equal(e.code, ERR_REFUSED);
    assert_string_equal(e.text, "the issuer says ofTheFuture: because");
}

static void
a_problem_inside_of_a_resource_that_says_nothing_is_a_refusal(void **state)
{
    static const char *const rows[] = {"{}", "{\"type\":7}", "{\"detail\":[]}"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = told(rows[i], 0, 0);

        assert_int_equal(e.code, ERR_REFUSED);
        assert_string_equal(e.text, "the issuer refuses and does not say why");
    }
}

static void
a_compound_problem_has_the_code_that_its_subproblems_share(void **state)
{
    /* clang-format off */
    static const struct {
        const char *subs;
        enum err_code code;
    } rows[] = {
        {"{\"type\":\"" URN "dns\"},{\"type\":\"" URN "connection\"}", ERR_NETWORK},
        {"{\"type\":\"" URN "dns\"},{\"type\":\"" URN "caa\"}",        ERR_REFUSED},
        {"{\"type\":\"" URN "dns\"},{\"type\":\"x\"}",                 ERR_REFUSED},
        {"{\"type\":\"" URN "invalidContact\"}",                        ERR_CONFIG},
        {"",                                                                ERR_REFUSED},
        {"7,null",                                                          ERR_REFUSED},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *text =
            str_format("{\"type\":\"" URN "compound\",\"detail\":\"several\",\"subproblems\":[%s]}",
                       rows[i].subs);

        assert_int_equal(told(text, 403, 0).code, rows[i].code);
    }
}

static void
long_texts_leave_room_for_what_to_do(void **state)
{
    own_str struct str text = {0};
    struct err e = {0};

    (void)state;
    assert_true(str_addf(&text, "{\"type\":\"" URN "caa\",\"detail\":\""));
    for (int i = 0; i < 1000; i++)
        assert_true(str_add(&text, "\xc3\xa9", 2));
    assert_true(str_addf(&text, "\"}"));
    e = told(text.text, 403, 0);
    assert_non_null(strstr(e.text, "\xc3\xa9...; a CAA record of the name"));
    str_clear(&text);
    /* an odd number of bytes before: the cut is inside of a character, and moves */
    assert_true(str_addf(&text, "{\"type\":\"" URN "caa\",\"detail\":\"x"));
    for (int i = 0; i < 1000; i++)
        assert_true(str_add(&text, "\xc3\xa9", 2));
    assert_true(str_addf(&text, "\"}"));
    e = told(text.text, 403, 0);
    assert_non_null(strstr(e.text, "\xc3\xa9...; a CAA record of the name"));
}

static void
of_many_subproblems_the_first_are_told_and_the_others_counted(void **state)
{
    own_str struct str text = {0};
    struct err e = {0};

    (void)state;
    assert_true(str_addf(&text, "{\"type\":\"" URN "rejectedIdentifier\",\"subproblems\":["));
    for (int i = 0; i < 1000; i++)
        assert_true(str_addf(&text,
                             "%s{\"type\":\"" URN "caa\",\"detail\":\"no\","
                             "\"identifier\":{\"value\":\"n%d\"}}",
                             i > 0 ? "," : "", i));
    assert_true(str_addf(&text, "]}"));
    e = told(text.text, 403, 0);
    assert_string_equal(e.text,
                        "the issuer says rejectedIdentifier: ; n0: no (a CAA record of the name "
                        "forbids this issuer; allow it there); n1: no; n2: no; n3: no; n4: no; "
                        "and 995 more");
}

/* RFC 8555 section 7.3.3 has the URLs of this example, but for the host */
static void
who_must_act_is_told_where(void **state)
{
    /* clang-format off */
    static const struct {
        const char *type, *instance, *help, *terms, *text;
    } rows[] = {
        {"userActionRequired", "https://ca.test/agreement/?token=W8Ih3PswD-8", NULL, "https://ca.test/terms",
         "x; go to https://ca.test/agreement/?token=W8Ih3PswD-8; do what it asks for, then run again; its terms of service: https://ca.test/terms"},
        {"userActionRequired", "http://ca.test/a", "https://ca.test/help", "http://ca.test/terms", "x; do what it asks for, then run again"},
        {"userActionRequired", "https://ca.test/\\u001b[2J", NULL, NULL, "x; do what it asks for, then run again"},
        {"userActionRequired", "javascript:alert(1)",  NULL, "https://ca.test/a b", "x; do what it asks for, then run again"},
        {"rateLimited", "https://ca.test/i", "https://ca.test/limits", "https://ca.test/terms",
         "x; it has had too many requests of this kind; wait, and order fewer; its rules: https://ca.test/limits"},
        {"caa", "https://ca.test/i", "https://ca.test/help", "https://ca.test/terms", "x; a CAA record of the name forbids this issuer; allow it there"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *text =
            str_format("{\"type\":\"" URN "%s\",\"detail\":\"x\",\"instance\":\"%s\"}",
                       rows[i].type, rows[i].instance);
        own_mem char *wanted = str_format("the issuer says %s: %s", rows[i].type, rows[i].text);
        own_list struct list help = {0};
        own_list struct list terms = {0};
        struct err e = {0};
        own_json struct json_t *problem = json_decode(text, strlen(text), &e);

        assert_non_null(problem);
        assert_true(rows[i].help == NULL || list_add(&help, rows[i].help));
        assert_true(rows[i].terms == NULL || list_add(&terms, rows[i].terms));
        assert_false(problem_tell(problem, 403, 0, &e));
        problem_point(problem, &help, &terms, &e);
        assert_string_equal(e.text, wanted);
    }
}

static void
a_status_without_explanation_speaks_for_itself(void **state)
{
    /* clang-format off */
    static const struct {
        int status;
        enum err_code code;
    } rows[] = {
        {301, ERR_PROTOCOL},
        {403, ERR_PROTOCOL},
        {404, ERR_PROTOCOL},
        {429, ERR_BUSY},
        {500, ERR_NETWORK},
        {503, ERR_NETWORK},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *text =
            str_format("the issuer answered with status %d and no explanation", rows[i].status);
        struct err e = told(NULL, rows[i].status, 7);

        assert_int_equal(e.code, rows[i].code);
        assert_string_equal(e.text, text);
        assert_int_equal(e.retry_at_s, 7);
        assert_int_equal(told("{\"a\":1}", rows[i].status, 0).code, rows[i].code);
    }
}

static void
an_unknown_type_of_a_broken_server_is_temporary(void **state)
{
    (void)state;
    assert_int_equal(told("{\"type\":\"about:blank\"}", 500, 0).code, ERR_NETWORK);
    assert_int_equal(told("{\"type\":\"about:blank\"}", 403, 0).code, ERR_REFUSED);
    assert_string_equal(told("{\"type\":\"about:blank\",\"detail\":\"x\"}", 403, 0).text,
                        "the issuer says about:blank: x");
}

static void
subproblems_are_told_by_name(void **state)
{
    /* after the example in RFC 8555 section 6.7.1 */
    static const char text[] =
        "{\"type\":\"" URN
        "malformed\",\"detail\":\"Some of the identifiers requested were rejected\","
        "\"subproblems\":[{\"type\":\"" URN
        "malformed\",\"detail\":\"Invalid underscore in DNS name\","
        "\"identifier\":{\"type\":\"dns\",\"value\":\"_example.org\"}},"
        "{\"type\":\"" URN "rejectedIdentifier\",\"detail\":\"This CA will not issue for it\","
        "\"identifier\":{\"type\":\"dns\",\"value\":\"example.net\"}}, 5]}";

    (void)state;
    assert_string_equal(
        told(text, 403, 0).text,
        "the issuer says malformed: Some of the identifiers requested were rejected; "
        "_example.org: Invalid underscore in DNS name; "
        "example.net: This CA will not issue for it (this issuer does not sign that name; "
        "correct the setting names); ?: ");
}

static void
a_hostile_document_stays_one_line(void **state)
{
    struct err e = told("{\"type\":\"" URN "caa\",\"detail\":\"a\\nb\\u001b[2J\"}", 403, 0);

    (void)state;
    assert_null(strpbrk(e.text, "\n\x1b"));
}

static void
a_type_is_only_it_with_the_whole_prefix(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        bool is;
    } rows[] = {
        {"{\"type\":\"" URN "badNonce\"}",              true},
        {"{\"type\":\"badNonce\"}",                     false},
        {"{\"type\":\"urn:acme:error:badNonce\"}",      false},
        {"{\"type\":\"" URN "badNonceX\"}",             false},
        {"{\"type\":\"" URN "\"}",                      false},
        {"{\"type\":5}",                                false},
        {"{}",                                          false},
    };
    /* clang-format on */

    (void)state;
    assert_false(problem_is(NULL, "badNonce"));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        own_json struct json_t *problem = json_decode(rows[i].text, strlen(rows[i].text), &e);

        assert_int_equal(problem_is(problem, "badNonce"), rows[i].is);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_of_the_rfc_has_its_code),
        cmocka_unit_test(a_type_of_the_future_is_a_refusal),
        cmocka_unit_test(a_problem_inside_of_a_resource_that_says_nothing_is_a_refusal),
        cmocka_unit_test(a_compound_problem_has_the_code_that_its_subproblems_share),
        cmocka_unit_test(long_texts_leave_room_for_what_to_do),
        cmocka_unit_test(of_many_subproblems_the_first_are_told_and_the_others_counted),
        cmocka_unit_test(who_must_act_is_told_where),
        cmocka_unit_test(a_status_without_explanation_speaks_for_itself),
        cmocka_unit_test(an_unknown_type_of_a_broken_server_is_temporary),
        cmocka_unit_test(subproblems_are_told_by_name),
        cmocka_unit_test(a_hostile_document_stays_one_line),
        cmocka_unit_test(a_type_is_only_it_with_the_whole_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
