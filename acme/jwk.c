/* jwk.c: the numbers of a JWK become a key of OpenSSL's. */
#include "acme/jwk.h"

#include "base/b64url.h"
#include "base/key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#define NUMBER_MAX 512 /* bytes: RSA with 4096 bits */
#define NUMBERS_MAX 8

/* A member of the JWK, and what it is to OpenSSL. */
struct number {
    const char *member;
    const char *param;
};

/* clang-format off */
static const struct number rsa_numbers[] = {
    {"n",  OSSL_PKEY_PARAM_RSA_N},         {"e",  OSSL_PKEY_PARAM_RSA_E},
    {"d",  OSSL_PKEY_PARAM_RSA_D},         {"p",  OSSL_PKEY_PARAM_RSA_FACTOR1},
    {"q",  OSSL_PKEY_PARAM_RSA_FACTOR2},   {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
    {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};
/* clang-format on */

/* RFC 7518 section 6.2.1.1 */
static const struct {
    const char *name;
    const char *group;
    size_t size; /* bytes of a coordinate */
} curves[] = {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}};

/* What the builder refers to until the key is made. */
struct workshop {
    OSSL_PARAM_BLD *builder;
    BIGNUM *numbers[NUMBERS_MAX];
    size_t count;
    struct str point; /* of EC: 4, x, y */
};

static void
workshop_done(struct workshop *w)
{
    OSSL_PARAM_BLD_free(w->builder);
    for (size_t i = 0; i < w->count; i++)
        BN_clear_free(w->numbers[i]);
    str_done(&w->point);
}

static bool
refuse(const char *why, struct err *e)
{
    ERR_clear_error();
    return err_set(e, ERR_INPUT, "the JSON Web Key %s", why);
}

/* The bytes of a number. */
static bool
read_bytes(const struct json_t *jwk, const char *member, struct str *bytes, struct err *e)
{
    const char *text = json_member_text(jwk, member);

    if (text == NULL || !b64url_decode(bytes, text) || bytes->size == 0 || bytes->size > NUMBER_MAX)
        return err_set(e, ERR_INPUT, "the JSON Web Key has no good '%s'; a private one is needed",
                       member);
    return true;
}

/* Numbers in secure memory are wiped where OpenSSL copies them to. */
static bool
push(struct workshop *w, const char *param, const struct str *bytes, struct err *e)
{
    BIGNUM *number = BN_secure_new();

    if (number == NULL)
        return err_memory(e);
    w->numbers[w->count++] = number;
    return (BN_bin2bn((const unsigned char *)bytes->text, (int)bytes->size, number) != NULL &&
            OSSL_PARAM_BLD_push_BN(w->builder, param, number) == 1) ||
           err_crypto(e, "take a number of the JSON Web Key");
}

static bool
add_rsa(struct workshop *w, const struct json_t *jwk, struct err *e)
{
    for (size_t i = 0; i < COUNT(rsa_numbers); i++) {
        own_str struct str bytes = {0};

        if (!read_bytes(jwk, rsa_numbers[i].member, &bytes, e) ||
            !push(w, rsa_numbers[i].param, &bytes, e))
            return false;
    }
    return true;
}

static bool
add_coordinate(struct workshop *w, const struct json_t *jwk, const char *member, size_t size,
               struct err *e)
{
    own_str struct str bytes = {0};

    if (!read_bytes(jwk, member, &bytes, e))
        return false;
    if (bytes.size != size) /* section 6.2.1.2: the full size, always */
        return refuse("has a coordinate of another size than its curve", e);
    return str_add(&w->point, bytes.text, bytes.size) || err_memory(e);
}

static bool
add_ec(struct workshop *w, const struct json_t *jwk, struct err *e)
{
    const char *crv = json_member_text(jwk, "crv");
    own_str struct str secret = {0};
    size_t i = 0;

    while (i < COUNT(curves) && (crv == NULL || strcmp(crv, curves[i].name) != 0))
        i++;
    if (i == COUNT(curves))
        return refuse("is on a curve that is neither P-256 nor P-384", e);
    if (!str_add(&w->point, "\4", 1))
        return err_memory(e);
    if (!add_coordinate(w, jwk, "x", curves[i].size, e) ||
        !add_coordinate(w, jwk, "y", curves[i].size, e) || !read_bytes(jwk, "d", &secret, e) ||
        !push(w, OSSL_PKEY_PARAM_PRIV_KEY, &secret, e))
        return false;
    return (OSSL_PARAM_BLD_push_utf8_string(w->builder, OSSL_PKEY_PARAM_GROUP_NAME, curves[i].group,
                                            0) == 1 &&
            OSSL_PARAM_BLD_push_octet_string(w->builder, OSSL_PKEY_PARAM_PUB_KEY, w->point.text,
                                             w->point.size) == 1) ||
           err_crypto(e, "take the point of the JSON Web Key");
}

/* That the halves belong together is checked, since nothing else would before a request fails. */
static EVP_PKEY *
assemble(struct workshop *w, const char *algorithm, struct err *e)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(w->builder);
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    EVP_PKEY_CTX *checker = NULL;
    own_pkey EVP_PKEY *key = NULL;
    bool good = params != NULL && maker != NULL && EVP_PKEY_fromdata_init(maker) == 1 &&
                EVP_PKEY_fromdata(maker, &key, EVP_PKEY_KEYPAIR, params) == 1;

    checker = good ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    good = checker != NULL && EVP_PKEY_public_check_quick(checker) == 1 &&
           EVP_PKEY_pairwise_check(checker) == 1;
    EVP_PKEY_CTX_free(checker);
    EVP_PKEY_CTX_free(maker);
    OSSL_PARAM_free(params);
    if (good)
        return TAKE(key);
    (void)refuse("is damaged: its numbers do not belong together", e);
    return NULL;
}

EVP_PKEY *
jwk_key(const struct json_t *jwk, struct err *e)
{
    __attribute__((cleanup(workshop_done))) struct workshop w = {.builder = OSSL_PARAM_BLD_new()};
    const char *kty = json_member_text(jwk, "kty");
    bool is_rsa = kty != NULL && strcmp(kty, "RSA") == 0;

    if (w.builder == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    if (!is_rsa && (kty == NULL || strcmp(kty, "EC") != 0)) {
        (void)refuse("is neither of kty EC nor RSA", e);
        return NULL;
    }
    if (is_rsa ? !add_rsa(&w, jwk, e) : !add_ec(&w, jwk, e))
        return NULL;
    return assemble(&w, is_rsa ? "RSA" : "EC", e);
}
