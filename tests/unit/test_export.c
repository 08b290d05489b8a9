/* test_export.c: the index as others read it. The form of index.txt is that of openssl-ca(1) 3.0,
 * whose own database has such lines after: openssl ca -gencrl, -revoke. */
#include "ca/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLIENTS "00112233445566778899aabbccddeeff00112233"
#define ROOT "ff112233445566778899aabbccddeeff00112233"
#define TENANT "ee112233445566778899aabbccddeeff00112233"
#define NOW INT64_C(1795316400) /* 2026-11-22T03:00:00Z */

static const char text[] =
    "# pgcert index 1\n"
    "issued\t2026-10-01T00:00:00Z\t4aff\t" ROOT "\tclient-ca\t2059-01-02T03:04:05Z\tclient CA\n"
    "issued\t2026-10-01T00:00:00Z\t4afe\t" ROOT
    "\ttenant-ca\t2028-01-02T03:04:05Z\ttenant CA\tacme\n"
    "issued\t2026-10-02T00:00:00Z\t4a05\t" TENANT "\tclient\t2027-02-20T03:00:00Z\talice\ta \"b\"\n"
    "issued\t2026-10-02T00:00:00Z\t4a01\t" CLIENTS "\tclient\t2027-02-20T03:00:00Z\tal\"i,ce\n"
    "issued\t2026-10-03T00:00:00Z\t4a02\t" CLIENTS "\tclient\t2026-11-21T03:00:00Z\tZo\xc3\xab\n"
    "issued\t2026-10-04T00:00:00Z\t4a03\t" CLIENTS "\tclient\t2027-02-20T03:00:00Z\tbob\n"
    "revoked\t2026-10-05T06:07:08Z\t4a03\tkeyCompromise\n"
    "issued\t2026-10-04T00:00:00Z\t4a04\t" CLIENTS "\tclient\t2027-02-20T03:00:00Z\tcarol\n"
    "revoked\t2026-10-05T06:07:08Z\t4a04\tunspecified\n";

static void
load(struct index *index)
{
    struct err e = {0};
    char *copy = malloc(sizeof(text));

    assert_non_null(copy);
    memcpy(copy, text, sizeof(text));
    assert_true(index_parse(index, copy, sizeof(text) - 1, &e));
}

static void
openssl_gets_the_certificates_of_one_ca(void **state)
{
    own_index struct index index = {0};
    own_str struct str out = {0};
    struct err e = {0};

    (void)state;
    load(&index);
    assert_true(export_openssl(&index, CLIENTS, "Example", NOW, &out, &e));
    assert_string_equal(out.text,
                        "V\t270220030000Z\t\t4A01\tunknown\t/CN=al\"i,ce\n"
                        "E\t261121030000Z\t\t4A02\tunknown\t/CN=Zo\\xC3\\xAB\n"
                        "R\t270220030000Z\t261005060708Z,keyCompromise\t4A03\tunknown\t/CN=bob\n"
                        "R\t270220030000Z\t261005060708Z\t4A04\tunknown\t/CN=carol\n");
    str_clear(&out);
    assert_true(export_openssl(&index, ROOT, "Example", NOW, &out, &e));
    assert_string_equal(out.text, "V\t20590102030405Z\t\t4AFF\tunknown\t/CN=client CA/O=Example\n"
                                  "V\t280102030405Z\t\t4AFE\tunknown\t/CN=tenant CA/O=acme\n");
    str_clear(&out);
    assert_true(export_openssl(&index, TENANT, "Example", NOW, &out, &e));
    assert_string_equal(out.text, "V\t270220030000Z\t\t4A05\tunknown\t/O=a \"b\"/CN=alice\n");
}

/* RFC 4180 section 2: lines end in CRLF, quotes in a field are doubled. */
static void
csv_has_all_of_them_and_quotes_names(void **state)
{
    own_index struct index index = {0};
    own_str struct str out = {0};
    struct err e = {0};

    (void)state;
    load(&index);
    assert_true(export_csv(&index, NOW, &out, &e));
    assert_non_null(strstr(out.text, "4a01,client,\"al\"\"i,ce\",valid,2026-10-02T00:00:00Z,"
                                     "2027-02-20T03:00:00Z,,," CLIENTS ",\r\n"));
    assert_non_null(strstr(out.text, "4a02,client,\"Zo\xc3\xab\",expired,"));
    assert_non_null(strstr(out.text, ",revoked,2026-10-04T00:00:00Z,2027-02-20T03:00:00Z,"
                                     "2026-10-05T06:07:08Z,keyCompromise," CLIENTS ",\r\n"));
    assert_non_null(strstr(out.text, ",,," TENANT ",\"a \"\"b\"\"\"\r\n"));
    assert_int_equal(strncmp(out.text, "serial,kind,name,state,", 23), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_gets_the_certificates_of_one_ca),
        cmocka_unit_test(csv_has_all_of_them_and_quotes_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
