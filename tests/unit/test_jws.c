/* test_jws.c: the key and the signature of RFC 7515 appendix A.3; its thumbprint by Python:
 *   hashlib.sha256(b'{"crv":"P-256","kty":"EC","x":"f83O...","y":"x_FE..."}')
 */
#include "acme/jws.h"

#include "base/b64url.h"
#include "base/json.h"
#include "base/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ecdsa.h>

#include <cmocka.h>

/* "d", "x" and "y" of appendix A.3.1 as PKCS#8, by openssl pkcs8 -topk8 -nocrypt */
static const char a3_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                             "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"
                             "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"
                             "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"
                             "-----END PRIVATE KEY-----\n";
#define A3_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define A3_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define A3_INPUT                                                                                   \
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"        \
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define A3_SIGNATURE                                                                               \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

static EVP_PKEY *
a3_key(void)
{
    struct err e = {0};
    EVP_PKEY *key = key_from_pem(a3_pem, strlen(a3_pem), &e);

    assert_non_null(key);
    return key;
}

/* Is it R || S (RFC 7518 section 3.4) of that key over `input`? */
static bool
is_signed(EVP_PKEY *key, const char *input, const char *signature)
{
    own_str struct str raw = {0};
    ECDSA_SIG *sig = ECDSA_SIG_new();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char *der = NULL;
    int size = 0;
    bool good = false;

    assert_true(b64url_decode(&raw, signature));
    assert_int_equal(raw.size, 64);
    assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn((unsigned char *)raw.text, 32, NULL),
                                    BN_bin2bn((unsigned char *)raw.text + 32, 32, NULL)),
                     1);
    size = i2d_ECDSA_SIG(sig, &der);
    assert_true(size > 0);
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    good = EVP_DigestVerify(context, der, (size_t)size, (const unsigned char *)input,
                            strlen(input)) == 1;
    OPENSSL_free(der);
    EVP_MD_CTX_free(context);
    ECDSA_SIG_free(sig);
    return good;
}

/* Signs, checks the signature, and gives header and payload as text. */
static void
sign(const char *kid, const char *payload, char **header, char **payload_back)
{
    own_pkey EVP_PKEY *key = a3_key();
    own_str struct str body = {0}, header_text = {0}, payload_text = {0};
    struct err e = {0};
    own_json struct json_t *jws = NULL;
    own_mem char *input = NULL;

    assert_true(jws_sign(key, kid, "n1", "https://ca.test/order", payload, &body, &e));
    jws = json_decode(body.text, body.size, &e);
    assert_non_null(jws);
    input =
        str_format("%s.%s", json_member_text(jws, "protected"), json_member_text(jws, "payload"));
    assert_true(is_signed(key, input, json_member_text(jws, "signature")));
    input[3] = input[3] == 'A' ? 'B' : 'A';
    assert_false(is_signed(key, input, json_member_text(jws, "signature")));
    assert_true(b64url_decode(&header_text, json_member_text(jws, "protected")));
    assert_true(b64url_decode(&payload_text, json_member_text(jws, "payload")));
    *header = str_take(&header_text);
    *payload_back = payload_text.text == NULL ? strdup("") : str_take(&payload_text);
}

static void
the_checker_of_these_tests_accepts_the_example_of_the_rfc(void **state)
{
    own_pkey EVP_PKEY *key = a3_key();

    (void)state;
    assert_true(is_signed(key, A3_INPUT, A3_SIGNATURE));
    assert_false(is_signed(key, A3_INPUT "x", A3_SIGNATURE));
}

static void
a_request_of_an_account_names_it_by_its_url(void **state)
{
    own_mem char *header = NULL;
    own_mem char *payload = NULL;

    (void)state;
    sign("https://ca.test/acct/1", "{\"identifiers\":[]}", &header, &payload);
    /* RFC 8555 section 6.2: alg, nonce, url and kid, not jwk */
    assert_string_equal(header,
                        "{\"alg\":\"ES256\",\"nonce\":\"n1\",\"url\":\"https://ca.test/order\","
                        "\"kid\":\"https://ca.test/acct/1\"}");
    assert_string_equal(payload, "{\"identifiers\":[]}");
}

static void
a_request_without_account_carries_the_public_key(void **state)
{
    own_mem char *header = NULL;
    own_mem char *payload = NULL;

    (void)state;
    sign(NULL, "", &header, &payload);
    assert_string_equal(header,
                        "{\"alg\":\"ES256\",\"nonce\":\"n1\",\"url\":\"https://ca.test/order\","
                        "\"jwk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y
                        "\"}}");
    assert_string_equal(payload, ""); /* POST-as-GET, RFC 8555 section 6.3 */
}

/* R and S begin with a zero byte now and then: always 32 bytes each. */
static void
a_signature_is_always_64_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 600; i++) {
        own_mem char *header = NULL;
        own_mem char *payload = NULL;

        sign("k", "{}", &header, &payload);
    }
}

static void
the_thumbprint_is_that_of_the_canonical_key(void **state)
{
    own_pkey EVP_PKEY *key = a3_key();
    unsigned char print[THUMBPRINT_SIZE];
    char text[B64URL_SIZE(THUMBPRINT_SIZE)];
    struct err e = {0};

    (void)state;
    assert_true(jws_thumbprint(key, print, &e));
    b64url_encode(text, print, sizeof(print));
    assert_string_equal(text, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
}

static void
a_key_of_another_type_is_an_error(void **state)
{
    static const enum key_type rows[] = {KEY_ECDSA_P384, KEY_RSA_2048};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        own_pkey EVP_PKEY *key = key_generate(rows[i], &e);
        own_str struct str body = {0};
        unsigned char print[THUMBPRINT_SIZE];

        assert_false(jws_sign(key, "k", "n1", "https://ca.test/", "", &body, &e));
        assert_int_equal(e.code, ERR_INTERNAL);
        e.code = ERR_NONE;
        assert_false(jws_sign(key, NULL, "n1", "https://ca.test/", "", &body, &e));
        assert_int_equal(e.code, ERR_INTERNAL);
        e.code = ERR_NONE;
        assert_false(jws_thumbprint(key, print, &e));
        assert_int_equal(e.code, ERR_INTERNAL);
        assert_int_equal(body.size, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checker_of_these_tests_accepts_the_example_of_the_rfc),
        cmocka_unit_test(a_request_of_an_account_names_it_by_its_url),
        cmocka_unit_test(a_request_without_account_carries_the_public_key),
        cmocka_unit_test(a_signature_is_always_64_bytes),
        cmocka_unit_test(the_thumbprint_is_that_of_the_canonical_key),
        cmocka_unit_test(a_key_of_another_type_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
