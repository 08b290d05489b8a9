/* test_crlfile.c: CRLs as they are found in files. */
#include "ca/crlfile.h"

#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <openssl/pem.h>

#include <cmocka.h>

/* The CRLs of a new CA, with alice revoked: text of clients.crl. */
static char *
make_crls(struct fake_ca *f)
{
    own_ca struct ca *ca = NULL;
    own_str struct str chain = {0};
    own_ca_list struct ca_list list = {0};
    struct err e = {0};
    bool did = false;

    fake_ca_init(f);
    ca = fake_ca_open(f);
    fake_ca_client(ca, "alice", &chain);
    assert_true(ca_list_read(&f->config, "client", 0, &list, &e));
    assert_true(ca_revoke(ca, list.items[0].serial, "superseded", &did, &e));
    assert_true(ca_refresh(ca, false, &did, &e));
    return strdup(scratch_read(&f->scratch, "ca/clients.crl"));
}

static void
every_crl_of_a_file_is_read(void **state)
{
    struct fake_ca f;
    own_ca_crls struct ca_crls crls = {0};
    own_ca_crls struct ca_crls from_file = {0};
    struct err e = {0};
    own_mem char *text = NULL;

    (void)state;
    fake_ca_begin(&f);
    text = make_crls(&f);
    assert_true(crlfile_parse(text, strlen(text), &crls, &e));
    assert_int_equal(crls.count, 2);
    assert_non_null(strstr(crls.items[0].issuer, "CN=pgcert client CA "));
    assert_non_null(strstr(crls.items[1].issuer, "CN=pgcert root CA "));
    assert_int_equal(crls.items[0].revoked, 1);
    assert_int_equal(crls.items[1].revoked, 0);
    assert_int_equal(crls.items[0].next_update_s - f.config.crl_lifetime_s,
                     f.clock.base.now_s(&f.clock.base));
    assert_true(crls.items[0].this_update_s < crls.items[0].next_update_s);
    assert_true(strtoll(crls.items[0].number, NULL, 10) > 0);
    assert_true(ca_crls_read(scratch_path(&f.scratch, "ca/root.crl"), &from_file, &e));
    assert_int_equal(from_file.count, 1);
    assert_string_equal(from_file.items[0].number, crls.items[1].number);
    fake_ca_end(&f);
}

static void
der_is_read_too(void **state)
{
    struct fake_ca f;
    own_ca_crls struct ca_crls crls = {0};
    struct err e = {0};
    own_mem char *text = NULL;
    BIO *bio = NULL;
    X509_CRL *crl = NULL;
    unsigned char *der = NULL;
    int size = 0;

    (void)state;
    fake_ca_begin(&f);
    text = make_crls(&f);
    bio = BIO_new_mem_buf(text, -1);
    crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    size = i2d_X509_CRL(crl, &der);
    assert_true(size > 0);
    assert_true(crlfile_parse((const char *)der, (size_t)size, &crls, &e));
    assert_int_equal(crls.count, 1);
    assert_int_equal(crls.items[0].revoked, 1);
    OPENSSL_free(der);
    X509_CRL_free(crl);
    (void)BIO_free(bio);
    fake_ca_end(&f);
}

static void
a_file_without_one_has_none(void **state)
{
    static const char *const texts[] = {"", "hello", "0", "-----BEGIN CERTIFICATE-----\nAA"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        own_ca_crls struct ca_crls crls = {0};
        struct err e = {0};

        assert_true(crlfile_parse(texts[i], strlen(texts[i]), &crls, &e));
        assert_int_equal(crls.count, 0);
    }
}

static void
a_damaged_one_is_told_wherever_it_is_cut(void **state)
{
    struct fake_ca f;
    own_mem char *text = NULL;
    size_t first = 0, begin = strlen("-----BEGIN X509 CRL-----");

    (void)state;
    fake_ca_begin(&f);
    text = make_crls(&f);
    first = (size_t)(strstr(text, "-----END X509 CRL-----") - text);
    for (size_t size = begin; size < first; size += 7) {
        own_ca_crls struct ca_crls crls = {0};
        struct err e = {0};

        assert_false(crlfile_parse(text, size, &crls, &e));
        assert_int_equal(e.code, ERR_INPUT);
        assert_int_equal(crls.count, 0);
    }
    fake_ca_end(&f);
}

static void
a_file_that_is_not_there_is_told(void **state)
{
    own_ca_crls struct ca_crls crls = {0};
    struct err e = {0};

    (void)state;
    assert_false(ca_crls_read("/nonexistent/x.crl", &crls, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_crl_of_a_file_is_read),
        cmocka_unit_test(der_is_read_too),
        cmocka_unit_test(a_file_without_one_has_none),
        cmocka_unit_test(a_damaged_one_is_told_wherever_it_is_cut),
        cmocka_unit_test(a_file_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests_name("crlfile", tests, NULL, NULL);
}
