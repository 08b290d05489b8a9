/* test_authority.c: opening a CA, and what is wrong with one. */
#include "ca/authority.h"

#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static void
without_a_ca_it_says_how_to_make_one(void **state)
{
    struct fake_ca f;
    struct err e = {0};

    (void)state;
    fake_ca_begin(&f);
    assert_null(ca_open(&f.config, &f.clock.base, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_non_null(strstr(e.text, "pgcert ca init"));
    fake_ca_end(&f);
}

static void
a_directory_that_others_may_write_is_refused(void **state)
{
    struct fake_ca f;
    struct err e = {0};

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    assert_int_equal(chmod(f.config.directory, 0777), 0);
    assert_null(ca_open(&f.config, &f.clock.base, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    fake_ca_end(&f);
}

static void
a_damaged_certificate_or_foreign_key_is_told(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    struct ca *ca = NULL;
    char *other = NULL;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    other = strdup(scratch_read(&f.scratch, "ca/server-ca.key"));
    scratch_write(&f.scratch, "ca/client-ca.key", other);
    ca = fake_ca_open(&f);
    assert_null(authority_key(ca, authority_find(ca, CA_CLIENTS, NULL), &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(authority_key(ca, authority_find(ca, CA_SERVERS, NULL), &e));
    ca_close(&ca);
    assert_int_equal(chmod(scratch_path(&f.scratch, "ca/server-ca.key"), 0644), 0);
    ca = fake_ca_open(&f);
    assert_null(authority_key(ca, authority_find(ca, CA_SERVERS, NULL), &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    ca_close(&ca);
    scratch_write(&f.scratch, "ca/root.crt", "hello");
    assert_null(ca_open(&f.config, &f.clock.base, &e));
    assert_int_equal(e.code, ERR_INPUT);
    free(other);
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_ca_it_says_how_to_make_one),
        cmocka_unit_test(a_directory_that_others_may_write_is_refused),
        cmocka_unit_test(a_damaged_certificate_or_foreign_key_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
