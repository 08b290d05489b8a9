/* test_csr.c: requests, read again by OpenSSL's own parser. */
#include "base/csr.h"

#include "base/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

static X509_REQ *
make(enum key_type type, const char *names_text)
{
    struct err e = {0};
    struct list names = {0};
    struct str der = {0};
    EVP_PKEY *key = key_generate(type, &e);
    const unsigned char *cursor = NULL;
    X509_REQ *req = NULL;

    assert_true(list_add_words(&names, names_text));
    assert_true(csr_make(key, &names, &der, &e));
    cursor = (const unsigned char *)der.text;
    req = d2i_X509_REQ(NULL, &cursor, (long)der.size);
    assert_non_null(req);
    assert_int_equal(X509_REQ_verify(req, key), 1);
    list_done(&names);
    str_done(&der);
    EVP_PKEY_free(key);
    return req;
}

/* RFC 8555 section 7.4: all names in subjectAltName; RFC 2986: version 0 is v1. */
static void
all_names_stand_in_the_extension_and_none_in_the_subject(void **state)
{
    X509_REQ *req = make(KEY_ECDSA_P256, "db.example.org *.db.example.org email:x,IP");
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    const char *const wanted[] = {"db.example.org", "*.db.example.org", "email:x", "IP"};

    (void)state;
    assert_int_equal(X509_REQ_get_version(req), 0);
    assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(req)), 0);
    assert_int_equal(sk_GENERAL_NAME_num(names), 4);
    for (int i = 0; i < 4; i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(names, i);

        /* what looks like OpenSSL's configuration text is a name like any other */
        assert_int_equal(one->type, GEN_DNS);
        assert_string_equal((const char *)ASN1_STRING_get0_data(one->d.dNSName), wanted[i]);
    }
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(req);
}

static void
the_signature_suits_the_key(void **state)
{
    static const struct {
        enum key_type type;
        int signature;
    } cases[] = {
        {KEY_ECDSA_P256, NID_ecdsa_with_SHA256},
        {KEY_ECDSA_P384, NID_ecdsa_with_SHA384},
        {KEY_ED25519, NID_ED25519},
        {KEY_RSA_2048, NID_sha256WithRSAEncryption},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        X509_REQ *req = make(cases[i].type, "db.example.org");

        assert_int_equal(X509_REQ_get_signature_nid(req), cases[i].signature);
        X509_REQ_free(req);
    }
}

static void
a_request_without_a_name_is_our_mistake(void **state)
{
    struct err e = {0};
    struct list none = {0};
    struct str der = {0};
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);

    (void)state;
    assert_false(csr_make(key, &none, &der, &e));
    assert_int_equal(e.code, ERR_INTERNAL);
    assert_int_equal(der.size, 0);
    EVP_PKEY_free(key);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_names_stand_in_the_extension_and_none_in_the_subject),
        cmocka_unit_test(the_signature_suits_the_key),
        cmocka_unit_test(a_request_without_a_name_is_our_mistake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
