/* test_message.c: what is said between who asks for a certificate and the CA, by strangers. */
#include "ca/message.h"

#include "base/csr.h"
#include "base/json.h"
#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void
a_question_is_read_as_it_was_asked(void **state)
{
    struct ca_question q = {.name = strdup("db.example.test")}, read = {0};
    struct str line = {0};
    struct err e = {0};

    (void)state;
    assert_true(str_add(&q.request, "\x30\x00\xff", 3));
    assert_true(message_put_question(&q, &line, &e));
    /* base64 of those three bytes by basenc --base64url */
    assert_string_equal(line.text, "{\"version\":1,\"certificate\":\"db.example.test\",\"request\":"
                                   "\"MAD_\"}\n");
    assert_true(message_get_question(line.text, line.size, &read, &e));
    assert_string_equal(read.name, "db.example.test");
    assert_int_equal(read.request.size, 3);
    assert_memory_equal(read.request.text, "\x30\x00\xff", 3);
    ca_question_done(&q);
    ca_question_done(&read);
    str_done(&line);
}

static void
what_is_no_question_is_told(void **state)
{
    /* clang-format off */
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"",                                                              "not JSON"},
        {"[]",                                                            "not an object"},
        {"{\"version\":2,\"certificate\":\"a\",\"request\":\"MAA\"}",     "version is not 1"},
        {"{\"certificate\":\"a\",\"request\":\"MAA\"}",                   "version is not 1"},
        {"{\"version\":1,\"request\":\"MAA\"}",                           "names no certificate"},
        {"{\"version\":1,\"certificate\":\"\",\"request\":\"MAA\"}",      "names no certificate"},
        {"{\"version\":1,\"certificate\":1,\"request\":\"MAA\"}",         "names no certificate"},
        {"{\"version\":1,\"certificate\":\"a\"}",                         "not base64url"},
        {"{\"version\":1,\"certificate\":\"a\",\"request\":\"\"}",        "not base64url"},
        {"{\"version\":1,\"certificate\":\"a\",\"request\":\"M+/A\"}",    "not base64url"},
        {"{\"version\":1,\"version\":1}",                                 ""},
    };
    /* clang-format on */
    char *large = calloc(1, MESSAGE_MAX + 2);
    struct ca_question q = {0};
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        e = (struct err){0};
        assert_false(message_get_question(rows[i].line, strlen(rows[i].line), &q, &e));
        assert_int_equal(e.code, ERR_PROTOCOL);
        assert_non_null(strstr(e.text, "that is no question"));
        assert_non_null(strstr(e.text, rows[i].says));
        assert_null(q.name);
    }
    assert_non_null(large);
    memset(large, ' ', MESSAGE_MAX + 1);
    assert_false(message_get_question(large, MESSAGE_MAX + 1, &q, &e));
    assert_non_null(strstr(e.text, "too large"));
    free(large);
}

static void
a_chain_is_read_as_it_was_answered(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct str chain = {0}, line = {0}, read = {0}, again = {0};
    struct err e = {0};

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    ca = fake_ca_open(&f);
    fake_ca_client(ca, "alice", &chain);
    assert_true(message_put_answer(&chain, NULL, &line, &e));
    assert_true(message_get_answer(line.text, line.size, &read, &e));
    assert_string_equal(read.text, chain.text);
    /* one byte more behind a certificate is not passed over */
    assert_true(str_addf(&again, "{\"version\":1,\"chain\":[\"MAAA\"]}"));
    str_clear(&read);
    assert_false(message_get_answer(again.text, again.size, &read, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
    assert_int_equal(read.size, 0);
    /* a CA that has no chain has nothing to answer */
    str_clear(&line);
    assert_false(message_put_answer(&again, NULL, &line, &e));
    assert_int_equal(e.code, ERR_INPUT);
    ca_close(&ca);
    fake_ca_end(&f);
    str_done(&chain);
    str_done(&line);
    str_done(&read);
    str_done(&again);
}

static void
an_error_keeps_its_kind_and_its_sentence(void **state)
{
    static const enum err_code codes[] = {ERR_INPUT,  ERR_REFUSED,   ERR_INTERNAL, ERR_CREATE,
                                          ERR_SYSTEM, ERR_TIMEOUT,   ERR_BUSY,     ERR_PROTOCOL,
                                          ERR_CONFIG, ERR_PERMISSION};

    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct str line = {0}, chain = {0};
        struct err why = {0}, e = {0};

        (void)err_set(&why, codes[i], "it is \"so\"");
        assert_true(message_put_answer(NULL, &why, &line, &e));
        assert_false(message_get_answer(line.text, line.size, &chain, &e));
        assert_int_equal(e.code, codes[i]);
        assert_string_equal(e.text, "it is \"so\"");
        assert_int_equal(chain.size, 0);
        str_done(&line);
    }
}

static void
what_is_no_answer_is_told(void **state)
{
    static const char *const lines[] = {
        "",
        "{\"version\":1}",
        "{\"version\":1,\"chain\":[]}",
        "{\"version\":1,\"chain\":\"MAA\"}",
        "{\"version\":1,\"chain\":[\"MAA\"]}",
        "{\"version\":1,\"chain\":[1]}",
        "{\"version\":1,\"chain\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
        "{\"version\":1,\"error\":{\"code\":\"none\",\"text\":\"all is well\"}}",
        "{\"version\":1,\"error\":{\"code\":\"input\"}}",
        "{\"version\":1,\"error\":\"input\"}",
    };
    struct str chain = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct err e = {0};

        assert_false(message_get_answer(lines[i], strlen(lines[i]), &chain, &e));
        assert_int_equal(e.code, ERR_PROTOCOL);
        assert_non_null(strstr(e.text, "that is no answer"));
        assert_int_equal(chain.size, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_read_as_it_was_asked),
        cmocka_unit_test(what_is_no_question_is_told),
        cmocka_unit_test(a_chain_is_read_as_it_was_answered),
        cmocka_unit_test(an_error_keeps_its_kind_and_its_sentence),
        cmocka_unit_test(what_is_no_answer_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
