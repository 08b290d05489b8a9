/* test_tsig.c: signed messages as dnspython 2.3 makes and verifies them: an update of example.org
 * with the key "pgcert-key.", whose secret is the bytes 0 to 31, at 1700000000, and its answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/tsig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_S 1700000000
#define ROOM 512

/* The update without its signature. */
#define BARE                                                                                       \
    "123428000001000000010000076578616d706c65036f726700000600010f5f61636d652d6368616c6c656e67"     \
    "65026462c00c001000010000003c000403616263"

static const struct {
    enum tsig_algorithm algorithm;
    const char *record; /* what signing adds */
    const char *answer;
} cases[] = {
    {TSIG_SHA256,
     "0a7067636572742d6b65790000fa00ff00000000003d0b686d61632d7368613235360000006553f100012c0020"
     "9eb4b9920c7a0ba2959b4c71645cdb6b0d29fbcc32a82c17988910823c6d1e08123400000000",
     "1234a8000001000000000001076578616d706c65036f726700000600010a7067636572742d6b65790000fa00"
     "ff00000000003d0b686d61632d7368613235360000006553f100012c0020efde8511629a921c388142601025"
     "edaa37aca78e1a2d493d28788768c56b753a123400000000"},
    {TSIG_SHA384,
     "0a7067636572742d6b65790000fa00ff00000000004d0b686d61632d7368613338340000006553f100012c0030"
     "689cab6914a79ecfbf0c9e46040a3ffe11e4322351bc55751f3b2f85ac5073bde43356002275eda83f8f896b"
     "f40adbc8123400000000",
     "1234a8000001000000000001076578616d706c65036f726700000600010a7067636572742d6b65790000fa00"
     "ff00000000004d0b686d61632d7368613338340000006553f100012c00306617de40c9a233acf2388e69f52b"
     "5894b0926cc93a886e0331c9655cbae551d29d618fc6591301327166082fe51fa196123400000000"},
    {TSIG_SHA512,
     "0a7067636572742d6b65790000fa00ff00000000005d0b686d61632d7368613531320000006553f100012c0040"
     "00248869df77a35bb6ccc57ea9ab1b3c335405ecd7be56b0c1a0a17b3e54de87c4dc41f02fe000a6a229e921"
     "00ccc7304afa858007d3088c984a61a8bbbbcbec123400000000",
     "1234a8000001000000000001076578616d706c65036f726700000600010a7067636572742d6b65790000fa00"
     "ff00000000005d0b686d61632d7368613531320000006553f100012c0040e7bc5bf84fd595954d5ddc35ce63"
     "8b16f30f9caea90fbace616846b700c535ffad1a145edc62bd966d9bbe21454000b2230df51e8103134ac547"
     "2a67186e895c123400000000"},
};

/* NOTAUTH with BADTIME, signed, the server's clock an hour ahead. */
#define BADTIME_ANSWER                                                                             \
    "1234a8090001000000000001076578616d706c65036f726700000600010a7067636572742d6b65790000fa00"     \
    "ff0000000000430b686d61632d7368613235360000006553f100012c00203aca76dfbc36d48cc944297e13d8"     \
    "6944346e1fdefb25ed8d2941049cc91d00fc12340012000600006553ff10"

static size_t
bytes_of(unsigned char *bytes, const char *hex)
{
    size_t size = strlen(hex) / 2;

    assert_true(size <= ROOM);
    for (size_t i = 0; i < size; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        bytes[i] = (unsigned char)strtoul(two, NULL, 16);
    }
    return size;
}

static struct tsig_key
a_key(enum tsig_algorithm algorithm)
{
    struct tsig_key key = {.name = "pgcert-key.", .algorithm = algorithm};

    for (unsigned char i = 0; i < 32; i++)
        assert_true(str_add(&key.secret, &i, 1));
    return key;
}

static void
sign(struct str *message, struct tsig_mac *mac, const struct tsig_key *key)
{
    unsigned char bytes[ROOM];
    struct err e = {0};

    assert_true(str_add(message, bytes, bytes_of(bytes, BARE)));
    assert_true(tsig_sign(message, key, NOW_S, mac, &e));
}

static enum tsig_verdict
verdict_on(const struct tsig_key *key, const struct tsig_mac *mac, const unsigned char *message,
           size_t size, int64_t now_s)
{
    own_dns_answer struct dns_answer answer = {0};
    enum tsig_verdict verdict = TSIG_WRONG;
    struct err e = {0};

    if (dns_parse(&answer, message, size, &e))
        assert_true(tsig_verify(&verdict, key, mac, &answer, message, size, now_s, &e));
    return verdict;
}

static void
a_message_is_signed_with_each_algorithm(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tsig_key key = a_key(cases[i].algorithm);
        own_str struct str message = {0};
        struct tsig_mac mac = {.size = 0};
        char expected[2 * ROOM];
        char got[2 * ROOM];

        sign(&message, &mac, &key);
        (void)snprintf(expected, sizeof(expected), "%s%s", BARE, cases[i].record);
        expected[23] = '1'; /* ARCOUNT */
        str_hex(got, (const unsigned char *)message.text, message.size);
        assert_string_equal(got, expected);
        tsig_key_done(&key);
    }
}

static void
an_answer_signed_with_our_key_is_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tsig_key key = a_key(cases[i].algorithm);
        own_str struct str message = {0};
        struct tsig_mac mac = {.size = 0};
        unsigned char bytes[ROOM];
        size_t size = bytes_of(bytes, cases[i].answer);

        sign(&message, &mac, &key);
        assert_int_equal(verdict_on(&key, &mac, bytes, size, NOW_S), TSIG_GOOD);
        assert_int_equal(verdict_on(&key, &mac, bytes, size, NOW_S + 300), TSIG_GOOD);
        assert_int_equal(verdict_on(&key, &mac, bytes, size, NOW_S + 301), TSIG_UNTIMELY);
        assert_int_equal(verdict_on(&key, &mac, bytes, size, NOW_S - 301), TSIG_UNTIMELY);
        tsig_key_done(&key);
    }
}

/* The id counts as it was signed (the original id); letters of names have no case. Whatever else is
 * changed, the answer is not good. */
static void
an_answer_of_which_a_bit_is_changed_is_not_good(void **state)
{
    struct tsig_key key = a_key(TSIG_SHA256);
    own_str struct str message = {0};
    struct tsig_mac mac = {.size = 0};
    unsigned char bytes[ROOM];
    size_t size = bytes_of(bytes, cases[0].answer);

    (void)state;
    sign(&message, &mac, &key);
    for (size_t i = 16; i < 8 * size; i++) {
        bool is_case = false;
        enum tsig_verdict verdict = TSIG_GOOD;

        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        verdict = verdict_on(&key, &mac, bytes, size, NOW_S);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        /* the key's and the algorithm's name are digested in lower case; TTL and class of the
         * record are constants in the digest (RFC 8945 section 4.3.3) */
        is_case = i / 8 >= 29 && i / 8 < 65;
        assert_true(verdict != TSIG_GOOD || is_case);
    }
    tsig_key_done(&key);
}

static void
an_answer_to_another_request_is_wrong(void **state)
{
    struct tsig_key key = a_key(TSIG_SHA256);
    struct tsig_mac mac = {.size = 32};
    unsigned char bytes[ROOM];
    size_t size = bytes_of(bytes, cases[0].answer);

    (void)state;
    assert_int_equal(verdict_on(&key, &mac, bytes, size, NOW_S), TSIG_WRONG);
    tsig_key_done(&key);
}

static void
an_answer_with_another_key_or_algorithm_is_wrong(void **state)
{
    struct tsig_key key = a_key(TSIG_SHA256);
    struct tsig_key other_name = a_key(TSIG_SHA256);
    struct tsig_key other_secret = a_key(TSIG_SHA256);
    struct tsig_key other_algorithm = a_key(TSIG_SHA384);
    own_str struct str message = {0};
    struct tsig_mac mac = {.size = 0};
    unsigned char bytes[ROOM];
    size_t size = bytes_of(bytes, cases[0].answer);

    (void)state;
    sign(&message, &mac, &key);
    memcpy(other_name.name, "other-key.", 11);
    other_secret.secret.text[31] ^= 1;
    assert_int_equal(verdict_on(&other_name, &mac, bytes, size, NOW_S), TSIG_WRONG);
    assert_int_equal(verdict_on(&other_secret, &mac, bytes, size, NOW_S), TSIG_WRONG);
    assert_int_equal(verdict_on(&other_algorithm, &mac, bytes, size, NOW_S), TSIG_WRONG);
    tsig_key_done(&key);
    tsig_key_done(&other_name);
    tsig_key_done(&other_secret);
    tsig_key_done(&other_algorithm);
}

static void
an_answer_without_signature_is_unsigned(void **state)
{
    struct tsig_key key = a_key(TSIG_SHA256);
    struct tsig_mac mac = {.size = 0};
    unsigned char bytes[ROOM];
    /* NOTAUTH, TSIG with BADKEY and no MAC, as RFC 8945 section 5.2.1 has it */
    size_t size = bytes_of(bytes, "1234a8090000000000000001"
                                  "0a7067636572742d6b65790000fa00ff00000000001d0b686d61632d736861"
                                  "3235360000006553f100012c0000123400110000");

    (void)state;
    assert_int_equal(verdict_on(&key, &mac, bytes, size, NOW_S), TSIG_UNSIGNED);
    size = bytes_of(bytes, "1234a8000000000000000000");
    assert_int_equal(verdict_on(&key, &mac, bytes, size, NOW_S), TSIG_UNSIGNED);
    tsig_key_done(&key);
}

static void
the_servers_time_is_read_from_a_signed_refusal(void **state)
{
    struct tsig_key key = a_key(TSIG_SHA256);
    own_str struct str message = {0};
    own_dns_answer struct dns_answer answer = {0};
    struct tsig_mac mac = {.size = 0};
    unsigned char bytes[ROOM];
    size_t size = bytes_of(bytes, BADTIME_ANSWER);
    struct err e = {0};

    (void)state;
    sign(&message, &mac, &key);
    assert_int_equal(verdict_on(&key, &mac, bytes, size, NOW_S), TSIG_GOOD);
    assert_true(dns_parse(&answer, bytes, size, &e));
    assert_int_equal(answer.tsig.error, DNS_RCODE_BADTIME);
    assert_int_equal(tsig_server_time(&answer.tsig), 1700003600);
    answer.tsig.other_size = 5;
    assert_int_equal(tsig_server_time(&answer.tsig), 0);
    tsig_key_done(&key);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_signed_with_each_algorithm),
        cmocka_unit_test(an_answer_signed_with_our_key_is_good),
        cmocka_unit_test(an_answer_of_which_a_bit_is_changed_is_not_good),
        cmocka_unit_test(an_answer_to_another_request_is_wrong),
        cmocka_unit_test(an_answer_with_another_key_or_algorithm_is_wrong),
        cmocka_unit_test(an_answer_without_signature_is_unsigned),
        cmocka_unit_test(the_servers_time_is_read_from_a_signed_refusal),
    };

    return cmocka_run_group_tests_name("tsig", tests, NULL, NULL);
}
