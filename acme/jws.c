/* jws.c: JSON Web Signatures with ES256. */
#include "acme/jws.h"

#include "base/b64url.h"
#include "base/json.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/sha.h>

#define COORDINATE_SIZE 32 /* bytes of a P-256 coordinate (RFC 7518 section 6.2.1.2) */
#define SIGNATURE_SIZE (2 * COORDINATE_SIZE) /* R || S (RFC 7518 section 3.4) */

/* One coordinate of the public point as base64url. */
static bool
coordinate(EVP_PKEY *key, const char *which, char text[static B64URL_SIZE(COORDINATE_SIZE)])
{
    BIGNUM *number = NULL;
    unsigned char bytes[COORDINATE_SIZE];
    bool good = EVP_PKEY_get_bn_param(key, which, &number) == 1 &&
                BN_bn2binpad(number, bytes, sizeof(bytes)) == sizeof(bytes);

    BN_free(number);
    if (good)
        b64url_encode(text, bytes, sizeof(bytes));
    return good;
}

/* The JWK with its members in lexical order and without white space, as RFC 7638 wants it; that is
 * also a good JWK for the header. */
static bool
add_jwk(EVP_PKEY *key, struct str *jwk, struct err *e)
{
    char x[B64URL_SIZE(COORDINATE_SIZE)], y[B64URL_SIZE(COORDINATE_SIZE)];

    if (!coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, x) ||
        !coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, y))
        return err_crypto(e, "read the public part of the account key");
    return str_addf(jwk, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y) ||
           err_memory(e);
}

bool
jws_thumbprint(EVP_PKEY *key, unsigned char thumbprint[static THUMBPRINT_SIZE], struct err *e)
{
    own_str struct str jwk = {0};

    if (!add_jwk(key, &jwk, e))
        return false;
    if (EVP_Digest(jwk.text, jwk.size, thumbprint, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto(e, "hash the account key");
    return true;
}

/* OpenSSL signs to DER; JWS wants R || S. */
static bool
raw_signature(const unsigned char *der, size_t size, unsigned char raw[static SIGNATURE_SIZE])
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)size);
    bool good =
        signature != NULL &&
        BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, COORDINATE_SIZE) == COORDINATE_SIZE &&
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + COORDINATE_SIZE, COORDINATE_SIZE) ==
            COORDINATE_SIZE;

    ECDSA_SIG_free(signature);
    return good;
}

static bool
sign(EVP_PKEY *key, const struct str *input, unsigned char raw[static SIGNATURE_SIZE],
     struct err *e)
{
    unsigned char der[128];
    size_t size = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good =
        context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(context, der, &size, (const unsigned char *)input->text, input->size) == 1 &&
        raw_signature(der, size, raw);

    EVP_MD_CTX_free(context);
    return good || err_crypto(e, "sign with the account key");
}

static bool
add_header(EVP_PKEY *key, const char *kid, const char *nonce, const char *url, struct str *header,
           struct err *e)
{
    own_json struct json_t *object = json_new_object();
    own_mem char *text = NULL;

    if (object == NULL)
        return err_memory(e);
    json_put_text(object, "alg", "ES256");
    json_put_text(object, "nonce", nonce);
    json_put_text(object, "url", url);
    if (kid != NULL) {
        json_put_text(object, "kid", kid);
    } else {
        own_str struct str jwk = {0};

        if (!add_jwk(key, &jwk, e))
            return false;
        json_put(object, "jwk", json_decode(jwk.text, jwk.size, e));
    }
    text = json_encode(object);
    return (text != NULL && b64url_add(header, text, strlen(text))) || err_memory(e);
}

bool
jws_sign(EVP_PKEY *key, const char *kid, const char *nonce, const char *url, const char *payload,
         struct str *body, struct err *e)
{
    own_str struct str input = {0}; /* HEADER.PAYLOAD, RFC 7515 section 5.1 */
    unsigned char raw[SIGNATURE_SIZE];
    char signature[B64URL_SIZE(SIGNATURE_SIZE)];
    size_t header_size = 0;

    if (!add_header(key, kid, nonce, url, &input, e))
        return false;
    header_size = input.size;
    if (!str_add(&input, ".", 1) || !b64url_add(&input, payload, strlen(payload)))
        return err_memory(e);
    if (!sign(key, &input, raw, e))
        return false;
    b64url_encode(signature, raw, sizeof(raw));
    return str_addf(body, "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"%s\"}",
                    (int)header_size, input.text, input.text + header_size + 1, signature) ||
           err_memory(e);
}
