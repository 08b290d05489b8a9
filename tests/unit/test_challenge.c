/* test_challenge.c: names of records. The label of dns-account-01 is the draft's own example
 * (draft-ietf-acme-dns-account-label-03 section 3.2); the second one is Python's:
 * base64.b32encode(hashlib.sha256(b"https://ca.test/acct/1").digest()[:10]).lower()
 */
#include "acme/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
each_challenge_has_its_name(void **state)
{
    /* clang-format off */
    static const struct {
        enum acme_challenge type;
        const char *name, *account, *fqdn;
    } rows[] = {
        {ACME_DNS,         "db.example.org", "",                       "_acme-challenge.db.example.org."},
        {ACME_DNS,         "*.example.org",  "",                       "_acme-challenge.example.org."},
        {ACME_DNS_ACCOUNT, "example.org",    "https://example.com/acme/acct/ExampleAccount", "_ujmmovf2vn55tgye._acme-challenge.example.org."},
        {ACME_DNS_ACCOUNT, "*.example.org",  "https://ca.test/acct/1", "_bb55pyrwl3od577j._acme-challenge.example.org."},
        {ACME_DNS_PERSIST, "db.example.org", "https://ca.test/acct/1", "_validation-persist.db.example.org."},
        {ACME_DNS_PERSIST, "*.example.org",  "https://ca.test/acct/1", "_validation-persist.example.org."},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        own_mem char *fqdn = challenge_fqdn(rows[i].type, rows[i].name, rows[i].account, &e);

        assert_non_null(fqdn);
        assert_string_equal(fqdn, rows[i].fqdn);
    }
}

static void
a_name_that_has_no_room_for_the_label_is_told(void **state)
{
    char name[251];
    struct err e = {0};
    own_mem char *fqdn = NULL;

    (void)state;
    memset(name, 'a', sizeof(name));
    for (size_t i = 60; i < sizeof(name); i += 61)
        name[i] = '.';
    name[sizeof(name) - 1] = '\0';
    fqdn = challenge_fqdn(ACME_DNS_ACCOUNT, name, "https://ca.test/acct/1", &e);
    assert_null(fqdn);
    assert_int_equal(e.code, ERR_PROTOCOL);
    assert_non_null(strstr(e.text, "too long for dns-account-01"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_challenge_has_its_name),
        cmocka_unit_test(a_name_that_has_no_room_for_the_label_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
