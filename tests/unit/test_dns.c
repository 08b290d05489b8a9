/* test_dns.c: the messages in hexadecimal were made by dnspython 2.3 (its Message.to_wire()). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERY                                                                                      \
    "1234000000010000000000000f5f61636d652d6368616c6c656e6765026462076578616d706c65036f726700"     \
    "00060001"
#define UPDATE                                                                                     \
    "123428000001000000020000076578616d706c65036f726700000600010f5f61636d652d6368616c6c656e67"     \
    "65026462c00c001000010000003c000403616263c01d001000fe0000000000040378797a"

/* _acme-challenge.DB.example.org. CNAME t.Acme.example.; t.acme.example. TXT "ab" "cd", TXT "e";
 * authority: example.org. NS ns1.example.org. and "n s.example.org.", acme.example. SOA;
 * additional: A, AAAA, TXT of class CH and MX of ns1.example.org. */
#define ANSWER                                                                                     \
    "1234850000010003000300040f5f61636d652d6368616c6c656e6765024442076578616d706c65036f726700"     \
    "00100001c00c000500010000003c001001740441636d65076578616d706c6500c03c001000010000003c0002"     \
    "0165c03c001000010000003c0006026162026364c01f000200010000003c0006036e2073c01fc01f00020001"     \
    "0000003c0006036e7331c01fc03e000600010000003c001d036e7331c03e0168000000000100000002000000"     \
    "030000000400000005c08a000100010000003c0004c0000201c08a001c00010000003c001020010db8000000"     \
    "000000000000000001c08a001000030000003c0003026e6fc08a000f00010000003c00050001017800"

#define ROOM 1024

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

static void
assert_hex(const struct str *message, const char *hex)
{
    char got[2 * ROOM + 1];

    assert_true(message->size <= ROOM);
    str_hex(got, (const unsigned char *)message->text, message->size);
    assert_string_equal(got, hex);
}

/* ---- names ---- */

static void
a_name_is_absolute_and_of_letters_digits_hyphens_and_underscores(void **state)
{
    static const struct {
        const char *name;
        bool is;
    } cases[] = {
        {"example.org.", true},
        {"_acme-challenge.db.example.org.", true},
        {"a.", true},
        {"EXAMPLE.Org.", true},
        {"example.org", false},
        {".", false},
        {"", false},
        {"a..b.", false},
        {".a.", false},
        {"a b.", false},
        {"a\\.b.", false},
        {"*.example.org.", false},
        {"b\303\274cher.", false},
        {"a/b.", false},
        {"x23456789012345678901234567890123456789012345678901234567890123.", true},
        {"x234567890123456789012345678901234567890123456789012345678901234.", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(dns_name_is(cases[i].name), cases[i].is);
}

static void
a_name_longer_than_dns_allows_is_none(void **state)
{
    char name[400];
    char copy[DNS_NAME_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = i % 2 == 0 ? 'a' : '.';
    name[254] = '\0'; /* 255 bytes on the wire: RFC 1035 section 2.3.4 */
    assert_true(dns_name_is(name));
    assert_true(dns_name_copy(copy, name));
    name[254] = 'a';
    name[256] = '\0';
    assert_false(dns_name_is(name));
    assert_false(dns_name_copy(copy, name));
    name[256] = 'a';
    name[399] = '\0';
    assert_false(dns_name_copy(copy, name));
}

static void
a_copy_is_in_lower_case_and_ends_in_a_dot(void **state)
{
    char copy[DNS_NAME_SIZE];

    (void)state;
    assert_true(dns_name_copy(copy, "DB.Example.org"));
    assert_string_equal(copy, "db.example.org.");
    assert_true(dns_name_copy(copy, "db.example.org."));
    assert_string_equal(copy, "db.example.org.");
    assert_false(dns_name_copy(copy, ""));
}

static void
a_name_is_under_its_zones_by_whole_labels(void **state)
{
    (void)state;
    assert_true(dns_name_under("db.example.org.", "example.org."));
    assert_true(dns_name_under("example.org.", "Example.org."));
    assert_false(dns_name_under("dbexample.org.", "example.org."));
    assert_false(dns_name_under("org.", "example.org."));
    assert_string_equal(dns_name_parent("a.b.c."), "b.c.");
    assert_null(dns_name_parent("c."));
}

/* ---- building ---- */

static void
a_query_is_built(void **state)
{
    own_str struct str message = {0};
    struct err e = {0};

    (void)state;
    assert_true(dns_query(&message, "_acme-challenge.db.example.org.", DNS_TYPE_SOA, false, &e));
    dns_set_id(&message, 0x1234);
    assert_hex(&message, QUERY);
}

static void
an_update_adds_and_deletes_single_values(void **state)
{
    static const struct dns_change changes[] = {
        {.name = "_acme-challenge.db.example.org.", .value = "abc", .ttl_s = 60},
        {.name = "_acme-challenge.db.example.org.", .value = "xyz", .ttl_s = 60, .remove = true},
    };
    own_str struct str message = {0};
    struct err e = {0};

    (void)state;
    assert_true(dns_update(&message, "example.org.", changes, COUNT(changes), &e));
    dns_set_id(&message, 0x1234);
    assert_hex(&message, UPDATE);
}

static void
what_dns_cannot_hold_is_not_built(void **state)
{
    static const char long_label[] =
        "x234567890123456789012345678901234567890123456789012345678901234.";
    struct dns_change change = {.name = "a.example.org.", .value = ""};
    own_str struct str message = {0};
    struct err e = {0};

    (void)state;
    assert_false(dns_query(&message, long_label, DNS_TYPE_SOA, false, &e));
    assert_int_equal(e.code, ERR_INTERNAL);
    assert_false(dns_update(&message, "example.org.", &change, 1, &e));
    assert_int_equal(e.code, ERR_INTERNAL);
    assert_int_equal(message.size, 0);
}

static void
ids_are_not_the_same_each_time(void **state)
{
    uint16_t first = dns_random_id();
    bool differs = false;

    (void)state;
    for (int i = 0; i < 64; i++)
        differs |= dns_random_id() != first;
    assert_true(differs);
}

/* ---- matching ---- */

static void
only_the_answer_to_the_question_is_one(void **state)
{
    static const struct {
        size_t at;
        unsigned char flip;
        bool is;
    } cases[] = {
        {0, 0, true},      /* the query with QR set: an answer without records */
        {0, 0x01, false},  /* another id */
        {2, 0x80, false},  /* a query */
        {2, 0x28, false},  /* another opcode */
        {14, 0x20, true},  /* case does not matter */
        {14, 0x01, false}, /* another name */
        {45, 0x01, false}, /* another type */
        {47, 0x02, false}, /* another class */
        {5, 0x03, false},  /* two questions */
        {5, 0x01, false},  /* no question and no error */
    };
    own_str struct str query = {0};
    unsigned char bytes[ROOM];
    size_t size = bytes_of(bytes, QUERY);

    (void)state;
    assert_true(str_add(&query, bytes, size));
    bytes[2] |= 0x80;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bytes[cases[i].at] ^= cases[i].flip;
        assert_int_equal(dns_is_answer_to(&query, bytes, size), cases[i].is);
        bytes[cases[i].at] ^= cases[i].flip;
    }
    for (size_t less = 0; less < size; less++)
        assert_false(dns_is_answer_to(&query, bytes, less));
    bytes[3] = DNS_RCODE_REFUSED; /* an error may come without the question */
    bytes[5] = 0;
    assert_true(dns_is_answer_to(&query, bytes, DNS_HEADER_SIZE));
}

/* ---- reading ---- */

static void
an_answer_is_read_without_what_is_not_for_us(void **state)
{
    static const struct {
        enum dns_section section;
        enum dns_type type;
        const char *owner;
        const char *data;
        size_t size;
    } expected[] = {
        {DNS_ANSWER, DNS_TYPE_CNAME, "_acme-challenge.db.example.org.", "t.acme.example.", 15},
        {DNS_ANSWER, DNS_TYPE_TXT, "t.acme.example.", "e", 1},
        {DNS_ANSWER, DNS_TYPE_TXT, "t.acme.example.", "abcd", 4},
        {DNS_AUTHORITY, DNS_TYPE_NS, "example.org.", "ns1.example.org.", 16},
        {DNS_AUTHORITY, DNS_TYPE_SOA, "acme.example.", "ns1.acme.example.", 17},
        {DNS_ADDITIONAL, DNS_TYPE_A, "ns1.example.org.", "\300\0\2\1", 4},
        {DNS_ADDITIONAL, DNS_TYPE_AAAA, "ns1.example.org.",
         "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16},
    };
    own_dns_answer struct dns_answer answer = {0};
    unsigned char bytes[ROOM];
    size_t size = bytes_of(bytes, ANSWER);
    struct err e = {0};

    (void)state;
    assert_true(dns_parse(&answer, bytes, size, &e));
    assert_true(answer.authoritative);
    assert_false(answer.truncated);
    assert_int_equal(answer.rcode, DNS_RCODE_NOERROR);
    assert_int_equal(answer.tsig.at, 0);
    assert_int_equal(answer.count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_int_equal(answer.records[i].section, expected[i].section);
        assert_int_equal(answer.records[i].type, expected[i].type);
        assert_string_equal(answer.records[i].owner, expected[i].owner);
        assert_int_equal(answer.records[i].size, expected[i].size);
        assert_memory_equal(answer.records[i].data, expected[i].data, expected[i].size);
    }
}

static void
records_are_found_by_section_and_type(void **state)
{
    own_dns_answer struct dns_answer answer = {0};
    unsigned char bytes[ROOM];
    size_t size = bytes_of(bytes, ANSWER);
    struct err e = {0};
    size_t i = 0;

    (void)state;
    assert_true(dns_parse(&answer, bytes, size, &e));
    assert_string_equal(dns_next(&answer, DNS_ANSWER, DNS_TYPE_TXT, &i)->data, "e");
    assert_string_equal(dns_next(&answer, DNS_ANSWER, DNS_TYPE_TXT, &i)->data, "abcd");
    assert_null(dns_next(&answer, DNS_ANSWER, DNS_TYPE_TXT, &i));
    i = 0;
    assert_null(dns_next(&answer, DNS_AUTHORITY, DNS_TYPE_TXT, &i));
}

static void
an_answer_that_breaks_off_is_damaged(void **state)
{
    unsigned char bytes[ROOM];
    size_t size = bytes_of(bytes, ANSWER);

    (void)state;
    for (size_t less = 0; less < size; less++) {
        own_dns_answer struct dns_answer answer = {0};
        struct err e = {0};

        assert_false(dns_parse(&answer, bytes, less, &e));
        assert_int_equal(e.code, ERR_PROTOCOL);
    }
}

static void
names_that_point_at_themselves_are_damaged(void **state)
{
    unsigned char bytes[ROOM];
    size_t size = bytes_of(bytes, ANSWER);
    own_dns_answer struct dns_answer answer = {0};
    struct err e = {0};

    (void)state;
    bytes[49] = 48; /* the first answer's owner, at byte 48: a pointer to itself */
    assert_false(dns_parse(&answer, bytes, size, &e));
    assert_int_equal(e.code, ERR_PROTOCOL);
}

static void
a_signature_that_is_not_the_last_record_is_refused(void **state)
{
    /* a TSIG record (key "k.", hmac-sha256, made by hand after RFC 8945 section 4.2), twice */
    static const char tsig[] = "016b0000fa00ff00000000001d0b686d61632d736861323536000000000000010"
                               "12c0000000000000000";
    char hex[400];
    unsigned char bytes[ROOM];
    struct err e = {0};

    (void)state;
    for (int count = 1; count <= 2; count++) {
        own_dns_answer struct dns_answer answer = {0};
        size_t size = 0;

        (void)snprintf(hex, sizeof(hex), "12348400000000000000000%d%s%s", count, tsig,
                       count == 2 ? tsig : "");
        size = bytes_of(bytes, hex);
        assert_int_equal(dns_parse(&answer, bytes, size, &e), count == 1);
        assert_int_equal(answer.tsig.at, DNS_HEADER_SIZE);
        assert_string_equal(answer.tsig.key, "k.");
        assert_string_equal(answer.tsig.algorithm, "hmac-sha256.");
        assert_int_equal(answer.tsig.signed_at_s, 1);
        assert_int_equal(answer.tsig.fudge_s, 300);
    }
    assert_int_equal(e.code, ERR_PROTOCOL);
}

static void
rcodes_have_words(void **state)
{
    (void)state;
    assert_string_equal(dns_rcode_text(5), "REFUSED");
    assert_string_equal(dns_rcode_text(17), "BADKEY");
    assert_string_equal(dns_rcode_text(11), "RCODE 11");
    assert_string_equal(dns_rcode_text(99), "RCODE 99");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_absolute_and_of_letters_digits_hyphens_and_underscores),
        cmocka_unit_test(a_name_longer_than_dns_allows_is_none),
        cmocka_unit_test(a_copy_is_in_lower_case_and_ends_in_a_dot),
        cmocka_unit_test(a_name_is_under_its_zones_by_whole_labels),
        cmocka_unit_test(a_query_is_built),
        cmocka_unit_test(an_update_adds_and_deletes_single_values),
        cmocka_unit_test(what_dns_cannot_hold_is_not_built),
        cmocka_unit_test(ids_are_not_the_same_each_time),
        cmocka_unit_test(only_the_answer_to_the_question_is_one),
        cmocka_unit_test(an_answer_is_read_without_what_is_not_for_us),
        cmocka_unit_test(records_are_found_by_section_and_type),
        cmocka_unit_test(an_answer_that_breaks_off_is_damaged),
        cmocka_unit_test(names_that_point_at_themselves_are_damaged),
        cmocka_unit_test(a_signature_that_is_not_the_last_record_is_refused),
        cmocka_unit_test(rcodes_have_words),
    };

    return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
