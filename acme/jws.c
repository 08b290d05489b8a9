/* jws.c: JSON Web Signatures with ES256, ES384, RS256 and HMAC. */
#include "acme/jws.h"

#include "base/b64url.h"
#include "base/json.h"
#include "base/key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>

#define SIGNATURE_MAX 512 /* bytes: RSA with 4096 bits */

const char *const jws_hmac_words[] = {"HS256", "HS384", "HS512", NULL};

/* RFC 7518 section 3.1: the one algorithm that we use with a kind of key. */
struct algorithm {
    const char *name;
    const char *curve;   /* NULL: RSA */
    int coordinate_size; /* bytes (RFC 7518 section 6.2.1.2); 0: RSA */
    const EVP_MD *(*digest)(void);
};

static const struct algorithm *
algorithm_of(const EVP_PKEY *key)
{
    static const struct algorithm es256 = {"ES256", "P-256", 32, EVP_sha256};
    static const struct algorithm es384 = {"ES384", "P-384", 48, EVP_sha384};
    static const struct algorithm rs256 = {"RS256", NULL, 0, EVP_sha256};

    if (key_is(key, KEY_ECDSA_P256))
        return &es256;
    return key_is(key, KEY_ECDSA_P384) ? &es384 : &rs256;
}

/* One number of the public key as base64url, in `size` bytes; 0: in as many as it needs. */
static bool
add_number(EVP_PKEY *key, const char *which, int size, struct str *text)
{
    BIGNUM *number = NULL;
    unsigned char bytes[SIGNATURE_MAX];
    bool good = EVP_PKEY_get_bn_param(key, which, &number) == 1;
    int used = good && size == 0 ? BN_num_bytes(number) : size;

    good = good && used <= (int)sizeof(bytes) && BN_bn2binpad(number, bytes, used) == used;
    BN_free(number);
    return good && b64url_add(text, bytes, (size_t)used);
}

/* The members in lexical order and without white space, as RFC 7638 wants it; that is also a good
 * JWK for the header. */
bool
jws_jwk(EVP_PKEY *key, struct str *jwk, struct err *e)
{
    const struct algorithm *a = algorithm_of(key);
    bool is_ec = a->curve != NULL;
    own_str struct str first = {0};
    own_str struct str second = {0};

    if (!add_number(key, is_ec ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_E,
                    a->coordinate_size, &first) ||
        !add_number(key, is_ec ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_N,
                    a->coordinate_size, &second))
        return err_crypto(e, "read the public part of the key");
    if (is_ec)
        return str_addf(jwk, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", a->curve,
                        first.text, second.text) ||
               err_memory(e);
    return str_addf(jwk, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", first.text, second.text) ||
           err_memory(e);
}

bool
jws_thumbprint(EVP_PKEY *key, unsigned char thumbprint[static THUMBPRINT_SIZE], struct err *e)
{
    own_str struct str jwk = {0};

    if (!jws_jwk(key, &jwk, e))
        return false;
    if (EVP_Digest(jwk.text, jwk.size, thumbprint, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto(e, "hash the account key");
    return true;
}

/* OpenSSL signs to DER; JWS wants R || S (RFC 7518 section 3.4). */
static bool
raw_signature(const unsigned char *der, size_t size, int coordinate_size, unsigned char *raw)
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)size);
    bool good =
        signature != NULL &&
        BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, coordinate_size) == coordinate_size &&
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + coordinate_size, coordinate_size) ==
            coordinate_size;

    ECDSA_SIG_free(signature);
    return good;
}

static bool
sign(EVP_PKEY *key, const struct str *input, struct str *signature, struct err *e)
{
    const struct algorithm *a = algorithm_of(key);
    unsigned char made[SIGNATURE_MAX];
    unsigned char raw[SIGNATURE_MAX];
    size_t size = sizeof(made);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestSignInit(context, NULL, a->digest(), NULL, key) == 1 &&
                EVP_DigestSign(context, made, &size, (const unsigned char *)input->text,
                               input->size) == 1 &&
                (a->curve == NULL || raw_signature(made, size, a->coordinate_size, raw));

    EVP_MD_CTX_free(context);
    if (!good)
        return err_crypto(e, "sign a request");
    if (a->curve == NULL)
        return b64url_add(signature, made, size) || err_memory(e);
    return b64url_add(signature, raw, 2 * (size_t)a->coordinate_size) || err_memory(e);
}

/* The protected header, encoded; NULL members are not in it. */
static bool
add_header(const char *algorithm, EVP_PKEY *key, const char *kid, const char *nonce,
           const char *url, struct str *header, struct err *e)
{
    own_json struct json_t *object = json_new_object();
    own_str struct str jwk = {0};
    own_mem char *text = NULL;

    if (object == NULL)
        return err_memory(e);
    json_put_text(object, "alg", algorithm);
    if (nonce != NULL)
        json_put_text(object, "nonce", nonce);
    json_put_text(object, "url", url);
    if (kid != NULL) {
        json_put_text(object, "kid", kid);
    } else {
        if (!jws_jwk(key, &jwk, e))
            return false;
        json_put(object, "jwk", json_decode(jwk.text, jwk.size, e));
    }
    text = json_encode(object);
    return (text != NULL && b64url_add(header, text, strlen(text))) || err_memory(e);
}

/* HEADER.PAYLOAD (RFC 7515 section 5.1) */
static bool
add_payload(struct str *input, const char *payload, struct err *e)
{
    return (str_add(input, ".", 1) && b64url_add(input, payload, strlen(payload))) || err_memory(e);
}

/* RFC 7515 section 7.2.2 */
static bool
flatten(const struct str *input, size_t header_size, const struct str *signature, struct str *body,
        struct err *e)
{
    return str_addf(body, "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"%s\"}",
                    (int)header_size, input->text, input->text + header_size + 1,
                    signature->text) ||
           err_memory(e);
}

bool
jws_sign(EVP_PKEY *key, const char *kid, const char *nonce, const char *url, const char *payload,
         struct str *body, struct err *e)
{
    own_str struct str input = {0};
    own_str struct str signature = {0};
    size_t header_size = 0;

    if (!add_header(algorithm_of(key)->name, key, kid, nonce, url, &input, e))
        return false;
    header_size = input.size;
    return add_payload(&input, payload, e) && sign(key, &input, &signature, e) &&
           flatten(&input, header_size, &signature, body, e);
}

bool
jws_compact(EVP_PKEY *key, const char *header, const char *claims, struct str *token, struct err *e)
{
    own_str struct str input = {0};
    own_str struct str signature = {0};

    if (!b64url_add(&input, header, strlen(header)))
        return err_memory(e);
    return add_payload(&input, claims, e) && sign(key, &input, &signature, e) &&
           (str_addf(token, "%s.%s", input.text, signature.text) || err_memory(e));
}

bool
jws_sign_hmac(const struct jws_secret *secret, const char *url, const char *payload,
              struct str *body, struct err *e)
{
    static const EVP_MD *(*const digests[])(void) = {EVP_sha256, EVP_sha384, EVP_sha512};
    own_str struct str input = {0};
    own_str struct str signature = {0};
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_size = 0;
    size_t header_size = 0;

    if (!add_header(jws_hmac_words[secret->algorithm], NULL, secret->kid, NULL, url, &input, e))
        return false;
    header_size = input.size;
    if (!add_payload(&input, payload, e))
        return false;
    if (HMAC(digests[secret->algorithm](), secret->key->text, (int)secret->key->size,
             (const unsigned char *)input.text, input.size, mac, &mac_size) == NULL)
        return err_crypto(e, "sign the external account binding");
    if (!b64url_add(&signature, mac, mac_size))
        return err_memory(e);
    return flatten(&input, header_size, &signature, body, e);
}
