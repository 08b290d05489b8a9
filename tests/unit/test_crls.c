/* test_crls.c: the CRL files: when they are made, and that they cover every CA of a chain. */
#include "ca/crls.h"

#include "tests/fake/authority.h"
#include "tests/fake/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* Makes those that are due; whether there was one. */
static bool
refresh(struct fake_ca *f)
{
    struct ca *ca = fake_ca_open(f);
    struct err e = {0};
    bool did = false;

    assert_true(ca_refresh(ca, false, &did, &e));
    ca_close(&ca);
    return did;
}

static int64_t
number(struct fake_ca *f, enum ca_role role)
{
    struct ca *ca = fake_ca_open(f);
    struct crls_state states[8];

    crls_look(ca, states);
    ca_close(&ca);
    return states[role].number;
}

/* The first of alice's certificates. */
static void
revoke_first(struct fake_ca *f)
{
    struct ca *ca = fake_ca_open(f);
    struct ca_list list = {0};
    struct err e = {0};
    bool revoked = false;

    assert_true(ca_list_read(&f->config, "client", f->clock.at_s, &list, &e));
    assert_true(ca_revoke(ca, list.items[0].serial, "keyCompromise", &revoked, &e));
    assert_true(revoked);
    assert_true(ca_revoke(ca, list.items[0].serial, "superseded", &revoked, &e));
    assert_false(revoked);
    ca_list_done(&list);
    ca_close(&ca);
}

static int
openssl_says(struct fake_ca *f, const char *crl)
{
    const char *argv[] = {"openssl",
                          "verify",
                          "-x509_strict",
                          "-crl_check_all",
                          "-CAfile",
                          scratch_path(&f->scratch, "ca/root.crt"),
                          "-untrusted",
                          scratch_path(&f->scratch, "ca/client-ca.crt"),
                          "-CRLfile",
                          scratch_path(&f->scratch, crl),
                          scratch_path(&f->scratch, "alice.pem"),
                          NULL};
    char output[PROGRAM_OUTPUT];

    return program_run(argv, output);
}

static void
begin(struct fake_ca *f)
{
    struct str pem = {0};
    struct ca *ca = NULL;

    fake_ca_begin(f);
    fake_ca_init(f);
    ca = fake_ca_open(f);
    fake_ca_client(ca, "alice", &pem);
    scratch_write(&f->scratch, "alice.pem", pem.text);
    str_done(&pem);
    ca_close(&ca);
}

static void
one_file_has_a_crl_of_every_ca_in_the_chain(void **state)
{
    struct fake_ca f;

    (void)state;
    begin(&f);
    assert_int_equal(openssl_says(&f, "ca/clients.crl"), 0);
    assert_int_not_equal(openssl_says(&f, "ca/root.crl"), 0); /* the issuing CA's is missing */
    fake_ca_end(&f);
}

static void
a_revocation_makes_a_new_crl_and_nothing_else_does(void **state)
{
    struct fake_ca f;
    int64_t clients = 0, servers = 0;

    (void)state;
    begin(&f);
    clients = number(&f, CA_CLIENTS);
    servers = number(&f, CA_SERVERS);
    assert_false(refresh(&f));
    revoke_first(&f);
    assert_true(refresh(&f));
    assert_int_not_equal(openssl_says(&f, "ca/clients.crl"), 0);
    assert_int_equal(number(&f, CA_CLIENTS), clients + 1); /* in the same second */
    assert_int_equal(number(&f, CA_SERVERS), servers);
    assert_false(refresh(&f));
    fake_ca_end(&f);
}

static void
they_are_refreshed_when_half_of_their_life_is_left(void **state)
{
    struct fake_ca f;
    int64_t before = 0;

    (void)state;
    begin(&f);
    before = number(&f, CA_CLIENTS);
    f.clock.at_s += 14 * FAKE_DAY;
    assert_false(refresh(&f));
    f.clock.at_s += 2 * FAKE_DAY;
    assert_true(refresh(&f));
    assert_true(number(&f, CA_CLIENTS) > before);
    assert_true(number(&f, CA_ROOT) > before);
    assert_false(refresh(&f));
    fake_ca_end(&f);
}

static void
a_file_that_is_missing_is_made_and_its_number_grows(void **state)
{
    static const struct {
        const char *name;
        bool is_new; /* and not only published again */
    } lost[] = {{"ca/clients.crl", false},
                {"ca/client-ca.crl", true},
                {"ca/root.crl", false},
                {"ca/crl.json", true}};

    (void)state;
    for (size_t i = 0; i < COUNT(lost); i++) {
        struct fake_ca f;
        int64_t before = 0;

        begin(&f);
        before = number(&f, CA_CLIENTS);
        f.clock.at_s += 1;
        assert_int_equal(unlink(scratch_path(&f.scratch, lost[i].name)), 0);
        assert_true(refresh(&f));
        assert_true(scratch_has(&f.scratch, lost[i].name));
        assert_int_equal(openssl_says(&f, "ca/clients.crl"), 0);
        assert_int_equal(number(&f, CA_CLIENTS) > before, lost[i].is_new);
        fake_ca_end(&f);
    }
}

/* As a version made it that had one CRL file for each use: numbers go on, nothing is lost. */
static void
a_directory_without_a_file_for_each_is_taken_over(void **state)
{
    struct fake_ca f;
    char text[512];

    (void)state;
    begin(&f);
    revoke_first(&f);
    (void)snprintf(text, sizeof(text),
                   "{\"root\": {\"number\": 7, \"this_update\": %lld, \"next_update\": %lld},"
                   " \"clients\": {\"number\": %lld, \"root_number\": 7}}",
                   (long long)f.clock.at_s, (long long)f.clock.at_s + 30 * FAKE_DAY,
                   (long long)f.clock.at_s + 9);
    scratch_write(&f.scratch, "ca/crl.json", text);
    assert_int_equal(unlink(scratch_path(&f.scratch, "ca/client-ca.crl")), 0);
    assert_int_equal(unlink(scratch_path(&f.scratch, "ca/server-ca.crl")), 0);
    assert_true(refresh(&f));
    assert_int_equal(number(&f, CA_ROOT), 7);
    assert_int_equal(number(&f, CA_CLIENTS), f.clock.at_s + 10);
    assert_int_not_equal(openssl_says(&f, "ca/clients.crl"), 0); /* it is revoked */
    assert_false(refresh(&f));
    fake_ca_end(&f);
}

/* The number was reserved, and then the run was killed: the next one has another. */
static void
a_clock_that_went_back_does_not_bring_the_number_back(void **state)
{
    struct fake_ca f;
    int64_t before = 0;

    (void)state;
    begin(&f);
    before = number(&f, CA_CLIENTS);
    f.clock.at_s -= 30 * FAKE_DAY;
    assert_true(refresh(&f)); /* it would not be valid yet */
    assert_true(number(&f, CA_CLIENTS) > before);
    fake_ca_end(&f);
}

static void
exporting_the_root_key_leaves_a_crl_that_holds_as_long_as_the_root(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct crls_state states[3];
    struct err e = {0};
    char *key = NULL;

    (void)state;
    begin(&f);
    key = strdup(scratch_read(&f.scratch, "ca/root.key"));
    ca = fake_ca_open(&f);
    assert_false(ca_export_root_key(ca, scratch_path(&f.scratch, "ca/root.key"), &e));
    assert_int_equal(e.code, ERR_INPUT);
    e = (struct err){0};
    assert_true(ca_export_root_key(ca, scratch_path(&f.scratch, "stick"), &e));
    assert_string_equal(scratch_read(&f.scratch, "stick"), key);
    assert_false(scratch_has(&f.scratch, "ca/root.key"));
    crls_look(ca, states);
    assert_int_equal(states[CA_ROOT].next_update_s, cert_not_after(ca->all[CA_ROOT]->cert));
    assert_int_equal(openssl_says(&f, "ca/clients.crl"), 0);
    ca_close(&ca);
    f.clock.at_s += 400 * FAKE_DAY;
    assert_true(refresh(&f)); /* of the issuing CAs, without the root's key */
    ca = fake_ca_open(&f);
    assert_false(ca_export_root_key(ca, scratch_path(&f.scratch, "stick"), &e));
    assert_int_equal(e.code, ERR_CONFIG);
    ca_close(&ca);
    free(key);
    fake_ca_end(&f);
}

static void
another_file_is_not_overwritten_by_the_root_key(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct err e = {0};

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    scratch_write(&f.scratch, "stick", "another key");
    assert_false(ca_export_root_key(ca, scratch_path(&f.scratch, "stick"), &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_true(scratch_has(&f.scratch, "ca/root.key"));
    ca_close(&ca);
    fake_ca_end(&f);
}

/* The index says so, and who reads clients.crl is to know it whatever else is broken. */
static void
a_ca_that_cannot_sign_does_not_hold_back_a_revocation(void **state)
{
    static const char *const tenants[] = {"acme", "zeta"};
    struct fake_ca f;
    struct ca *ca = NULL;
    struct err e = {0};
    bool did = false;
    char *key = NULL;

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    for (size_t i = 0; i < COUNT(tenants); i++)
        assert_true(ca_tenant(ca, tenants[i], &did, &e));
    ca_close(&ca);
    revoke_first(&f);
    key = strdup(scratch_read(&f.scratch, "ca/server-ca.key"));
    scratch_write(&f.scratch, "ca/server-ca.key", "damaged");
    scratch_write(&f.scratch, "ca/tenants/acme.key", "damaged");
    f.clock.at_s += 16 * FAKE_DAY; /* all are due */
    assert_int_equal(unlink(scratch_path(&f.scratch, "ca/tenants/acme.crl")), 0);
    for (int again = 0; again < 2; again++) {
        ca = fake_ca_open(&f);
        assert_false(ca_refresh(ca, false, &did, &e));
        assert_non_null(strstr(e.text, "the CA 'servers'")); /* the first failure */
        ca_close(&ca);
        assert_int_not_equal(openssl_says(&f, "ca/clients.crl"), 0);
        assert_true(number(&f, CA_CLIENTS) >= f.clock.at_s);
    }
    scratch_write(&f.scratch, "ca/server-ca.key", key);
    ca = fake_ca_open(&f);
    assert_false(ca_refresh(ca, false, &did, &e));
    assert_non_null(strstr(e.text, "'tenant acme'"));
    ca_close(&ca);
    free(key);
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file_has_a_crl_of_every_ca_in_the_chain),
        cmocka_unit_test(a_revocation_makes_a_new_crl_and_nothing_else_does),
        cmocka_unit_test(they_are_refreshed_when_half_of_their_life_is_left),
        cmocka_unit_test(a_file_that_is_missing_is_made_and_its_number_grows),
        cmocka_unit_test(a_directory_without_a_file_for_each_is_taken_over),
        cmocka_unit_test(a_clock_that_went_back_does_not_bring_the_number_back),
        cmocka_unit_test(exporting_the_root_key_leaves_a_crl_that_holds_as_long_as_the_root),
        cmocka_unit_test(a_ca_that_cannot_sign_does_not_hold_back_a_revocation),
        cmocka_unit_test(another_file_is_not_overwritten_by_the_root_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
