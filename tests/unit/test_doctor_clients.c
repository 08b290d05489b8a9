/* test_doctor_clients.c: files of CAs as whoever may write them can make them. */
#include "reload/doctor.h"

#include "base/key.h"
#include "reload/doctor_load.h"
#include "reload/tls.h"
#include "reload/trust.h"
#include "tests/fake/authority.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ui.h>

static int times_asked;
static UI_METHOD *watched;
static char target_name[] = "main", ca_path[] = "/ca.crt", crl_path[] = "/ca.crl";

static int
note_asked(UI *ui)
{
    (void)ui;
    times_asked++;
    return 0;
}

/* Whoever asks on the terminal comes by this. */
static void
watch_terminal(void)
{
    watched = UI_create_method("watched");
    assert_non_null(watched);
    assert_int_equal(UI_method_set_opener(watched, note_asked), 0);
    UI_set_default_method(watched);
    times_asked = 0;
}

static void
unwatch_terminal(void)
{
    UI_set_default_method(UI_OpenSSL());
    UI_destroy_method(watched);
    watched = NULL;
}

/* The CA's certificate in a block that is encrypted (RFC 1421). */
static void
encrypt(struct str *pem)
{
    BIO *in = BIO_new_mem_buf(pem->text, (int)pem->size);
    BIO *out = BIO_new(BIO_s_mem());
    X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
    char *text = NULL;
    long size = 0;

    assert_non_null(cert);
    assert_int_equal(PEM_ASN1_write_bio((i2d_of_void *)i2d_X509, PEM_STRING_X509, out, cert,
                                        EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL,
                                        NULL),
                     1);
    size = BIO_get_mem_data(out, &text);
    str_clear(pem);
    assert_true(str_add(pem, text, (size_t)size));
    X509_free(cert);
    BIO_free(in);
    BIO_free(out);
}

static void
put_setting(struct doctor_facts *facts, const char *name, const char *value)
{
    assert_true(list_add(&facts->settings, name) && list_add(&facts->settings, value) &&
                list_add(&facts->settings, value) && list_add(&facts->settings, ""));
}

static void
nobody_is_asked_for_a_passphrase(void **state)
{
    struct fake_ca ca_of;
    struct ca *ca = NULL;
    struct ca_client_trust given = {0};
    own_trust_file struct trust trust = {0};
    own_findings struct findings f = {.check = "clients"};
    struct target target = {.name = target_name};
    struct examination x = {.target = &target, .has_files = true};
    struct doctor_file file = {.path = ca_path};
    struct err e = {0};

    (void)state;
    fake_ca_begin(&ca_of);
    fake_ca_init(&ca_of);
    ca = fake_ca_open(&ca_of);
    assert_true(ca_trust_clients(ca, true, &given, &e));
    ca_close(&ca);
    assert_true(tls_has_ca(&given.pem));
    assert_true(str_add(&file.text, given.pem.text, given.pem.size));
    encrypt(&file.text);
    put_setting(&x.facts, "ssl", "on");
    put_setting(&x.facts, "ssl_ca_file", "/ca.crt");
    x.files = (struct doctor_files){.items = &file, .count = 1};

    watch_terminal();
    assert_false(tls_has_ca(&file.text));
    assert_false(trust_read(&trust, &file.text, &e));
    assert_int_equal(e.code, ERR_INPUT);
    reload_find_clients(&x, &f);
    reload_find_expiry(&x, &f);
    assert_int_equal(f.count, 0);
    assert_int_equal(times_asked, 0);
    unwatch_terminal();

    str_done(&file.text);
    doctor_facts_done(&x.facts);
    ca_client_trust_done(&given);
    fake_ca_end(&ca_of);
}

static void
a_crl_that_is_too_large_to_be_read_is_not_missing(void **state)
{
    struct fake_ca ca_of;
    struct ca *ca = NULL;
    struct ca_client_trust given = {0};
    struct target target = {.name = target_name};
    struct examination x = {.target = &target, .has_files = true};
    struct doctor_file files[] = {{.path = ca_path}, {.path = crl_path, .trouble = EFBIG}};
    struct err e = {0};

    (void)state;
    fake_ca_begin(&ca_of);
    fake_ca_init(&ca_of);
    ca = fake_ca_open(&ca_of);
    assert_true(ca_trust_clients(ca, true, &given, &e));
    ca_close(&ca);
    x.files = (struct doctor_files){.items = files, .count = COUNT(files)};
    put_setting(&x.facts, "ssl", "on");
    put_setting(&x.facts, "ssl_ca_file", "/ca.crt");
    put_setting(&x.facts, "ssl_crl_file", "/ca.crl");
    /* the CA alone: what comes before the first CRL */
    assert_true(str_add(&files[0].text, given.pem.text,
                        (size_t)(strstr(given.pem.text, "-----BEGIN X509 CRL") - given.pem.text)));
    for (int round = 0; round < 2; round++) {
        own_findings struct findings f = {.check = "clients"};

        files[1].trouble = round == 0 ? EFBIG : 0;
        reload_find_clients(&x, &f);
        assert_int_equal(f.count > 0, round == 1);
    }
    str_done(&files[0].text);
    doctor_facts_done(&x.facts);
    ca_client_trust_done(&given);
    fake_ca_end(&ca_of);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_asked_for_a_passphrase),
        cmocka_unit_test(a_crl_that_is_too_large_to_be_read_is_not_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
