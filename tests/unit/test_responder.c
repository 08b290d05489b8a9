/* test_responder.c: one rule a test. Queries are put together by hand, as RFC 1035 section 4.1 and
 * RFC 6891 section 6.1.2 have it; answers are read by base/dns.h, and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/responder.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE "_acme-challenge.db.example.org."
#define OPT_PLAIN "\0\0\x29\x10\0\0\0\0\0\0\0"     /* 4096 bytes, version 0, no flags */
#define OPT_DO_NEXT "\0\0\x29\x02\0\0\1\x80\0\0\0" /* 512 bytes, version 1, DO */
#define OPT_SMALL "\0\0\x29\0\1\0\0\x80\0\0\0"     /* 1 byte, which means 512; DO */
#define OPT_SIZE 11

struct query {
    unsigned char bytes[2048];
    size_t size;
};

static void
add(struct query *q, const void *bytes, size_t size)
{
    assert_true(q->size + size <= sizeof(q->bytes));
    memcpy(q->bytes + q->size, bytes, size);
    q->size += size;
}

/* A question for a name, which ends in a dot; id 0x1234, RD. */
static struct query
ask(const char *name, unsigned type, unsigned class)
{
    struct query q = {.size = 0};
    const unsigned char end[] = {0, (unsigned char)(type >> 8), (unsigned char)type,
                                 (unsigned char)(class >> 8), (unsigned char)class};

    add(&q, "\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12);
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        unsigned char length = (unsigned char)label;

        add(&q, &length, 1);
        add(&q, name, label);
        name += label + 1;
    }
    add(&q, end, sizeof(end));
    return q;
}

static struct query
with_opt(struct query q, const char *opt)
{
    add(&q, opt, OPT_SIZE);
    q.bytes[11]++;
    return q;
}

/* Two values at the zone's own name, one below "deep.er". */
static struct responder
published(void)
{
    struct responder r = {.nameserver = "ns.example.org.",
                          .mailbox = "hostmaster.example.org.",
                          .ttl_s = 60,
                          .serial = 7};
    struct err e = {0};

    assert_true(responder_add_zone(&r, ZONE, &e));
    assert_true(responder_add(&r, ZONE, "one", &e) && responder_add(&r, ZONE, "two", &e));
    assert_true(responder_add(&r, "deep.er." ZONE, "three", &e));
    return r;
}

/* What one query is answered, read. */
struct said {
    enum responder_verdict verdict;
    struct str message;
    struct dns_answer answer;
    unsigned flags; /* bytes 2 and 3 */
};

static struct said
answer_by(const struct responder *r, const struct query *q, bool by_tcp, bool truncated)
{
    struct said s = {.flags = 0};
    struct err e = {0};

    s.verdict = responder_answer(r, q->bytes, q->size, by_tcp, truncated, &s.message);
    if (s.verdict == RESPONDER_SILENT) {
        assert_int_equal(s.message.size, 0);
        return s;
    }
    assert_memory_equal(s.message.text, q->bytes, 2);
    s.flags = (unsigned)(unsigned char)s.message.text[2] << 8 | (unsigned char)s.message.text[3];
    assert_true(dns_parse(&s.answer, s.message.text, s.message.size, &e));
    return s;
}

static struct said
answer(struct query q)
{
    own_responder struct responder r = published();

    return answer_by(&r, &q, false, false);
}

static void
said_done(struct said *s)
{
    str_done(&s->message);
    dns_answer_done(&s->answer);
}

#define own_said __attribute__((cleanup(said_done)))

static size_t
count(const struct said *s, enum dns_section section, enum dns_type type)
{
    size_t n = 0;

    for (size_t i = 0; dns_next(&s->answer, section, type, &i) != NULL;)
        n++;
    return n;
}

static bool
has_value(const struct said *s, const char *value)
{
    const struct dns_record *r = NULL;

    for (size_t i = 0; (r = dns_next(&s->answer, DNS_ANSWER, DNS_TYPE_TXT, &i)) != NULL;)
        if (r->size == strlen(value) && memcmp(r->data, value, r->size) == 0)
            return true;
    return false;
}

/* ---- what is there ---- */

static void
all_values_of_a_name_are_given_with_authority(void **state)
{
    own_said struct said s = answer(ask(ZONE, DNS_TYPE_TXT, 1));

    (void)state;
    assert_int_equal(s.verdict, RESPONDER_ANSWERED);
    assert_int_equal(s.flags, 0x8500); /* QR, AA, RD as it came; no TC, RA, AD; NOERROR */
    assert_true(has_value(&s, "one") && has_value(&s, "two"));
    assert_int_equal(s.answer.count, 2);
}

static void
the_question_is_repeated_with_its_own_letters(void **state)
{
    struct query q = ask("_AcMe-cHallenge.dB.EXAMPLE.orG.", DNS_TYPE_TXT, 1);
    own_said struct said s = answer(q);

    (void)state;
    assert_true(has_value(&s, "one") && has_value(&s, "two"));
    assert_memory_equal(s.message.text + 12, q.bytes + 12, q.size - 12);
}

static void
rd_is_repeated_and_no_recursion_is_offered(void **state)
{
    struct query q = ask(ZONE, DNS_TYPE_TXT, 1);

    (void)state;
    q.bytes[2] = 0;
    own_said struct said s = answer(q);
    assert_int_equal(s.flags, 0x8400);
}

static void
the_apex_has_soa_and_ns(void **state)
{
    own_said struct said soa = answer(ask(ZONE, DNS_TYPE_SOA, 1));
    own_said struct said ns = answer(ask(ZONE, DNS_TYPE_NS, 1));
    size_t i = 0;

    (void)state;
    assert_string_equal(dns_next(&soa.answer, DNS_ANSWER, DNS_TYPE_SOA, &i)->data,
                        "ns.example.org.");
    /* serial 7, refresh, retry, expire, and how long a denial holds: 1 s */
    assert_memory_equal(soa.message.text + soa.message.size - 20,
                        "\0\0\0\7\0\0\x0e\x10\0\0\2\x58\0\x09\x3a\x80\0\0\0\1", 20);
    i = 0;
    assert_string_equal(dns_next(&ns.answer, DNS_ANSWER, DNS_TYPE_NS, &i)->data, "ns.example.org.");
    own_said struct said below = answer(ask("er." ZONE, DNS_TYPE_SOA, 1));
    assert_int_equal(count(&below, DNS_ANSWER, DNS_TYPE_SOA), 0);
    assert_int_equal(count(&below, DNS_AUTHORITY, DNS_TYPE_SOA), 1);
}

static void
of_any_one_set_is_given(void **state)
{
    own_responder struct responder r = {.nameserver = "ns.example.org.", .mailbox = "x."};
    own_said struct said txt = answer(ask(ZONE, 255, 1));
    struct query q = ask("example.net.", 255, 1);
    struct err e = {0};

    (void)state;
    assert_int_equal(txt.answer.count, 2);
    assert_int_equal(count(&txt, DNS_ANSWER, DNS_TYPE_TXT), 2);
    assert_true(responder_add_zone(&r, "Example.NET", &e));
    own_said struct said soa = answer_by(&r, &q, false, false);
    assert_int_equal(soa.answer.count, 1);
    assert_int_equal(count(&soa, DNS_ANSWER, DNS_TYPE_SOA), 1);
}

static void
the_nearest_zone_answers(void **state)
{
    own_responder struct responder r = published();
    struct query q = ask("x.er." ZONE, DNS_TYPE_TXT, 1);
    struct err e = {0};
    size_t i = 0;

    (void)state;
    assert_true(responder_add_zone(&r, "er." ZONE, &e));
    own_said struct said s = answer_by(&r, &q, false, false);
    assert_int_equal(s.answer.rcode, DNS_RCODE_NXDOMAIN);
    assert_string_equal(dns_next(&s.answer, DNS_AUTHORITY, DNS_TYPE_SOA, &i)->owner, "er." ZONE);
}

static void
a_nameserver_inside_of_the_zone_has_addresses(void **state)
{
    own_responder struct responder r = published();
    struct query a = ask("ns." ZONE, DNS_TYPE_A, 1), aaaa = ask("ns." ZONE, DNS_TYPE_AAAA, 1);
    struct query mx = ask("ns." ZONE, 15, 1);

    (void)state;
    (void)snprintf(r.nameserver, sizeof(r.nameserver), "ns." ZONE);
    assert_true(address_set(&r.addresses[0], "\xc0\0\2\1", 4, 53));
    assert_true(address_set(&r.addresses[1], "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16, 53));
    r.address_count = 2;
    own_said struct said four = answer_by(&r, &a, false, false);
    own_said struct said six = answer_by(&r, &aaaa, false, false);
    own_said struct said none = answer_by(&r, &mx, false, false);
    assert_int_equal(four.answer.count, 1);
    assert_memory_equal(four.answer.records[0].data, "\xc0\0\2\1", 4);
    assert_int_equal(six.answer.count, 1);
    assert_memory_equal(six.answer.records[0].data, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    assert_int_equal(none.answer.rcode, DNS_RCODE_NOERROR);
    assert_int_equal(count(&none, DNS_AUTHORITY, DNS_TYPE_SOA), 1);
}

/* ---- what is not ---- */

/* RFC 2308 section 2: NODATA is NOERROR, NXDOMAIN is for names; both with the SOA, for 1 s. */
static void
what_is_not_there_is_denied_with_the_soa(void **state)
{
    static const struct {
        const char *name;
        unsigned type, rcode;
    } cases[] = {
        {ZONE, DNS_TYPE_A, DNS_RCODE_NOERROR},
        {ZONE, DNS_TYPE_AAAA, DNS_RCODE_NOERROR},
        {ZONE, 257, DNS_RCODE_NOERROR}, /* CAA */
        {ZONE, 43, DNS_RCODE_NOERROR},  /* DS */
        {ZONE, 65280, DNS_RCODE_NOERROR},
        {"deep.er." ZONE, 257, DNS_RCODE_NOERROR},
        {"er." ZONE, DNS_TYPE_TXT, DNS_RCODE_NOERROR}, /* RFC 8020: something is below it */
        {"r." ZONE, DNS_TYPE_TXT, DNS_RCODE_NXDOMAIN},
        {"x.deep.er." ZONE, DNS_TYPE_TXT, DNS_RCODE_NXDOMAIN},
        {"a b.\001." ZONE, DNS_TYPE_TXT, DNS_RCODE_NXDOMAIN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        own_said struct said s = answer(ask(cases[i].name, cases[i].type, 1));
        size_t first = 0;
        const struct dns_record *soa = dns_next(&s.answer, DNS_AUTHORITY, DNS_TYPE_SOA, &first);

        assert_int_equal(s.verdict, RESPONDER_ANSWERED);
        assert_int_equal(s.answer.rcode, cases[i].rcode);
        assert_true(s.answer.authoritative);
        assert_int_equal(s.answer.count, 1);
        assert_string_equal(soa->owner, ZONE);
    }
}

static void
what_is_not_ours_is_refused(void **state)
{
    static const struct {
        const char *name;
        unsigned type, class;
    } cases[] = {
        {"db.example.org.", DNS_TYPE_TXT, 1},
        {"", DNS_TYPE_NS, 1},
        {"x_acme-challenge.db.example.org.", DNS_TYPE_TXT, 1},
        {"_acme-challenge?db.example.org.", DNS_TYPE_TXT, 1},
        {ZONE, DNS_TYPE_TXT, 3},   /* CHAOS */
        {ZONE, DNS_TYPE_TXT, 255}, /* any class */
        {"version.bind.", DNS_TYPE_TXT, 3},
        {ZONE, 252, 1}, /* AXFR */
        {ZONE, 251, 1}, /* IXFR */
        {ZONE, 41, 1},  /* OPT */
        {ZONE, 250, 1}, /* TSIG */
        {ZONE, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct query q = ask(cases[i].name, cases[i].type, cases[i].class);
        own_said struct said s = answer(q);

        assert_int_equal(s.verdict, RESPONDER_REFUSED);
        assert_int_equal(s.flags, 0x8105); /* no AA */
        assert_int_equal(s.message.size, q.size);
    }
}

/* ---- what is no question ---- */

static void
answers_and_scraps_are_not_answered(void **state)
{
    struct query q = ask(ZONE, DNS_TYPE_TXT, 1);

    (void)state;
    q.bytes[2] |= 0x80;
    own_said struct said to_an_answer = answer(q);
    assert_int_equal(to_an_answer.verdict, RESPONDER_SILENT);
    q.bytes[2] &= 0x7f;
    q.size = 11;
    own_said struct said to_a_scrap = answer(q);
    assert_int_equal(to_a_scrap.verdict, RESPONDER_SILENT);
    q.size = 0;
    own_said struct said to_nothing = answer(q);
    assert_int_equal(to_nothing.verdict, RESPONDER_SILENT);
}

static void
other_operations_are_not_implemented(void **state)
{
    (void)state;
    for (unsigned opcode = 1; opcode < 16; opcode++) {
        struct query q = ask(ZONE, DNS_TYPE_SOA, 1);

        q.bytes[2] = (unsigned char)(opcode << 3);
        own_said struct said s = answer(q);
        assert_int_equal(s.verdict, RESPONDER_REFUSED);
        assert_int_equal(s.flags, 0x8004 | opcode << 11);
        assert_int_equal(s.message.size, 12);
    }
}

/* Each one changes a good query with OPT. */
static void
damaged_queries_are_format_errors(void **state)
{
    struct query good = with_opt(ask(ZONE, DNS_TYPE_TXT, 1), OPT_PLAIN);
    struct query cases[10];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        cases[i] = good;
    cases[0].size--;                            /* cut off in OPT */
    cases[1].size = 30;                         /* in the question */
    add(&cases[2], "x", 1);                     /* more than it says */
    cases[3].bytes[5] = 0;                      /* no question */
    cases[4].bytes[5] = 2;                      /* two */
    cases[5].bytes[7] = 1;                      /* an answer */
    cases[6].bytes[12] = 0x40;                  /* a label of a kind that there is not */
    memcpy(cases[7].bytes + 12, "\xc0\x0c", 2); /* a name that leads to itself */
    cases[8] = with_opt(good, OPT_PLAIN);       /* OPT twice: RFC 6891 section 6.1.1 */
    cases[9].bytes[11] = 200;
    for (size_t i = 0; i < COUNT(cases); i++) {
        own_said struct said s = answer(cases[i]);

        assert_int_equal(s.verdict, RESPONDER_REFUSED);
        assert_int_equal(s.flags, 0x8101);
        assert_int_equal(s.message.size, 12);
    }
    memset(good.bytes + good.size, 0, sizeof(good.bytes) - good.size);
    good.size = DNSREPLY_QUERY_MAX + 1;
    own_said struct said large = answer(good);
    assert_int_equal(large.flags, 0x8101);
}

/* ---- EDNS and sizes ---- */

static void
opt_is_answered_by_opt(void **state)
{
    own_said struct said plain = answer(with_opt(ask(ZONE, DNS_TYPE_TXT, 1), OPT_PLAIN));
    own_said struct said small = answer(with_opt(ask(ZONE, DNS_TYPE_TXT, 1), OPT_SMALL));
    own_said struct said none = answer(ask(ZONE, DNS_TYPE_TXT, 1));

    (void)state;
    assert_memory_equal(plain.message.text + plain.message.size - OPT_SIZE,
                        "\0\0\x29\x04\xd0\0\0\0\0\0\0", OPT_SIZE);
    assert_memory_equal(small.message.text + small.message.size - OPT_SIZE,
                        "\0\0\x29\x04\xd0\0\0\x80\0\0\0", OPT_SIZE);
    assert_int_equal(plain.message.size, none.message.size + OPT_SIZE);
    assert_int_equal(none.message.text[11], 0);
}

static void
later_versions_of_edns_are_told_ours(void **state)
{
    struct query q = with_opt(ask(ZONE, DNS_TYPE_TXT, 1), OPT_DO_NEXT);
    own_said struct said s = answer(q);

    (void)state;
    assert_int_equal(s.verdict, RESPONDER_REFUSED);
    assert_int_equal(s.flags & 0x0f, 0);
    assert_int_equal(s.answer.count, 0);
    /* BADVERS is 16: the upper bits are in OPT */
    assert_memory_equal(s.message.text + s.message.size - OPT_SIZE,
                        "\0\0\x29\x04\xd0\1\0\x80\0\0\0", OPT_SIZE);
    assert_int_equal(s.message.size, q.size);
}

static void
what_does_not_fit_comes_by_tcp(void **state)
{
    own_responder struct responder r = published();
    struct query q = ask(ZONE, DNS_TYPE_TXT, 1);
    struct query opt = with_opt(q, OPT_PLAIN);
    struct err e = {0};

    (void)state;
    for (int i = 0; i < 9; i++) {
        char value[44];

        (void)snprintf(value, sizeof(value), "%043d", i);
        assert_true(responder_add(&r, ZONE, value, &e));
    }
    own_said struct said udp = answer_by(&r, &q, false, false);
    own_said struct said edns = answer_by(&r, &opt, false, false);
    own_said struct said tcp = answer_by(&r, &q, true, false);
    assert_true(udp.answer.truncated && udp.answer.count == 0 && udp.message.size == q.size);
    assert_true(!edns.answer.truncated && edns.answer.count == 11);
    assert_true(edns.message.size <= DNSREPLY_UDP_MAX);
    assert_true(!tcp.answer.truncated && tcp.answer.count == 11);
}

static void
who_asks_too_often_is_told_to_come_by_tcp(void **state)
{
    own_responder struct responder r = published();
    struct query q = with_opt(ask(ZONE, DNS_TYPE_TXT, 1), OPT_PLAIN);
    own_said struct said s = answer_by(&r, &q, false, true);

    (void)state;
    assert_int_equal(s.verdict, RESPONDER_ANSWERED);
    assert_true(s.answer.truncated && s.answer.count == 0);
    assert_int_equal(s.message.size, q.size);
}

/* ---- what is published ---- */

static void
records_come_and_go(void **state)
{
    own_responder struct responder r = published();
    struct query q = ask(ZONE, DNS_TYPE_TXT, 1);
    struct err e = {0};

    (void)state;
    assert_true(responder_add(&r, "_ACME-challenge.db.example.org", "one", &e));
    assert_int_equal(r.count, 3);
    responder_remove(&r, ZONE, "one");
    responder_remove(&r, ZONE, "one");
    responder_remove(&r, "elsewhere.org.", "two");
    own_said struct said s = answer_by(&r, &q, false, false);
    assert_true(has_value(&s, "two") && !has_value(&s, "one"));
    assert_int_equal(r.count, 2);
}

static void
what_is_published_survives_as_text(void **state)
{
    own_responder struct responder r = published();
    own_responder struct responder copy = {.ttl_s = 9};
    own_str struct str text = {0};
    own_str struct str bad = {0};
    struct err e = {0};

    (void)state;
    assert_true(responder_add(&copy, "old.org.", "old", &e));
    assert_true(responder_save(&r, &text, &e) && responder_load(&copy, &text, &e));
    assert_true(list_same(&copy.zones, &r.zones));
    assert_int_equal(copy.count, 3);
    assert_int_equal(copy.serial, 7);
    assert_int_equal(copy.ttl_s, 9);
    assert_memory_equal(copy.records, r.records, sizeof(*r.records) * 3);
    assert_true(str_addf(&bad, "serial 8\ntxt " ZONE "\n"));
    assert_false(responder_load(&copy, &bad, &e));
    assert_int_equal(e.code, ERR_INTERNAL);
    assert_int_equal(copy.serial, 7);
    assert_int_equal(copy.count, 3);
}

static void
what_dns_cannot_hold_is_not_taken(void **state)
{
    own_responder struct responder r = {.ttl_s = 1};
    char value[257];
    struct err e = {0};

    (void)state;
    assert_false(responder_add_zone(&r, "a..b.", &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_false(responder_add(&r, "a b.", "x", &e));
    assert_false(responder_add(&r, "a.b.", "", &e));
    memset(value, 'x', sizeof(value));
    value[256] = '\0';
    assert_false(responder_add(&r, "a.b.", value, &e));
    value[255] = '\0';
    assert_true(responder_add(&r, "a.b.", value, &e));
    for (int i = 1; i < RESPONDER_RECORDS_MAX; i++) {
        (void)snprintf(value, sizeof(value), "%d", i);
        assert_true(responder_add(&r, "a.b.", value, &e));
    }
    assert_false(responder_add(&r, "a.b.", "one more", &e));
    assert_int_equal(e.code, ERR_CONFIG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_values_of_a_name_are_given_with_authority),
        cmocka_unit_test(the_question_is_repeated_with_its_own_letters),
        cmocka_unit_test(rd_is_repeated_and_no_recursion_is_offered),
        cmocka_unit_test(the_apex_has_soa_and_ns),
        cmocka_unit_test(of_any_one_set_is_given),
        cmocka_unit_test(the_nearest_zone_answers),
        cmocka_unit_test(a_nameserver_inside_of_the_zone_has_addresses),
        cmocka_unit_test(what_is_not_there_is_denied_with_the_soa),
        cmocka_unit_test(what_is_not_ours_is_refused),
        cmocka_unit_test(answers_and_scraps_are_not_answered),
        cmocka_unit_test(other_operations_are_not_implemented),
        cmocka_unit_test(damaged_queries_are_format_errors),
        cmocka_unit_test(opt_is_answered_by_opt),
        cmocka_unit_test(later_versions_of_edns_are_told_ours),
        cmocka_unit_test(what_does_not_fit_comes_by_tcp),
        cmocka_unit_test(who_asks_too_often_is_told_to_come_by_tcp),
        cmocka_unit_test(records_come_and_go),
        cmocka_unit_test(what_is_published_survives_as_text),
        cmocka_unit_test(what_dns_cannot_hold_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
