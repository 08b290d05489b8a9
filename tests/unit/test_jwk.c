/* test_jwk.c: private keys as JSON: the P-256 one of RFC 7515 appendix A.3, whose thumbprint is in
 * test_jws.c; the others are made here, written number by number, and read again. */
#include "acme/jwk.h"

#include "base/b64url.h"
#include "base/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>

#define A3_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define A3_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define A3_D "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define EC(crv, x, y, d)                                                                           \
    "{\"kty\":\"EC\",\"crv\":\"" crv "\",\"x\":\"" x "\",\"y\":\"" y "\",\"d\":\"" d "\"}"

static EVP_PKEY *
read_key(const char *text, struct err *e)
{
    own_json struct json_t *jwk = json_decode(text, strlen(text), e);

    assert_non_null(jwk);
    return jwk_key(jwk, e);
}

/* One member with a number of the key, in `size` bytes; 0: in as many as it needs. */
static void
put(struct json_t *jwk, const char *member, const EVP_PKEY *key, const char *param, int size)
{
    BIGNUM *number = NULL;
    unsigned char bytes[512];
    own_str struct str text = {0};

    assert_int_equal(EVP_PKEY_get_bn_param(key, param, &number), 1);
    size = size == 0 ? BN_num_bytes(number) : size;
    assert_int_equal(BN_bn2binpad(number, bytes, size), size);
    BN_free(number);
    assert_true(b64url_add(&text, bytes, (size_t)size));
    json_put_text(jwk, member, text.text);
}

static struct json_t *
write_rsa(const EVP_PKEY *key)
{
    struct json_t *jwk = json_new_object();

    json_put_text(jwk, "kty", "RSA");
    put(jwk, "n", key, OSSL_PKEY_PARAM_RSA_N, 0);
    put(jwk, "e", key, OSSL_PKEY_PARAM_RSA_E, 0);
    put(jwk, "d", key, OSSL_PKEY_PARAM_RSA_D, 0);
    put(jwk, "p", key, OSSL_PKEY_PARAM_RSA_FACTOR1, 0);
    put(jwk, "q", key, OSSL_PKEY_PARAM_RSA_FACTOR2, 0);
    put(jwk, "dp", key, OSSL_PKEY_PARAM_RSA_EXPONENT1, 0);
    put(jwk, "dq", key, OSSL_PKEY_PARAM_RSA_EXPONENT2, 0);
    put(jwk, "qi", key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 0);
    return jwk;
}

static struct json_t *
write_p384(const EVP_PKEY *key)
{
    struct json_t *jwk = json_new_object();

    json_put_text(jwk, "kty", "EC");
    json_put_text(jwk, "crv", "P-384");
    put(jwk, "x", key, OSSL_PKEY_PARAM_EC_PUB_X, 48);
    put(jwk, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y, 48);
    put(jwk, "d", key, OSSL_PKEY_PARAM_PRIV_KEY, 48);
    return jwk;
}

/* Both halves are the same: EVP_PKEY_eq() looks at the public one alone. */
static void
is_same(const EVP_PKEY *a, const EVP_PKEY *b)
{
    own_str struct str one = {0}, other = {0};
    struct err e = {0};

    assert_true(key_to_pem(a, &one, &e) && key_to_pem(b, &other, &e));
    assert_string_equal(one.text, other.text);
}

static void
the_key_of_rfc_7515_appendix_a_3_is_read(void **state)
{
    struct err e = {0};
    own_pkey EVP_PKEY *key = read_key(EC("P-256", A3_X, A3_Y, A3_D), &e);
    own_json struct json_t *back = json_new_object();

    (void)state;
    assert_non_null(key);
    assert_true(key_is(key, KEY_ECDSA_P256));
    put(back, "d", key, OSSL_PKEY_PARAM_PRIV_KEY, 32);
    assert_string_equal(json_member_text(back, "d"), A3_D);
}

static void
rsa_and_p_384_are_read_whole(void **state)
{
    struct err e = {0};
    own_pkey EVP_PKEY *rsa = key_generate(KEY_RSA_2048, &e);
    own_pkey EVP_PKEY *ec = key_generate(KEY_ECDSA_P384, &e);
    own_json struct json_t *rsa_jwk = write_rsa(rsa);
    own_json struct json_t *ec_jwk = write_p384(ec);
    own_pkey EVP_PKEY *rsa_read = jwk_key(rsa_jwk, &e);
    own_pkey EVP_PKEY *ec_read = jwk_key(ec_jwk, &e);

    (void)state;
    assert_non_null(rsa_read);
    assert_non_null(ec_read);
    is_same(rsa, rsa_read);
    is_same(ec, ec_read);
}

static void
what_is_no_private_key_is_refused_with_the_reason(void **state)
{
    /* clang-format off */
    static const struct {
        const char *jwk, *text;
    } rows[] = {
        {"{}", "the JSON Web Key is neither of kty EC nor RSA"},
        {"{\"kty\":\"oct\",\"k\":\"AA\"}", "the JSON Web Key is neither of kty EC nor RSA"},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", "the JSON Web Key is neither of kty EC nor RSA"},
        {"{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}", "the JSON Web Key has no good 'd'; a private one is needed"},
        {EC("P-521", A3_X, A3_Y, A3_D), "the JSON Web Key is on a curve that is neither P-256 nor P-384"},
        {EC("P-384", A3_X, A3_Y, A3_D), "the JSON Web Key has a coordinate of another size than its curve"},
        {EC("P-256", "", A3_Y, A3_D), "the JSON Web Key has no good 'x'; a private one is needed"},
        {EC("P-256", A3_X, A3_Y, "+"), "the JSON Web Key has no good 'd'; a private one is needed"},
        {EC("P-256", A3_Y, A3_X, A3_D), "the JSON Web Key is damaged: its numbers do not belong together"},
        {EC("P-256", A3_X, A3_Y, "AQ"), "the JSON Web Key is damaged: its numbers do not belong together"},
        {EC("P-256", A3_X, A3_Y, "AA"), "the JSON Web Key is damaged: its numbers do not belong together"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        own_pkey EVP_PKEY *key = read_key(rows[i].jwk, &e);

        assert_null(key);
        assert_string_equal(e.text, rows[i].text);
        assert_int_equal(e.code, ERR_INPUT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_rfc_7515_appendix_a_3_is_read),
        cmocka_unit_test(rsa_and_p_384_are_read_whole),
        cmocka_unit_test(what_is_no_private_key_is_refused_with_the_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
