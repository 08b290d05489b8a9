/* test_san.c: names in a subjectAltName, as OpenSSL's own text shows them. */
#include "base/san.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* RFC 5280 section 4.2.1.6: 4 octets for IPv4, 16 for IPv6; what is no address is a DNS name,
 * whatever OpenSSL's configuration would make of it. */
static void
addresses_are_octets_and_all_else_is_a_dns_name(void **state)
{
    static const struct {
        const char *name;
        int type, size;
    } rows[] = {
        {"db.example.org", GEN_DNS, 14}, {"*.db.example.org", GEN_DNS, 16},
        {"192.0.2.7", GEN_IPADD, 4},     {"2001:db8::7", GEN_IPADD, 16},
        {"192.0.2", GEN_DNS, 7},         {"email:copy", GEN_DNS, 10},
        {"IP:192.0.2.7", GEN_DNS, 12},
    };
    struct list names = {0};
    GENERAL_NAMES *all = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_true(list_add(&names, rows[i].name));
    all = san_make(&names);
    assert_int_equal(sk_GENERAL_NAME_num(all), COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, (int)i);

        assert_int_equal(one->type, rows[i].type);
        assert_int_equal(ASN1_STRING_length(one->d.ia5), rows[i].size);
    }
    assert_memory_equal(ASN1_STRING_get0_data(sk_GENERAL_NAME_value(all, 2)->d.ip),
                        "\xc0\x00\x02\x07", 4);
    san_drop(&all);
    list_done(&names);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_octets_and_all_else_is_a_dns_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
