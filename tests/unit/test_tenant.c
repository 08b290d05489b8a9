/* test_tenant.c: a tenant's CA signs for that tenant alone, as openssl(1) and certtool(1) judge. */
#include "ca/authority.h"
#include "ca/crls.h"
#include "ca/issue.h"

#include "tests/fake/authority.h"
#include "tests/fake/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

/* A CA with the tenants "acme" and "Süd & Co". */
static void
begin(struct fake_ca *f)
{
    static const char *const tenants[] = {"acme", "Süd & Co"};
    struct ca *ca = NULL;
    struct err e = {0};

    fake_ca_begin(f);
    fake_ca_init(f);
    ca = fake_ca_open(f);
    for (size_t i = 0; i < COUNT(tenants); i++) {
        bool made = false;

        assert_true(ca_tenant(ca, tenants[i], &made, &e));
        assert_true(made);
    }
    ca_close(&ca);
}

static bool
sign(struct ca *ca, const char *tenant, const char *user, struct str *chain_pem, struct err *e)
{
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, e);
    struct ca_client client = {.user = user, .tenant = tenant, .public_key = key};
    bool good = ca_sign_client(ca, &client, chain_pem, e);

    EVP_PKEY_free(key);
    return good;
}

static void
save_clients(struct fake_ca *f, struct ca *ca)
{
    struct str pem = {0};
    struct err e = {0};

    assert_true(ca_add_pem(ca, CA_PEM_CLIENTS, &pem, &e));
    scratch_write(&f->scratch, "clients.pem", pem.text);
    str_done(&pem);
}

/* With what PostgreSQL trusts, and its CRLs. */
static int
openssl_says(struct fake_ca *f, const char *leaf)
{
    const char *argv[] = {"openssl",
                          "verify",
                          "-x509_strict",
                          "-crl_check_all",
                          "-purpose",
                          "sslclient",
                          "-CAfile",
                          scratch_path(&f->scratch, "clients.pem"),
                          "-CRLfile",
                          scratch_path(&f->scratch, "ca/clients.crl"),
                          scratch_path(&f->scratch, leaf),
                          NULL};
    char output[PROGRAM_OUTPUT];

    return program_run(argv, output);
}

static int
gnutls_says(struct fake_ca *f, const char *leaf)
{
    const char *argv[] = {"certtool",
                          "--verify",
                          "--load-ca-certificate",
                          scratch_path(&f->scratch, "ca/root.crt"),
                          "--infile",
                          scratch_path(&f->scratch, leaf),
                          "--verify-purpose",
                          "1.3.6.1.5.5.7.3.2",
                          NULL};
    char output[PROGRAM_OUTPUT];

    return program_run(argv, output);
}

static void
its_clients_are_accepted_with_their_organization(void **state)
{
    static const char *const tenants[] = {NULL, "acme", "Süd & Co"};
    static const char *const subjects[] = {"CN=alice", "O=acme, CN=alice", "O=Süd & Co, CN=alice"};
    struct fake_ca f;
    struct ca *ca = NULL;

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    assert_int_equal(ca->count, 5);
    save_clients(&f, ca);
    for (size_t i = 0; i < COUNT(tenants); i++) {
        struct str pem = {0};
        struct chain chain = {0};
        struct err e = {0};
        char *subject = NULL;

        assert_true(sign(ca, tenants[i], "alice", &pem, &e));
        assert_true(chain_from_pem(&chain, pem.text, pem.size, &e));
        subject = cert_subject(chain.certs[0]);
        assert_string_equal(subject, subjects[i]);
        scratch_write(&f.scratch, "leaf.pem", pem.text);
        assert_int_equal(openssl_says(&f, "leaf.pem"), 0);
        assert_int_equal(gnutls_says(&f, "leaf.pem"), 0);
        free(subject);
        chain_done(&chain);
        str_done(&pem);
    }
    ca_close(&ca);
    fake_ca_end(&f);
}

/* Section 4.2.1.10; the key of a tenant's CA in wrong hands. By openssl(1), which PostgreSQL checks
 * with; gnutls 3.7 does not look at constraints of directory names. */
static void
what_its_key_signs_for_others_is_refused(void **state)
{
    static const struct {
        const char *organization, *user;
        bool good;
    } rows[] = {{"acme", "alice", true},
                {"other", "alice", false},
                {"acme2", "alice", false},
                {NULL, "postgres", false}};
    struct fake_ca f;
    struct ca *ca = NULL;
    struct authority *acme = NULL;

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    save_clients(&f, ca);
    acme = authority_find(ca, CA_TENANT, "acme");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
        struct issue forged = {.kind = KIND_CLIENT,
                               .organization = rows[i].organization,
                               .common_name = rows[i].user,
                               .public_key = key,
                               .not_before_s = f.clock.at_s - 300,
                               .not_after_s = f.clock.at_s + FAKE_DAY};
        struct chain chain = {.certs = {NULL, acme->cert}, .count = 2};
        struct str pem = {0};

        assert_true(issue_serial(forged.serial, &e));
        chain.certs[0] = issue_sign(&forged, acme->cert, authority_key(ca, acme, &e), &e);
        assert_true(chain_to_pem(&chain, &pem, &e));
        scratch_write(&f.scratch, "leaf.pem", pem.text);
        assert_int_equal(openssl_says(&f, "leaf.pem") == 0, rows[i].good);
        X509_free(chain.certs[0]);
        EVP_PKEY_free(key);
        str_done(&pem);
    }
    ca_close(&ca);
    fake_ca_end(&f);
}

static void
its_ca_has_a_critical_constraint_and_no_ca_below(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    const X509 *cert = NULL;
    int where = -1;

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    cert = authority_find(ca, CA_TENANT, "acme")->cert;
    where = X509_get_ext_by_NID(cert, NID_name_constraints, -1);
    assert_true(where >= 0);
    assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(cert, where)), 1);
    assert_int_equal(X509_get_pathlen(authority_find(ca, CA_TENANT, "acme")->cert), 0);
    ca_close(&ca);
    fake_ca_end(&f);
}

static void
names_that_a_constraint_does_not_tell_apart_are_refused(void **state)
{
    static const char *const names[] = {"ACME", "Süd  & co", "", " x", "a\nb", "\xff"};
    struct fake_ca f;
    struct ca *ca = NULL;

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    for (size_t i = 0; i < COUNT(names); i++) {
        struct err e = {0};
        bool made = false;

        assert_false(ca_tenant(ca, names[i], &made, &e));
        assert_int_equal(e.code, ERR_INPUT);
    }
    assert_int_equal(ca->count, 5);
    ca_close(&ca);
    fake_ca_end(&f);
}

static void
a_second_call_changes_nothing_and_an_unknown_one_is_told(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct str pem = {0};
    struct err e = {0};
    bool made = true;
    char *before = NULL;

    (void)state;
    begin(&f);
    before = strdup(scratch_read(&f.scratch, "ca/tenants/acme.crt"));
    ca = fake_ca_open(&f);
    assert_true(ca_tenant(ca, "acme", &made, &e));
    assert_false(made);
    assert_string_equal(scratch_read(&f.scratch, "ca/tenants/acme.crt"), before);
    assert_false(sign(ca, "emca", "alice", &pem, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.text, "pgcert ca tenant 'emca'"));
    free(before);
    ca_close(&ca);
    fake_ca_end(&f);
}

static void
without_the_root_key_nothing_is_made(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct err e = {0};
    bool made = false;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    ca = fake_ca_open(&f);
    assert_true(ca_export_root_key(ca, scratch_path(&f.scratch, "stick"), &e));
    ca_close(&ca);
    ca = fake_ca_open(&f);
    assert_false(ca_tenant(ca, "acme", &made, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_non_null(strstr(e.text, "bring it back"));
    ca_close(&ca);
    assert_false(scratch_has(&f.scratch, "ca/tenants"));
    fake_ca_end(&f);
}

/* 9 years and some months after the root was made it has less left than [ca] issuing_lifetime. */
static void
it_never_outlives_the_root(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct err e = {0};
    bool made = false;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    f.clock.at_s += 3400 * FAKE_DAY;
    ca = fake_ca_open(&f);
    assert_true(ca_tenant(ca, "acme", &made, &e));
    assert_int_equal(cert_not_after(authority_find(ca, CA_TENANT, "acme")->cert),
                     cert_not_after(authority_find(ca, CA_ROOT, NULL)->cert));
    ca_close(&ca);
    f.clock.at_s += 300 * FAKE_DAY;
    ca = fake_ca_open(&f);
    assert_false(ca_tenant(ca, "late", &made, &e));
    assert_int_equal(e.code, ERR_REFUSED);
    ca_close(&ca);
    fake_ca_end(&f);
}

/* Killed before its certificate was written: nobody trusts it, and it is made again. */
static void
one_that_is_half_made_is_made_again(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct str pem = {0};
    struct err e = {0};
    bool made = false;

    (void)state;
    begin(&f);
    assert_int_equal(unlink(scratch_path(&f.scratch, "ca/tenants/acme.crt")), 0);
    ca = fake_ca_open(&f);
    assert_int_equal(ca->count, 4);
    assert_true(ca_tenant(ca, "acme", &made, &e));
    assert_true(made);
    save_clients(&f, ca);
    assert_true(sign(ca, "acme", "alice", &pem, &e));
    scratch_write(&f.scratch, "leaf.pem", pem.text);
    assert_int_equal(openssl_says(&f, "leaf.pem"), 0);
    str_done(&pem);
    ca_close(&ca);
    fake_ca_end(&f);
}

static void
its_revocations_are_in_the_crl_of_the_clients(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct ca_list list = {0};
    struct crls_state before[5], after[5];
    struct str pem = {0};
    struct err e = {0};
    bool did = false;

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    save_clients(&f, ca);
    assert_true(sign(ca, "acme", "alice", &pem, &e));
    scratch_write(&f.scratch, "leaf.pem", pem.text);
    assert_true(ca_list_read(&f.config, "client", f.clock.at_s, &list, &e));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].tenant, "acme");
    crls_look(ca, before);
    assert_true(ca_revoke(ca, list.items[0].serial, "keyCompromise", &did, &e));
    assert_true(ca_refresh(ca, false, &did, &e));
    assert_true(did);
    crls_look(ca, after);
    for (int i = 0; i < 5; i++)
        assert_int_equal(after[i].number - before[i].number, i == 4 ? 1 : 0);
    assert_int_not_equal(openssl_says(&f, "leaf.pem"), 0);
    assert_true(ca_refresh(ca, false, &did, &e));
    assert_false(did);
    ca_list_done(&list);
    str_done(&pem);
    ca_close(&ca);
    fake_ca_end(&f);
}

/* 64 characters of 4 bytes each, with a user's name of 63 bytes that all must be escaped. */
static void
the_longest_names_have_files(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct str tenant = {0}, other = {0};
    struct err e = {0};
    bool made = false;
    char user[64] = {0};

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    for (int i = 0; i < 64; i++) {
        assert_true(str_addf(&tenant, "\xf0\x9f\x90\x98"));
        assert_true(str_addf(&other, i == 63 ? "x" : "\xf0\x9f\x90\x98"));
    }
    memset(user, '%', 63);
    ca = fake_ca_open(&f);
    assert_true(ca_tenant(ca, tenant.text, &made, &e));
    assert_true(ca_tenant(ca, other.text, &made, &e));
    assert_true(made);
    for (int i = 0; i < 2; i++) {
        struct ca_bundle b = {.user = user,
                              .tenant = i == 0 ? tenant.text : other.text,
                              .host = "db.example.org",
                              .database = "app",
                              .port = 5432,
                              .path = "/x"};
        char *directory = ca_bundle_directory(&f.config, b.tenant, user);
        char *serial = NULL;
        struct ca_bundle_found found = {0};

        assert_true(ca_bundle_make(ca, &b, directory, false, &serial, &e));
        assert_true(ca_bundle_read(directory, &found, &e));
        assert_string_equal(found.tenant, b.tenant);
        ca_bundle_found_done(&found);
        free(directory);
        free(serial);
    }
    ca_close(&ca);
    ca = fake_ca_open(&f);
    assert_non_null(authority_find(ca, CA_TENANT, tenant.text));
    assert_non_null(authority_find(ca, CA_TENANT, other.text));
    ca_close(&ca);
    assert_true(str_addf(&tenant, "x")); /* 65 */
    ca = fake_ca_open(&f);
    assert_false(ca_tenant(ca, tenant.text, &made, &e));
    assert_int_equal(e.code, ERR_INPUT);
    ca_close(&ca);
    str_done(&tenant);
    str_done(&other);
    fake_ca_end(&f);
}

/* The name of the file does not decide whose CA it is. */
static void
a_certificate_under_the_name_of_another_is_refused(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    char *other = NULL;

    (void)state;
    begin(&f);
    other = strdup(scratch_read(&f.scratch, "ca/client-ca.crt"));
    scratch_write(&f.scratch, "ca/tenants/acme.crt", other);
    assert_null(ca_open(&f.config, &f.clock.base, &e));
    assert_int_equal(e.code, ERR_INPUT);
    free(other);
    fake_ca_end(&f);
}

#define MANY 30
#define KEYLESS                                                                                    \
    "S\xc3\xbc"                                                                                    \
    "d & Co"

/* One that no tenant has, and one whose CA has lost its key, stop no other; openssl(1) finds the
 * way from each certificate to the root. */
static void
a_batch_is_of_several_tenants_each_signed_by_its_own(void **state)
{
    static const char *const tenants[MANY] = {[0] = "nobody", [1] = "acme", [MANY - 1] = "acme"};
    static struct ca_bundle bundles[MANY];
    static struct ca_bundle_order orders[MANY];
    static struct err errors[MANY];
    char *paths[MANY] = {NULL};
    struct fake_ca f;
    struct err e = {0};
    struct ca *ca = NULL;
    struct ca_list list = {0};

    (void)state;
    begin(&f);
    assert_int_equal(unlink(scratch_path(&f.scratch, "ca/tenants/S%C3%BCd%20%26%20Co.key")), 0);
    for (size_t i = 0; i < MANY; i++) {
        const char *tenant = tenants[i] != NULL ? tenants[i] : i % 3 == 0 ? KEYLESS : NULL;

        paths[i] = str_format("%s/all/%zu", f.scratch.path, i);
        bundles[i] = (struct ca_bundle){.user = "alice",
                                        .tenant = tenant,
                                        .host = "db.example.org",
                                        .port = 5432,
                                        .database = "app",
                                        .path = paths[i]};
        orders[i] = (struct ca_bundle_order){.bundle = &bundles[i], .directory = paths[i]};
    }
    ca = fake_ca_open(&f);
    assert_true(ca_bundle_make_all(ca, orders, errors, MANY, &e));
    save_clients(&f, ca);
    ca_close(&ca);
    assert_true(ca_list_read(&f.config, "client", f.clock.at_s, &list, &e));
    for (size_t i = 0, listed = 0; i < MANY; i++) {
        own_ca_bundle_found struct ca_bundle_found found = {0};
        own_mem char *leaf = str_format("all/%zu/postgresql.crt", i);
        const char *tenant = bundles[i].tenant;

        if (i % 3 == 0) {
            assert_int_equal(errors[i].code, i == 0 ? ERR_INPUT : ERR_SYSTEM);
            assert_non_null(strstr(errors[i].text, i == 0 ? "no tenant 'nobody'" : "%C3%BCd%20"));
            continue;
        }
        assert_int_equal(errors[i].code, ERR_NONE);
        assert_int_equal(openssl_says(&f, leaf), 0);
        assert_int_equal(gnutls_says(&f, leaf), 0); /* by the chain in the file and the root */
        assert_true(ca_bundle_read(paths[i], &found, &e));
        assert_string_equal(found.serial, list.items[listed].serial);
        assert_int_equal(tenant == NULL, found.tenant == NULL);
        assert_int_equal(tenant == NULL, list.items[listed].tenant == NULL);
        if (tenant != NULL) {
            assert_string_equal(found.tenant, tenant);
            assert_string_equal(list.items[listed].tenant, tenant);
        }
        listed++;
    }
    assert_int_equal(list.count, MANY - MANY / 3);
    assert_int_equal(scratch_count(&f.scratch, "all"), MANY - MANY / 3);
    ca_list_done(&list);
    for (size_t i = 0; i < MANY; i++)
        free(paths[i]);
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_clients_are_accepted_with_their_organization),
        cmocka_unit_test(what_its_key_signs_for_others_is_refused),
        cmocka_unit_test(its_ca_has_a_critical_constraint_and_no_ca_below),
        cmocka_unit_test(names_that_a_constraint_does_not_tell_apart_are_refused),
        cmocka_unit_test(a_second_call_changes_nothing_and_an_unknown_one_is_told),
        cmocka_unit_test(without_the_root_key_nothing_is_made),
        cmocka_unit_test(it_never_outlives_the_root),
        cmocka_unit_test(one_that_is_half_made_is_made_again),
        cmocka_unit_test(its_revocations_are_in_the_crl_of_the_clients),
        cmocka_unit_test(the_longest_names_have_files),
        cmocka_unit_test(a_certificate_under_the_name_of_another_is_refused),
        cmocka_unit_test(a_batch_is_of_several_tenants_each_signed_by_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
