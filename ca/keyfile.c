/* keyfile.c: a key and its certificates in the forms that other programs read. */
#include "ca/keyfile.h"

#include "base/b64url.h"

#include <openssl/crypto.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#define ROUNDS 100000 /* of the password's derivation */
#define PASSWORD_BYTES 18

static void
info_drop(PKCS8_PRIV_KEY_INFO **info)
{
    PKCS8_PRIV_KEY_INFO_free(*info); /* wipes the key */
}

static void
pkcs12_drop(PKCS12 **p)
{
    PKCS12_free(*p);
}

static void
stack_drop(STACK_OF(X509) * *stack)
{
    sk_X509_free(*stack); /* the certificates are borrowed */
}

#define own_info __attribute__((cleanup(info_drop)))
#define own_pkcs12 __attribute__((cleanup(pkcs12_drop)))
#define own_stack __attribute__((cleanup(stack_drop)))

bool
keyfile_pkcs8(EVP_PKEY *key, struct str *der, struct err *e)
{
    own_info PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *bytes = NULL;
    int size = info == NULL ? 0 : i2d_PKCS8_PRIV_KEY_INFO(info, &bytes);
    bool good = size > 0 && str_add(der, bytes, (size_t)size);

    OPENSSL_clear_free(bytes, size > 0 ? (size_t)size : 0);
    return good || err_crypto(e, "write the private key as DER");
}

/* PBES2 with AES-256-CBC and a MAC of SHA-256 is OpenSSL's default since 3.0; here it is said. */
static PKCS12 *
make(EVP_PKEY *key, X509 *leaf, STACK_OF(X509) * others, const char *name, const char *password,
     bool is_legacy)
{
    int cipher = is_legacy ? NID_pbe_WithSHA1And3_Key_TripleDES_CBC : NID_aes_256_cbc;
    own_pkcs12 PKCS12 *p =
        PKCS12_create(password, name, key, leaf, others, cipher, cipher, ROUNDS, -1, 0);

    if (p == NULL || PKCS12_set_mac(p, password, -1, NULL, 0, ROUNDS,
                                    is_legacy ? EVP_sha1() : EVP_sha256()) != 1)
        return NULL;
    return TAKE(p);
}

bool
keyfile_pkcs12(EVP_PKEY *key, const struct chain *chain, const char *name, const char *password,
               bool is_legacy, struct str *der, struct err *e)
{
    own_stack STACK_OF(X509) *others = sk_X509_new_null();
    own_pkcs12 PKCS12 *p = NULL;
    unsigned char *bytes = NULL;
    int size = 0;
    bool good = others != NULL;

    for (size_t i = 1; good && i < chain->count; i++)
        good = sk_X509_push(others, chain->certs[i]) > 0;
    if (good)
        p = make(key, chain->certs[0], others, name, password, is_legacy);
    size = p == NULL ? 0 : i2d_PKCS12(p, &bytes);
    good = size > 0 && str_add(der, bytes, (size_t)size);
    OPENSSL_clear_free(bytes, size > 0 ? (size_t)size : 0);
    return good || err_crypto(e, "write key and certificate as PKCS#12");
}

bool
keyfile_password(struct str *password, struct err *e)
{
    unsigned char bytes[PASSWORD_BYTES];
    bool good = RAND_bytes(bytes, sizeof(bytes)) == 1 &&
                b64url_add(password, (const char *)bytes, sizeof(bytes));

    OPENSSL_cleanse(bytes, sizeof(bytes));
    return good || err_crypto(e, "make a random password");
}
