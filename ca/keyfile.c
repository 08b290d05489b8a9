/* keyfile.c: a key and its certificates in the forms that other programs read. */
#include "ca/keyfile.h"

#include "base/b64url.h"
#include "base/key.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#define ROUNDS 100000 /* of the derivation, for what a person has thought of */
#define ROUNDS_RANDOM 1
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

#define own_info __attribute__((cleanup(info_drop)))
#define own_pkcs12 __attribute__((cleanup(pkcs12_drop)))

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

/* ---- PEM ---- */

static void
algorithm_drop(X509_ALGOR **algorithm)
{
    X509_ALGOR_free(*algorithm);
}

static void
sealed_drop(X509_SIG **sealed)
{
    X509_SIG_free(*sealed);
}

static void
bio_drop(BIO **bio)
{
    (void)BIO_free(*bio);
}

#define own_algorithm __attribute__((cleanup(algorithm_drop)))
#define own_sealed __attribute__((cleanup(sealed_drop)))
#define own_bio __attribute__((cleanup(bio_drop)))

bool
keyfile_pkcs8_pem(const struct str *der, struct str *pem, struct err *e)
{
    own_bio BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    long size = 0;

    if (bio == NULL || PEM_write_bio(bio, PEM_STRING_PKCS8INF, "", (unsigned char *)der->text,
                                     (long)der->size) <= 0)
        return err_crypto(e, "write the private key as PEM");
    size = BIO_get_mem_data(bio, &text);
    return str_add(pem, text, (size_t)size) || err_memory(e);
}

/* With more rounds than PEM_write_bio_PKCS8PrivateKey() has, which are 2048. */
static X509_SIG *
seal(EVP_PKEY *key, const struct str *passphrase)
{
    own_info PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    own_algorithm X509_ALGOR *how =
        PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), ROUNDS, NULL, 0, NULL, NID_hmacWithSHA256);
    X509_SIG *sealed = NULL;

    if (info != NULL && how != NULL)
        sealed = PKCS8_set0_pbe(passphrase->text, (int)passphrase->size, info, how);
    if (sealed != NULL)
        how = NULL; /* it is in there */
    return sealed;
}

bool
keyfile_write(EVP_PKEY *key, const struct str *passphrase, struct str *pem, struct err *e)
{
    own_sealed X509_SIG *sealed = NULL;
    own_bio BIO *bio = NULL;
    char *text = NULL;
    long size = 0;

    if (passphrase->size == 0)
        return key_to_pem(key, pem, e);
    sealed = seal(key, passphrase);
    bio = BIO_new(BIO_s_mem());
    if (sealed == NULL || bio == NULL || PEM_write_bio_PKCS8(bio, sealed) != 1)
        return err_crypto(e, "encrypt a private key");
    size = BIO_get_mem_data(bio, &text);
    return str_add(pem, text, (size_t)size) || err_memory(e);
}

/* OpenSSL asks for the passphrase here, and never on a terminal. */
static int
tell_passphrase(char *buffer, int room, int is_write, void *user)
{
    const struct str *passphrase = user;

    (void)is_write;
    if (passphrase->size == 0 || passphrase->size > (size_t)room)
        return -1;
    memcpy(buffer, passphrase->text, passphrase->size);
    return (int)passphrase->size;
}

EVP_PKEY *
keyfile_read(const struct str *pem, const struct str *passphrase, struct err *e)
{
    own_bio BIO *bio = BIO_new_mem_buf(pem->text, (int)pem->size);
    bool is_encrypted = pem->size > 0 && strstr(pem->text, "ENCRYPTED") != NULL;
    struct str given = *passphrase; /* borrowed: OpenSSL's callback is not const */
    EVP_PKEY *key = NULL;

    if (!is_encrypted)
        return key_from_pem(pem->text, pem->size, e);
    if (bio != NULL)
        key = PEM_read_bio_PrivateKey(bio, NULL, tell_passphrase, &given);
    ERR_clear_error();
    if (key == NULL)
        (void)err_set(e, ERR_CONFIG, "it is encrypted, and %s",
                      passphrase->size == 0 ? "[ca] passphrase_file is not set"
                                            : "not by what is in [ca] passphrase_file");
    return key;
}

/* ---- PKCS#12 ---- */

/* PBES2 with AES-256-CBC and a MAC of SHA-256 is OpenSSL's default since 3.0; here it is said. */
static int
cipher_of(const struct keyfile_seal *seal)
{
    return seal->is_legacy ? NID_pbe_WithSHA1And3_Key_TripleDES_CBC : NID_aes_256_cbc;
}

static int
rounds_of(const struct keyfile_seal *seal)
{
    return seal->is_random ? ROUNDS_RANDOM : ROUNDS;
}

static void
bags_drop(STACK_OF(PKCS12_SAFEBAG) * *bags)
{
    sk_PKCS12_SAFEBAG_pop_free(*bags, PKCS12_SAFEBAG_free);
}

static void
safes_drop(STACK_OF(PKCS7) * *safes)
{
    sk_PKCS7_pop_free(*safes, PKCS7_free);
}

#define own_bags __attribute__((cleanup(bags_drop)))
#define own_safes __attribute__((cleanup(safes_drop)))

/* What says that key and leaf belong together, and how they are called. */
static bool
name_bag(PKCS12_SAFEBAG *bag, const struct chain *chain, const char *name)
{
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned int size = 0;

    return bag != NULL && X509_digest(chain->certs[0], EVP_sha1(), id, &size) == 1 &&
           PKCS12_add_localkeyid(bag, id, (int)size) == 1 &&
           PKCS12_add_friendlyname_utf8(bag, name, -1) == 1;
}

/* What PKCS12_create() does, from a key that is encoded already: that takes most of its time. */
static bool
add_key(STACK_OF(PKCS7) * *safes, const struct str *pkcs8, const struct chain *chain,
        const char *name, const struct keyfile_seal *seal)
{
    const unsigned char *cursor = (const unsigned char *)pkcs8->text;
    own_info PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &cursor, (long)pkcs8->size);
    own_bags STACK_OF(PKCS12_SAFEBAG) *bags = sk_PKCS12_SAFEBAG_new_null();
    PKCS12_SAFEBAG *bag =
        info == NULL ? NULL
                     : PKCS12_SAFEBAG_create_pkcs8_encrypt(cipher_of(seal), seal->password, -1,
                                                           NULL, 0, rounds_of(seal), info);

    if (bags == NULL || bag == NULL || sk_PKCS12_SAFEBAG_push(bags, bag) <= 0) {
        PKCS12_SAFEBAG_free(bag);
        return false;
    }
    return name_bag(bag, chain, name) && PKCS12_add_safe(safes, bags, -1, 0, NULL) == 1;
}

static bool
add_certs(STACK_OF(PKCS7) * *safes, const struct chain *chain, const char *name,
          const struct keyfile_seal *seal)
{
    own_bags STACK_OF(PKCS12_SAFEBAG) *bags = sk_PKCS12_SAFEBAG_new_null();

    for (size_t i = 0; i < chain->count; i++) {
        PKCS12_SAFEBAG *bag = bags == NULL ? NULL : PKCS12_add_cert(&bags, chain->certs[i]);

        if (bag == NULL || (i == 0 && !name_bag(bag, chain, name)))
            return false;
    }
    return PKCS12_add_safe(safes, bags, cipher_of(seal), rounds_of(seal), seal->password) == 1;
}

static PKCS12 *
make(const struct str *pkcs8, const struct chain *chain, const char *name,
     const struct keyfile_seal *seal)
{
    own_safes STACK_OF(PKCS7) *safes = sk_PKCS7_new_null();
    own_pkcs12 PKCS12 *p = NULL;

    if (safes == NULL || !add_certs(&safes, chain, name, seal) ||
        !add_key(&safes, pkcs8, chain, name, seal))
        return NULL;
    p = PKCS12_add_safes(safes, 0);
    if (p == NULL || PKCS12_set_mac(p, seal->password, -1, NULL, 0, rounds_of(seal),
                                    seal->is_legacy ? EVP_sha1() : EVP_sha256()) != 1)
        return NULL;
    return TAKE(p);
}

bool
keyfile_pkcs12(const struct str *pkcs8, const struct chain *chain, const char *name,
               const struct keyfile_seal *seal, struct str *der, struct err *e)
{
    own_pkcs12 PKCS12 *p = make(pkcs8, chain, name, seal);
    unsigned char *bytes = NULL;
    int size = p == NULL ? 0 : i2d_PKCS12(p, &bytes);
    bool good = size > 0 && str_add(der, bytes, (size_t)size);

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
