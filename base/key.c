/* key.c: make, read and write private keys. */
#include "base/key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define KEY_PEM_MAX (256 * 1024)

const char *const key_type_words[] = {"ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072",
                                      "rsa-4096",   "ed25519",    NULL};

/* What each type is to OpenSSL. */
/* clang-format off */
static const struct {
    const char *algorithm;
    const char *group; /* NULL: none */
    unsigned int bits; /* 0: the group says it, or the algorithm */
} types[] = {
    [KEY_ECDSA_P256] = {"EC",      "prime256v1", 0},
    [KEY_ECDSA_P384] = {"EC",      "secp384r1",  0},
    [KEY_RSA_2048]   = {"RSA",     NULL,         2048},
    [KEY_RSA_3072]   = {"RSA",     NULL,         3072},
    [KEY_RSA_4096]   = {"RSA",     NULL,         4096},
    [KEY_ED25519]    = {"ED25519", NULL,         0},
};
/* clang-format on */

static void
bio_drop(BIO **bio)
{
    (void)BIO_free(*bio);
}

#define own_bio __attribute__((cleanup(bio_drop)))

/* One PEM block as OpenSSL reads it. */
struct block {
    char *name;
    char *header;
    unsigned char *bytes;
    long size;
};

static void
block_done(struct block *b)
{
    OPENSSL_free(b->name);
    OPENSSL_free(b->header);
    OPENSSL_clear_free(b->bytes, b->size > 0 ? (size_t)b->size : 0);
}

#define own_block __attribute__((cleanup(block_done)))

EVP_PKEY *
key_generate(enum key_type type, struct err *e)
{
    EVP_PKEY *key = NULL;

    if (types[type].group != NULL)
        key = EVP_EC_gen(types[type].group);
    else if (types[type].bits != 0)
        key = EVP_RSA_gen(types[type].bits);
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, types[type].algorithm);

    if (key == NULL)
        (void)err_crypto(e, "make a key of type '%s'", key_type_words[type]);
    return key;
}

static bool
ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    size_t end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static EVP_PKEY *
decode(const struct block *b, struct err *e)
{
    const unsigned char *cursor = b->bytes;
    EVP_PKEY *key = NULL;

    if (strcmp(b->name, "ENCRYPTED PRIVATE KEY") == 0 || strstr(b->header, "ENCRYPTED") != NULL) {
        (void)err_set(e, ERR_INPUT,
                      "the private key is encrypted, and PostgreSQL cannot ask for a passphrase "
                      "when it reloads; store it without one: openssl pkey");
        return NULL;
    }
    key = d2i_AutoPrivateKey(NULL, &cursor, b->size);
    if (key == NULL)
        (void)err_set(e, ERR_INPUT,
                      "the private key is damaged: the PEM block '%s' does not hold "
                      "a key that OpenSSL knows",
                      b->name);
    ERR_clear_error();
    return key;
}

EVP_PKEY *
key_from_pem(const char *pem, size_t size, struct err *e)
{
    own_bio BIO *bio = NULL;

    if (size == 0 || size > KEY_PEM_MAX) {
        (void)err_set(e, ERR_INPUT, "there is no private key: the file is %s",
                      size == 0 ? "empty" : "far too large");
        return NULL;
    }
    bio = BIO_new_mem_buf(pem, (int)size);
    if (bio == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    for (;;) {
        own_block struct block b = {0};

        if (PEM_read_bio(bio, &b.name, &b.header, &b.bytes, &b.size) != 1) {
            bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

            ERR_clear_error();
            (void)err_set(e, ERR_INPUT,
                          end ? "there is no private key: no PEM block 'PRIVATE KEY' was found"
                              : "the private key is damaged: a PEM block does not end, or is not "
                                "base64");
            return NULL;
        }
        if (ends_with(b.name, "PRIVATE KEY"))
            return decode(&b, e);
    }
}

bool
key_to_pem(const EVP_PKEY *key, struct str *pem, struct err *e)
{
    own_bio BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    long size = 0;

    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return err_crypto(e, "write the private key as PEM");
    size = BIO_get_mem_data(bio, &text);
    if (size <= 0)
        return err_crypto(e, "write the private key as PEM");
    return str_add(pem, text, (size_t)size) || err_memory(e);
}

bool
key_is(const EVP_PKEY *key, enum key_type type)
{
    char group[64] = "";
    size_t size = 0;

    if (EVP_PKEY_is_a(key, types[type].algorithm) != 1)
        return false;
    if (types[type].group == NULL)
        return types[type].bits == 0 || EVP_PKEY_get_bits(key) == (int)types[type].bits;
    return EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1 &&
           strcmp(group, types[type].group) == 0;
}

const EVP_MD *
key_digest(const EVP_PKEY *key)
{
    if (key_is(key, KEY_ED25519))
        return NULL;
    return key_is(key, KEY_ECDSA_P384) ? EVP_sha384() : EVP_sha256();
}

void
key_drop(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
