/* test_dn.c: names of certificates as PostgreSQL compares them; the expected ones are what openssl
 * x509 -subject -nameopt RFC2253 prints. */
#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
a_user_has_the_name_that_will_be_signed(void **state)
{
    static const struct {
        const char *user, *dn;
    } rows[] = {
        {"alice", "CN=alice"},
        {"Zo\xc3\xab, \"the\" #1", "CN=Zo\\C3\\AB\\, \\\"the\\\" #1"},
        {"#1", "CN=\\#1"},
        {"a\\b", "CN=a\\\\b"},
        {"x;y<z>+=w", "CN=x\\;y\\<z\\>\\+=w"},
    };
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *dn = ca_client_dn(NULL, rows[i].user, &e);

        assert_non_null(dn);
        assert_string_equal(dn, rows[i].dn);
    }
    assert_null(ca_client_dn(NULL, "", &e));
    assert_int_equal(e.code, ERR_INPUT);
}

static void
the_name_in_a_bundle_is_that_of_its_certificate(void **state)
{
    static const struct ca_bundle b = {
        .user = "Zo\xc3\xab", .host = "h", .port = 5432, .database = "app", .path = "/x"};
    struct fake_ca f;
    struct err e = {0};
    struct ca *ca = NULL;
    own_mem char *serial = NULL;
    own_mem char *dn = NULL;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    ca = fake_ca_open(&f);
    assert_true(ca_bundle_make(ca, &b, scratch_path(&f.scratch, "out"), false, &serial, &e));
    ca_close(&ca);
    dn = ca_bundle_dn(scratch_path(&f.scratch, "out"), &e);
    assert_non_null(dn);
    assert_string_equal(dn, "CN=Zo\\C3\\AB");
    scratch_write(&f.scratch, "out/postgresql.crt", "damaged\n");
    assert_null(ca_bundle_dn(scratch_path(&f.scratch, "out"), &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_null(ca_bundle_dn(scratch_path(&f.scratch, "none"), &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_has_the_name_that_will_be_signed),
        cmocka_unit_test(the_name_in_a_bundle_is_that_of_its_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
