/* test_wipe.c: OpenSSL works with memory that is wiped (tests/e2e/confine.bats looks for what is
 * left). */
#include "base/wipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

static void
nothing_is_nothing_to_free(void **state)
{
    (void)state;
    wipe_free(NULL);
}

static void
what_openssl_gets_more_of_keeps_its_beginning(void **state)
{
    char *text = OPENSSL_malloc(8);

    (void)state;
    assert_non_null(text);
    memcpy(text, "secret!", 8);
    for (size_t size = 8; size < 100000; size *= 3) {
        text = OPENSSL_realloc(text, size);
        assert_non_null(text);
        assert_string_equal(text, "secret!");
    }
    text = OPENSSL_realloc(text, 8);
    assert_non_null(text);
    assert_string_equal(text, "secret!");
    assert_null(OPENSSL_realloc(text, 0)); /* as OpenSSL's own does: freed */
    text = OPENSSL_realloc(NULL, 4);
    assert_non_null(text);
    OPENSSL_free(text);
}

static void
openssl_works_with_it(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY *again = NULL;
    BIO *bio = BIO_new(BIO_s_mem());

    (void)state;
    assert_non_null(key);
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    again = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_int_equal(EVP_PKEY_eq(key, again), 1);
    EVP_PKEY_free(key);
    EVP_PKEY_free(again);
    BIO_free(bio);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_nothing_to_free),
        cmocka_unit_test(what_openssl_gets_more_of_keeps_its_beginning),
        cmocka_unit_test(openssl_works_with_it),
    };

    wipe_openssl(); /* before anything of OpenSSL's */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
