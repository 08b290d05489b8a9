/* test_init.c: a CA is made once and whole, whatever was there before. */
#include "tests/fake/authority.h"
#include "tests/fake/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static mode_t
mode_of(struct fake_ca *f, const char *name)
{
    struct stat s = {0};

    assert_int_equal(stat(scratch_path(&f->scratch, name), &s), 0);
    return s.st_mode & 07777;
}

/* openssl(1) on an issuing CA and the CRLs of the whole chain. */
static void
openssl_accepts(struct fake_ca *f, const char *cert, const char *crl)
{
    const char *argv[] = {"openssl",
                          "verify",
                          "-x509_strict",
                          "-crl_check_all",
                          "-CAfile",
                          scratch_path(&f->scratch, "ca/root.crt"),
                          "-CRLfile",
                          scratch_path(&f->scratch, crl),
                          scratch_path(&f->scratch, cert),
                          NULL};
    char output[PROGRAM_OUTPUT];

    assert_int_equal(program_run(argv, output), 0);
}

static void
it_makes_three_cas_with_their_crls(void **state)
{
    struct fake_ca f;
    struct ca_looks looks = {0};
    struct ca *ca = NULL;
    struct err e = {0};

    (void)state;
    fake_ca_begin(&f);
    f.config.organization = strdup("Example");
    fake_ca_init(&f);
    openssl_accepts(&f, "ca/server-ca.crt", "ca/root.crl");
    openssl_accepts(&f, "ca/client-ca.crt", "ca/clients.crl");
    assert_int_equal(mode_of(&f, "ca"), 0755);
    assert_int_equal(mode_of(&f, "ca/root.key"), 0600);
    assert_int_equal(mode_of(&f, "ca/client-ca.key"), 0600);
    assert_int_equal(mode_of(&f, "ca/server-ca.key"), 0600);
    assert_int_equal(mode_of(&f, "ca/index"), 0600);
    assert_false(scratch_has(&f.scratch, "ca/unfinished"));
    ca = fake_ca_open(&f);
    assert_true(ca_show(ca, &looks, &e));
    assert_int_equal(looks.count, 3);
    for (size_t i = 0; i < looks.count; i++) {
        /* CN first: PostgreSQL cuts off what is behind 63 bytes */
        assert_int_equal(strncmp(looks.items[i].subject, "CN=pgcert ", 10), 0);
        assert_non_null(strstr(looks.items[i].subject, ", O=Example"));
        assert_true(looks.items[i].has_key);
        assert_int_equal(looks.items[i].not_before_s, f.clock.at_s - 300);
        assert_true(looks.items[i].crl_number > 0);
    }
    assert_int_equal(looks.items[0].not_after_s, f.clock.at_s + 3650 * FAKE_DAY);
    assert_int_equal(looks.items[1].not_after_s, f.clock.at_s + 1095 * FAKE_DAY);
    assert_int_equal(looks.items[0].issued, 3);
    ca_looks_done(&looks);
    ca_close(&ca);
    fake_ca_end(&f);
}

static void
a_second_init_changes_nothing(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    bool made = true;
    char *before = NULL;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    before = strdup(scratch_read(&f.scratch, "ca/root.crt"));
    assert_true(ca_init(&f.config, NULL, &f.clock.base, &made, &e));
    assert_false(made);
    assert_string_equal(scratch_read(&f.scratch, "ca/root.crt"), before);
    free(before);
    fake_ca_end(&f);
}

static void
the_root_key_can_be_made_elsewhere_at_once(void **state)
{
    struct fake_ca f;
    struct ca_looks looks = {0};
    struct ca *ca = NULL;
    struct err e = {0};
    bool made = false, did = true;

    (void)state;
    fake_ca_begin(&f);
    assert_true(ca_init(&f.config, scratch_path(&f.scratch, "stick"), &f.clock.base, &made, &e));
    assert_int_equal(mode_of(&f, "stick"), 0600);
    assert_false(scratch_has(&f.scratch, "ca/root.key"));
    ca = fake_ca_open(&f);
    assert_true(ca_show(ca, &looks, &e));
    assert_false(looks.items[0].has_key);
    assert_int_equal(looks.items[0].crl_next_update_s, looks.items[0].not_after_s);
    ca_looks_done(&looks);
    /* what needs no root goes on */
    f.clock.at_s += 20 * FAKE_DAY;
    assert_true(ca_refresh(ca, false, &did, &e));
    assert_true(did);
    openssl_accepts(&f, "ca/client-ca.crt", "ca/clients.crl");
    ca_close(&ca);
    fake_ca_end(&f);
}

static void
an_existing_file_is_not_taken_for_the_root_key(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    bool made = false;

    (void)state;
    fake_ca_begin(&f);
    scratch_write(&f.scratch, "stick", "something else");
    assert_false(ca_init(&f.config, scratch_path(&f.scratch, "stick"), &f.clock.base, &made, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(scratch_read(&f.scratch, "stick"), "something else");
    assert_false(ca_exists(&f.config));
    fake_ca_end(&f);
}

/* Keys whose certificates nobody finds may still be worth everything. */
static void
parts_of_a_ca_without_its_root_are_not_overwritten(void **state)
{
    static const char *const files[] = {"root.key", "client-ca.crt", "index"};
    struct err e = {0};
    bool made = false;

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct fake_ca f;
        char name[64];

        fake_ca_begin(&f);
        assert_int_equal(mkdir(f.config.directory, 0700), 0);
        (void)snprintf(name, sizeof(name), "ca/%s", files[i]);
        scratch_write(&f.scratch, name, "precious");
        assert_false(ca_init(&f.config, NULL, &f.clock.base, &made, &e));
        assert_int_equal(e.code, ERR_INPUT);
        assert_non_null(strstr(e.text, files[i]));
        assert_string_equal(scratch_read(&f.scratch, name), "precious");
        fake_ca_end(&f);
    }
}

/* As a killed run leaves it: nobody may use it, and the next run makes another one. */
static void
an_unfinished_ca_is_not_opened_and_made_anew(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    bool made = false;
    char *before = NULL;
    struct ca *ca = NULL;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    before = strdup(scratch_read(&f.scratch, "ca/root.crt"));
    assert_true(ca_is_ready(&f.config));
    scratch_write(&f.scratch, "ca/unfinished", "");
    assert_true(ca_exists(&f.config));
    assert_false(ca_is_ready(&f.config));
    assert_null(ca_open(&f.config, &f.clock.base, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_non_null(strstr(e.text, "pgcert ca init"));
    assert_true(ca_init(&f.config, NULL, &f.clock.base, &made, &e));
    assert_true(made);
    assert_string_not_equal(scratch_read(&f.scratch, "ca/root.crt"), before);
    ca = fake_ca_open(&f);
    ca_close(&ca);
    free(before);
    fake_ca_end(&f);
}

static void
settings_that_cannot_be_are_refused_before_anything_is_made(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    bool made = false;

    (void)state;
    fake_ca_begin(&f);
    f.config.organization = strdup("a\nb");
    assert_false(ca_init(&f.config, NULL, &f.clock.base, &made, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_false(scratch_has(&f.scratch, "ca"));
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_makes_three_cas_with_their_crls),
        cmocka_unit_test(a_second_init_changes_nothing),
        cmocka_unit_test(the_root_key_can_be_made_elsewhere_at_once),
        cmocka_unit_test(an_existing_file_is_not_taken_for_the_root_key),
        cmocka_unit_test(parts_of_a_ca_without_its_root_are_not_overwritten),
        cmocka_unit_test(an_unfinished_ca_is_not_opened_and_made_anew),
        cmocka_unit_test(settings_that_cannot_be_are_refused_before_anything_is_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
