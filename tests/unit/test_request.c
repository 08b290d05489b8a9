/* test_request.c: requests of strangers, of which the public key is taken and nothing else. */
#include "base/csr.h"
#include "ca/ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static void
make(EVP_PKEY *key, struct str *der, struct str *pem)
{
    struct list names = {0};
    struct err e = {0};
    const unsigned char *cursor = NULL;
    X509_REQ *req = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long size = 0;

    assert_true(list_add(&names, "postgres"));
    assert_true(csr_make(key, &names, der, &e));
    cursor = (const unsigned char *)der->text;
    req = d2i_X509_REQ(NULL, &cursor, (long)der->size);
    assert_int_equal(PEM_write_bio_X509_REQ(bio, req), 1);
    size = BIO_get_mem_data(bio, &text);
    assert_true(str_add(pem, text, (size_t)size));
    BIO_free(bio);
    X509_REQ_free(req);
    list_done(&names);
}

static void
pem_and_der_give_the_key_that_signed_them(void **state)
{
    struct err e = {0};
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
    struct str der = {0}, pem = {0};
    EVP_PKEY *of_der = NULL, *of_pem = NULL;

    (void)state;
    make(key, &der, &pem);
    of_der = ca_request_key(der.text, der.size, &e);
    of_pem = ca_request_key(pem.text, pem.size, &e);
    assert_int_equal(EVP_PKEY_eq(key, of_der), 1);
    assert_int_equal(EVP_PKEY_eq(key, of_pem), 1);
    EVP_PKEY_free(of_der);
    EVP_PKEY_free(of_pem);
    EVP_PKEY_free(key);
    str_done(&der);
    str_done(&pem);
}

static void
refused(const char *text, size_t size, const char *says)
{
    struct err e = {0};

    assert_null(ca_request_key(text, size, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.text, says));
}

static void
what_is_damaged_or_not_signed_by_its_key_is_refused(void **state)
{
    struct err e = {0};
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
    struct str der = {0}, pem = {0};

    (void)state;
    make(key, &der, &pem);
    refused("", 0, "no certificate request");
    refused("hello", 5, "no certificate request");
    refused(der.text, der.size - 1, "no certificate request");
    refused(pem.text, pem.size / 2, "no certificate request");
    der.text[der.size - 1] ^= 1; /* of the signature */
    refused(der.text, der.size, "not signed by its own key");
    EVP_PKEY_free(key);
    str_done(&der);
    str_done(&pem);
}

static void
a_weak_key_is_refused(void **state)
{
    EVP_PKEY *key = EVP_RSA_gen(1024);
    struct str der = {0}, pem = {0};

    (void)state;
    make(key, &der, &pem);
    refused(der.text, der.size, "too weak: 1024 bits");
    EVP_PKEY_free(key);
    str_done(&der);
    str_done(&pem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem_and_der_give_the_key_that_signed_them),
        cmocka_unit_test(what_is_damaged_or_not_signed_by_its_key_is_refused),
        cmocka_unit_test(a_weak_key_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
