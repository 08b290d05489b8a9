/* test_jws.c: the keys and the signatures of RFC 7515 appendices A.2 and A.3; a thumbprint by
 * Python: hashlib.sha256(b'{"crv":"P-256","kty":"EC","x":"f83O...","y":"x_FE..."}')
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
#include <openssl/pem.h>

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

/* A certificate's key signs its own revocation (RFC 8555 section 7.6). */
static void
keys_of_certificates_sign_with_their_algorithm(void **state)
{
    static const struct {
        enum key_type type;
        const char *algorithm;
        size_t size; /* RFC 7518 sections 3.3 and 3.4 */
    } rows[] = {{KEY_ECDSA_P256, "ES256", 64},
                {KEY_ECDSA_P384, "ES384", 96},
                {KEY_RSA_2048, "RS256", 256},
                {KEY_RSA_4096, "RS256", 512}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        own_pkey EVP_PKEY *key = key_generate(rows[i].type, &e);
        own_str struct str body = {0}, header = {0}, signature = {0};
        own_json struct json_t *jws = NULL;
        own_json struct json_t *protected = NULL;

        assert_true(jws_sign(key, NULL, "n1", "https://ca.test/", "{}", &body, &e));
        jws = json_decode(body.text, body.size, &e);
        assert_non_null(jws);
        assert_true(b64url_decode(&header, json_member_text(jws, "protected")));
        assert_true(b64url_decode(&signature, json_member_text(jws, "signature")));
        protected = json_decode(header.text, header.size, &e);
        assert_string_equal(json_member_text(protected, "alg"), rows[i].algorithm);
        assert_int_equal(signature.size, rows[i].size);
        assert_non_null(json_member(protected, "jwk"));
    }
}

/* RFC 7638 section 3.1: key and thumbprint; the PEM by Python's cryptography */
static void
the_thumbprint_of_an_rsa_key_is_that_of_the_rfc(void **state)
{
    static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0vx7agoebGcQSuuPiLJX\n"
                              "ZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS\n"
                              "oc/BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ/2W+5JsGY4Hc5n9yBXArwl93lqt\n"
                              "7/RN5w6Cf0h4QyQ5v+65YGjQR0/FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0\n"
                              "zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt+bFTWhAI4vMQFh6WeZu0f\n"
                              "M4lFd2NcRwr3XPksINHaQ+G/xBniIqbw0Ls1jF44+csFCur+kEgU8awapJzKnqDK\n"
                              "gwIDAQAB\n"
                              "-----END PUBLIC KEY-----\n";
    BIO *bio = BIO_new_mem_buf(pem, -1);
    own_pkey EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    unsigned char print[THUMBPRINT_SIZE];
    char text[B64URL_SIZE(THUMBPRINT_SIZE)];
    struct err e = {0};

    (void)state;
    BIO_free(bio);
    assert_true(jws_thumbprint(key, print, &e));
    b64url_encode(text, print, sizeof(print));
    assert_string_equal(text, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/* Key 01 02 ... 20; the MACs by Python's hmac over "HEADER.PAYLOAD". */
static void
a_shared_key_signs_by_each_hmac(void **state)
{
    static const char *const rows[] = {
        [JWS_HS256] = "{\"protected\":\"eyJhbGciOiJIUzI1NiIsInVybCI6Imh0dHBzOi8vY2EudGVzdC9uZXciLCJ"
                      "raWQiOiJraWQtMSJ9\",\"payload\":\"eyJhIjoxfQ\",\"signature\":"
                      "\"fjW2LRoRc2krDTnZA33rCLssnqoYFwl-cgF0LQQazDU\"}",
        [JWS_HS384] = "{\"protected\":\"eyJhbGciOiJIUzM4NCIsInVybCI6Imh0dHBzOi8vY2EudGVzdC9uZXciLCJ"
                      "raWQiOiJraWQtMSJ9\",\"payload\":\"eyJhIjoxfQ\",\"signature\":"
                      "\"LTeCkf48drUsm3nyWKj9BMKSyVKuYyVp2_rJGP48tjq5GrcCaMxsJz1_0BpUCVUd\"}",
        [JWS_HS512] =
            "{\"protected\":\"eyJhbGciOiJIUzUxMiIsInVybCI6Imh0dHBzOi8vY2EudGVzdC9uZXciLCJ"
            "raWQiOiJraWQtMSJ9\",\"payload\":\"eyJhIjoxfQ\",\"signature\":\"NAPtxRprQTh48jrn"
            "oG5BnGy09oj7YvNuoCQ3fqqiQiwvg80HlrVmS3IdymDhul4GzAS8iPQkYhQO1tSaR58_FQ\"}",
    };
    own_str struct str key = {0};

    (void)state;
    for (char c = 1; c <= 32; c++)
        assert_true(str_add(&key, &c, 1));
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct jws_secret secret = {(enum jws_hmac)i, "kid-1", &key};
        own_str struct str body = {0};
        struct err e = {0};

        assert_true(jws_sign_hmac(&secret, "https://ca.test/new", "{\"a\":1}", &body, &e));
        assert_string_equal(body.text, rows[i]);
    }
}

/* RFC 8555 section 7.3.5: the inner JWS of a rollover MUST omit the nonce. */
static void
without_a_nonce_there_is_no_such_member(void **state)
{
    own_pkey EVP_PKEY *key = a3_key();
    own_str struct str body = {0}, header = {0};
    own_json struct json_t *jws = NULL;
    struct err e = {0};

    (void)state;
    assert_true(jws_sign(key, "k", NULL, "https://ca.test/", "{}", &body, &e));
    jws = json_decode(body.text, body.size, &e);
    assert_true(b64url_decode(&header, json_member_text(jws, "protected")));
    assert_string_equal(header.text,
                        "{\"alg\":\"ES256\",\"url\":\"https://ca.test/\",\"kid\":\"k\"}");
}

/* RFC 7515 appendix A.2; RSASSA-PKCS1-v1_5 signs the same each time. */
static void
the_compact_form_is_that_of_the_rfc(void **state)
{
    static const char claims[] = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
                                 "\"http://example.com/is_root\":true}";
    /* the JWK of A.2.1 as PKCS#8, by openssl asn1parse -genconf and pkcs8 -topk8 */
    static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO\n"
                              "jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL\n"
                              "aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\n"
                              "juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5\n"
                              "ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf\n"
                              "toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\n"
                              "VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW\n"
                              "PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G\n"
                              "O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\n"
                              "kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6\n"
                              "XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB\n"
                              "4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\n"
                              "pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr\n"
                              "0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE\n"
                              "lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6\n"
                              "kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP\n"
                              "rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw\n"
                              "kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp\n"
                              "5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2\n"
                              "9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/\n"
                              "evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\n"
                              "yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj\n"
                              "OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2\n"
                              "tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3\n"
                              "ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56\n"
                              "03k2+ZQwVK0JKSHuLFkuQ3U=\n"
                              "-----END PRIVATE KEY-----\n";
    struct err e = {0};
    own_pkey EVP_PKEY *key = key_from_pem(pem, strlen(pem), &e);
    own_str struct str token = {0};

    (void)state;
    assert_non_null(key);
    assert_true(jws_compact(key, "{\"alg\":\"RS256\"}", claims, &token, &e));
    assert_string_equal(
        token.text,
        "eyJhbGciOiJSUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn"
        "VlfQ."
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF"
        "5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK"
        "5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqt"
        "FZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
        "p0igcN_IoypGlUPQGe77Rw");
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
        cmocka_unit_test(keys_of_certificates_sign_with_their_algorithm),
        cmocka_unit_test(the_thumbprint_of_an_rsa_key_is_that_of_the_rfc),
        cmocka_unit_test(a_shared_key_signs_by_each_hmac),
        cmocka_unit_test(without_a_nonce_there_is_no_such_member),
        cmocka_unit_test(the_compact_form_is_that_of_the_rfc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
