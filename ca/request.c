/* request.c: the public key of a request (PKCS#10, RFC 2986). */
#include "base/pem.h"
#include "ca/ca.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#define REQUEST_MAX (64 * 1024)
#define SECURITY_BITS_LEAST 112 /* RSA 2048, P-224: as NIST SP 800-57 part 1 has it */

static void
bio_drop(BIO **bio)
{
    (void)BIO_free(*bio);
}

static void
req_drop(X509_REQ **req)
{
    X509_REQ_free(*req);
}

#define own_bio __attribute__((cleanup(bio_drop)))
#define own_req __attribute__((cleanup(req_drop)))

/* PEM ("CERTIFICATE REQUEST" or "NEW CERTIFICATE REQUEST"), else DER. */
static X509_REQ *
decode(const char *text, size_t size)
{
    own_bio BIO *bio = BIO_new_mem_buf(text, (int)size);
    const unsigned char *cursor = (const unsigned char *)text;
    X509_REQ *req = bio == NULL ? NULL : PEM_read_bio_X509_REQ(bio, NULL, pem_no_passphrase, NULL);

    if (req == NULL)
        req = d2i_X509_REQ(NULL, &cursor, (long)size);
    ERR_clear_error();
    return req;
}

/* A key that TLS clients sign with. */
static bool
check_key(const EVP_PKEY *key, struct err *e)
{
    static const char *const types[] = {"EC", "RSA", "ED25519", "ED448"};
    bool can_sign = false;

    for (size_t i = 0; i < COUNT(types); i++)
        can_sign = can_sign || EVP_PKEY_is_a(key, types[i]) == 1;
    if (!can_sign)
        return err_set(e, ERR_INPUT,
                       "the key of the request is none that signs in TLS: EC, RSA, "
                       "Ed25519 and Ed448 are");
    if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS_LEAST)
        return err_set(e, ERR_INPUT,
                       "the key of the request is too weak: %d bits; RSA needs 2048, EC 224",
                       EVP_PKEY_get_bits(key));
    return true;
}

EVP_PKEY *
ca_request_key(const char *text, size_t size, struct err *e)
{
    own_req X509_REQ *req = size == 0 || size > REQUEST_MAX ? NULL : decode(text, size);
    own_pkey EVP_PKEY *key = req == NULL ? NULL : X509_REQ_get_pubkey(req);

    if (req == NULL)
        (void)err_set(e, ERR_INPUT,
                      "it is no certificate request; one is made by: openssl req -new");
    else if (key == NULL)
        (void)err_set(e, ERR_INPUT, "the request has no public key that OpenSSL knows");
    else if (check_key(key, e) && X509_REQ_verify(req, key) == 1)
        return TAKE(key);
    else if (e->code == ERR_NONE)
        (void)err_set(e, ERR_INPUT, "the request is not signed by its own key");
    ERR_clear_error();
    return NULL;
}
