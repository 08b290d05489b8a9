/* test_keyfile.c: keys in other forms, read again by OpenSSL. */
#include "ca/keyfile.h"

#include "base/key.h"
#include "tests/fake/mint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pkcs12.h>

static void
pkcs8_is_the_key_itself_not_encrypted(void **state)
{
    struct err e = {0};
    own_str struct str der = {0};
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
    EVP_PKEY *again = NULL;
    PKCS8_PRIV_KEY_INFO *info = NULL;
    const unsigned char *cursor = NULL;

    (void)state;
    assert_true(keyfile_pkcs8(key, &der, &e));
    cursor = (const unsigned char *)der.text;
    info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &cursor, (long)der.size);
    assert_non_null(info);
    again = EVP_PKCS82PKEY(info);
    assert_int_equal(EVP_PKEY_eq(key, again), 1);
    PKCS8_PRIV_KEY_INFO_free(info);
    EVP_PKEY_free(again);
    EVP_PKEY_free(key);
}

/* Read by OpenSSL's own reader with the passphrase, and by nothing without it. */
static void
an_encrypted_key_needs_its_passphrase(void **state)
{
    struct err e = {0};
    own_str struct str pem = {0}, plain = {0}, right = {0}, wrong = {0}, none = {0};
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
    EVP_PKEY *again = NULL;

    (void)state;
    assert_true(str_addf(&right, "correct horse") && str_addf(&wrong, "battery"));
    assert_true(keyfile_write(key, &right, &pem, &e));
    assert_int_equal(strncmp(pem.text, "-----BEGIN ENCRYPTED PRIVATE KEY-----", 37), 0);
    again = keyfile_read(&pem, &right, &e);
    assert_int_equal(EVP_PKEY_eq(key, again), 1);
    EVP_PKEY_free(again);
    assert_null(keyfile_read(&pem, &wrong, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_null(keyfile_read(&pem, &none, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_non_null(strstr(e.text, "passphrase_file is not set"));
    assert_true(keyfile_write(key, &none, &plain, &e));
    again = keyfile_read(&plain, &right, &e); /* of before it was encrypted */
    assert_int_equal(EVP_PKEY_eq(key, again), 1);
    EVP_PKEY_free(again);
    plain.text[60] = '!';
    assert_null(keyfile_read(&plain, &none, &e));
    assert_int_equal(e.code, ERR_INPUT);
    EVP_PKEY_free(key);
}

static void
pkcs12_opens_with_its_password_alone_and_has_the_chain(void **state)
{
    struct mint m = {.cn = "alice", .usage = "clientAuth", .from_s = 0, .until_s = 4000000000};
    struct mint ca = {.cn = "ca", .ca = true, .from_s = 0, .until_s = 4000000000};

    (void)state;
    for (int how = 0; how < 4; how++) {
        struct minted issuer = mint(&ca, NULL);
        struct minted leaf = mint(&m, &issuer);
        struct chain chain = {.certs = {leaf.cert, issuer.cert}, .count = 2};
        own_str struct str der = {0};
        struct err e = {0};
        EVP_PKEY *key = NULL;
        X509 *cert = NULL;
        STACK_OF(X509) *others = NULL;
        const unsigned char *cursor = NULL;
        PKCS12 *p = NULL;

        own_str struct str pkcs8 = {0};
        const struct keyfile_seal seal = {
            .password = "s3cret", .is_random = how >= 2, .is_legacy = how % 2 == 1};

        assert_true(keyfile_pkcs8(leaf.key, &pkcs8, &e));
        assert_true(keyfile_pkcs12(&pkcs8, &chain, "alice", &seal, &der, &e));
        cursor = (const unsigned char *)der.text;
        p = d2i_PKCS12(NULL, &cursor, (long)der.size);
        assert_non_null(p);
        assert_int_equal(PKCS12_verify_mac(p, "wrong", -1), 0);
        assert_int_equal(PKCS12_parse(p, "s3cret", &key, &cert, &others), 1);
        assert_int_equal(EVP_PKEY_eq(key, leaf.key), 1);
        assert_int_equal(X509_cmp(cert, leaf.cert), 0);
        assert_int_equal(sk_X509_num(others), 1);
        assert_int_equal(X509_cmp(sk_X509_value(others, 0), issuer.cert), 0);
        sk_X509_pop_free(others, X509_free);
        X509_free(cert);
        EVP_PKEY_free(key);
        PKCS12_free(p);
        minted_done(&leaf);
        minted_done(&issuer);
    }
}

static void
passwords_are_long_and_differ(void **state)
{
    own_str struct str a = {0}, b = {0};
    struct err e = {0};

    (void)state;
    assert_true(keyfile_password(&a, &e) && keyfile_password(&b, &e));
    assert_int_equal(a.size, 24);
    assert_string_not_equal(a.text, b.text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pkcs8_is_the_key_itself_not_encrypted),
        cmocka_unit_test(an_encrypted_key_needs_its_passphrase),
        cmocka_unit_test(pkcs12_opens_with_its_password_alone_and_has_the_chain),
        cmocka_unit_test(passwords_are_long_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
