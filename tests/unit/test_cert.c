/* test_cert.c: strict reading, looking, names. Expected values are what openssl(1) 3.0 says:
 * openssl x509 -noout -fingerprint -sha256 -serial -dates -subject -ext subjectAltName */
#include "base/cert.h"

#include "tests/fake/mint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* openssl req -x509 -set_serial 0x03abcdef0123456789 -days 36500 -subj
 *   "/C=DE/O=Züri & Söhne/CN=one" -utf8 -addext
 *   subjectAltName=DNS:db.example.org,DNS:*.db.example.org,IP:192.0.2.7,IP:2001:db8::1 */
static const char one[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIB+zCCAaGgAwIBAgIJA6vN7wEjRWeJMAoGCCqGSM49BAMCMDQxCzAJBgNVBAYT\n"
                          "AkRFMRcwFQYDVQQKDA5aw7xyaSAmIFPDtmhuZTEMMAoGA1UEAwwDb25lMCAXDTI2\n"
                          "MTEyMjA2NTc1NFoYDzIxMjYxMDI5MDY1NzU0WjA0MQswCQYDVQQGEwJERTEXMBUG\n"
                          "A1UECgwOWsO8cmkgJiBTw7ZobmUxDDAKBgNVBAMMA29uZTBZMBMGByqGSM49AgEG\n"
                          "CCqGSM49AwEHA0IABNeGWaZufOwdT/LC2Dhs9VLVrpwSqlK3FQpJtL/Vc8l132SH\n"
                          "u+fyoI+3/+u6RVvWgjI5CCIQLGrwSdNaWpKEww2jgZkwgZYwHQYDVR0OBBYEFHEg\n"
                          "cGDyh16tQoJpqtGjc0WPPfwBMB8GA1UdIwQYMBaAFHEgcGDyh16tQoJpqtGjc0WP\n"
                          "PfwBMA8GA1UdEwEB/wQFMAMBAf8wQwYDVR0RBDwwOoIOZGIuZXhhbXBsZS5vcmeC\n"
                          "ECouZGIuZXhhbXBsZS5vcmeHBMAAAgeHECABDbgAAAAAAAAAAAAAAAEwCgYIKoZI\n"
                          "zj0EAwIDSAAwRQIhAMEi5byJnXgJG0o/ryiHM51J6OUKthPenBK8HAaEFwRKAiBw\n"
                          "KWL7cvazmzM87rTKleQjP6FwrvcznBID9tp1YuNrGg==\n"
                          "-----END CERTIFICATE-----\n";

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"

static X509 *
read_one(void)
{
    struct chain chain = {0};
    struct err e = {0};

    assert_true(chain_from_pem(&chain, one, strlen(one), &e));
    assert_int_equal(chain.count, 1);
    return chain.certs[0];
}

static void
a_certificate_is_described_as_openssl_describes_it(void **state)
{
    X509 *cert = read_one();
    char *serial = cert_serial(cert);
    char *subject = cert_subject(cert);
    char *issuer = cert_issuer(cert);
    char sha256[CERT_SHA256_TEXT];
    struct list names = {0};
    struct err e = {0};

    (void)state;
    assert_true(cert_sha256(cert, sha256, &e));
    assert_string_equal(sha256, "ba8636f5e7cdeb09132cefe1f8e7d29726de9d014da1c2c3677837f193c8fbaa");
    assert_string_equal(serial, "03abcdef0123456789");
    assert_string_equal(subject, "C=DE, O=Züri & Söhne, CN=one");
    assert_string_equal(issuer, subject);
    assert_int_equal(cert_not_before(cert), 1795330674);
    assert_int_equal(cert_not_after(cert), 4948930674);
    assert_true(cert_names(cert, &names));
    assert_int_equal(names.count, 4);
    assert_string_equal(names.items[1], "*.db.example.org");
    assert_string_equal(names.items[2], "192.0.2.7");
    assert_string_equal(names.items[3], "2001:db8::1");
    list_done(&names);
    free(serial);
    free(subject);
    free(issuer);
    X509_free(cert);
}

static void
names_are_covered_as_libpq_covers_them(void **state)
{
    /* after PostgreSQL src/interfaces/libpq/fe-secure-common.c, wildcard_certificate_match() */
    static const struct {
        const char *name;
        bool covered;
    } cases[] = {
        {"db.example.org", true},
        {"DB.Example.ORG", true},
        {"a.db.example.org", true},
        {"a.b.db.example.org", false},
        {".db.example.org", false},
        {"example.org", false},
        {"xdb.example.org", false},
        {"db.example.org.evil", false},
        {"*.db.example.org", true},
        {"*.example.org", false},
        {"one", false},
        {"192.0.2.7", true},
        {"192.0.2.8", false},
        {"2001:db8:0::1", true},
        {"", false},
    };
    X509 *cert = read_one();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (cert_covers(cert, cases[i].name) != cases[i].covered)
            fail_msg("'%s' should %sbe covered", cases[i].name, cases[i].covered ? "" : "not ");
    X509_free(cert);
}

/* "good.example\0.evil.example" must not pass for good.example (CVE-2009-2408's kind). */
static void
a_name_with_a_nul_byte_covers_nothing(void **state)
{
    static const unsigned char der[] = {0x30, 0x0e, 0x82, 0x0c, 'a', '.', 'b', 0,
                                        '.',  'e',  'v',  'i',  'l', '.', 'c', 'd'};
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    X509 *cert = X509_new();

    (void)state;
    assert_int_equal(ASN1_OCTET_STRING_set(value, der, sizeof(der)), 1);
    extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, value);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    assert_false(cert_covers(cert, "a.b"));
    assert_false(cert_covers(cert, "x.evil.cd"));
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    X509_free(cert);
}

static void
text_that_is_not_strict_pem_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "there is no certificate"},
        {"hello\n", "there is no certificate"},
        {"-----BEGIN CERTIFICATE-----\nMIIB\n", "truncated"},
        {BEGIN "MIIB\n-----END CERT-----\n", "does not end"},
        {BEGIN "MIIB\n" BEGIN "MIIB\n" END, "does not end"},
        {BEGIN "MI#B\n" END, "not base64"},
        {BEGIN "MIIB=\n" END, "not base64"},
        {BEGIN "MI=B\n" END, "not base64"},
        {BEGIN END, "not base64"},
        {BEGIN "MIIB\n" END, "not a DER certificate"},
        {"x-----BEGIN CERTIFICATE-----\nMIIB\n" END, "line of dashes"},
        {"-----BEGIN CERTIFICATE----- x\nMIIB\n" END, "line of dashes"},
        {"----------\n", "line of dashes"},
        {"-----BEGIN TRUSTED CERTIFICATE-----\nMIIB\n-----END TRUSTED CERTIFICATE-----\n",
         "make it a 'CERTIFICATE'"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct chain chain = {0};
        struct err e = {0};

        assert_false(chain_from_pem(&chain, cases[i].text, strlen(cases[i].text), &e));
        assert_int_equal(e.code, ERR_INPUT);
        assert_int_equal(chain.count, 0);
        if (strstr(e.text, cases[i].why) == NULL)
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, e.text, cases[i].why);
    }
}

static void
a_certificate_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < strlen(one) - 1; size++) {
        struct chain chain = {0};
        struct err e = {0};

        assert_false(chain_from_pem(&chain, one, size, &e));
        assert_int_equal(e.code, ERR_INPUT);
    }
}

static void
a_nul_byte_is_refused(void **state)
{
    struct chain chain = {0};
    struct err e = {0};

    (void)state;
    assert_false(chain_from_pem(&chain, one, sizeof(one), &e));
    assert_non_null(strstr(e.text, "NUL"));
}

static void
keys_comments_and_line_ends_between_are_passed_over(void **state)
{
    struct str pem = {0};
    struct chain chain = {0};
    struct err e = {0};

    (void)state;
    assert_true(str_addf(&pem,
                         "subject=/CN=one\r\n%s\n-----BEGIN EC PARAMETERS-----\nBggq\n"
                         "-----END EC PARAMETERS-----\r\n%s",
                         one, one));
    assert_true(chain_from_pem(&chain, pem.text, pem.size, &e));
    assert_int_equal(chain.count, 2);
    chain_done(&chain);
    str_done(&pem);
}

static void
more_certificates_than_a_chain_holds_are_refused(void **state)
{
    struct str pem = {0};
    struct chain chain = {0};
    struct err e = {0};

    (void)state;
    for (int i = 0; i <= CERT_CHAIN_MAX; i++)
        assert_true(str_add(&pem, one, strlen(one)));
    assert_false(chain_from_pem(&chain, pem.text, pem.size, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_int_equal(chain.count, 0);
    str_done(&pem);
}

static void
what_is_written_is_what_was_read(void **state)
{
    struct chain chain = {0};
    struct str pem = {0};
    struct err e = {0};

    (void)state;
    assert_true(chain_from_pem(&chain, one, strlen(one), &e));
    assert_true(chain_to_pem(&chain, &pem, &e));
    assert_string_equal(pem.text, one);
    chain_done(&chain);
    str_done(&pem);
}

static void
a_trust_file_is_trusted_and_a_bad_one_refused(void **state)
{
    char path[] = "/tmp/test_cert.XXXXXX";
    int fd = mkstemp(path);
    struct err e = {0};
    X509_STORE *store = NULL;

    (void)state;
    /* so that the system's own roots are not counted */
    assert_int_equal(setenv("SSL_CERT_FILE", "/nonexistent", 1), 0);
    assert_int_equal(setenv("SSL_CERT_DIR", "/nonexistent", 1), 0);
    assert_int_equal(write(fd, one, strlen(one)), strlen(one));
    store = cert_trust(path, &e);
    assert_non_null(store);
    assert_int_equal(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), 1);
    X509_STORE_free(store);
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_null(cert_trust(path, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_null(cert_trust(path, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_int_equal(unlink(path), 0);
    assert_null(cert_trust(path, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_described_as_openssl_describes_it),
        cmocka_unit_test(names_are_covered_as_libpq_covers_them),
        cmocka_unit_test(a_name_with_a_nul_byte_covers_nothing),
        cmocka_unit_test(text_that_is_not_strict_pem_is_refused_with_a_reason),
        cmocka_unit_test(a_certificate_cut_anywhere_is_refused),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(keys_comments_and_line_ends_between_are_passed_over),
        cmocka_unit_test(more_certificates_than_a_chain_holds_are_refused),
        cmocka_unit_test(what_is_written_is_what_was_read),
        cmocka_unit_test(a_trust_file_is_trusted_and_a_bad_one_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
