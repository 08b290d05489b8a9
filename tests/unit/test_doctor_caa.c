/* test_doctor_caa.c: CAA records, with the examples of RFC 8659 section 4. */
#include "cli/doctor_caa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RECORDS 3

static const struct {
    const char *records[RECORDS];
    bool is_wildcard, allows;
} rows[] = {
    {{NULL}, false, true},
    {{"issue ca1.example.net"}, false, true},
    {{"issue ca1.example.net"}, true, true},
    {{"issue CA1.Example.net"}, false, true},
    {{"issue ca2.example.org"}, false, false},
    {{"issue ca2.example.org", "issue ca1.example.net"}, false, true},
    {{"issue ca1.example.net; account=230123"}, false, true},
    {{"issue  ca1.example.net ; policy=ev"}, false, true},
    {{"issue ;"}, false, false},
    {{"issue "}, false, false},
    {{"issue %%%%%"}, false, false},
    {{"issue ca1.example.net.org"}, false, false},
    {{"iodef mailto:security@example.com"}, false, true},
    {{"issuewild ca2.example.org"}, false, true},
    {{"issuewild ca2.example.org"}, true, false},
    {{"issue ca2.example.org", "issuewild ca1.example.net"}, true, true},
    {{"issue ca1.example.net", "issuewild ;"}, true, false},
    {{"issue ca1.example.net", "issuewild ;"}, false, true},
    {{"issuemail ca2.example.org"}, false, true},
};

static void
records_allow_or_forbid(void **state)
{
    char identity[] = "ca1.example.net";
    char *identities[] = {identity};
    const struct list list = {identities, 1};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct dns_record records[RECORDS] = {{0}};
        struct dns_answer answer = {.records = records};
        bool any = false;

        for (; answer.count < RECORDS && rows[i].records[answer.count] != NULL; answer.count++) {
            struct dns_record *r = &records[answer.count];

            *r = (struct dns_record){.section = DNS_ANSWER, .type = DNS_TYPE_CAA};
            r->data = strdup(rows[i].records[answer.count]);
            assert_non_null(r->data);
        }
        if (doctor_caa_allows(&answer, rows[i].is_wildcard, &list, &any) != rows[i].allows)
            fail_msg("row %zu", i);
        assert_int_equal(any, rows[i].records[0] != NULL);
        for (size_t n = 0; n < answer.count; n++)
            free(records[n].data);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(records_allow_or_forbid)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
