/* csr.c: build and sign a PKCS#10 request. */
#include "base/csr.h"

#include "base/key.h"
#include "base/san.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static void
req_drop(X509_REQ **req)
{
    X509_REQ_free(*req);
}

static void
extensions_drop(STACK_OF(X509_EXTENSION) * *extensions)
{
    sk_X509_EXTENSION_pop_free(*extensions, X509_EXTENSION_free);
}

static void
bytes_drop(unsigned char **bytes)
{
    OPENSSL_free(*bytes);
}

#define own_req __attribute__((cleanup(req_drop)))
#define own_extensions __attribute__((cleanup(extensions_drop)))
#define own_bytes __attribute__((cleanup(bytes_drop)))

static bool
set_names(X509_REQ *req, const struct list *names)
{
    own_san GENERAL_NAMES *all = san_make(names);
    own_extensions STACK_OF(X509_EXTENSION) *extensions = NULL;

    return all != NULL &&
           X509V3_add1_i2d(&extensions, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1 &&
           X509_REQ_add_extensions(req, extensions) == 1;
}

bool
csr_make(EVP_PKEY *key, const struct list *names, struct str *der, struct err *e)
{
    own_req X509_REQ *req = X509_REQ_new();
    own_bytes unsigned char *bytes = NULL;
    const EVP_MD *digest = key_digest(key);
    int size = 0;

    if (names->count == 0)
        return err_set(e, ERR_INTERNAL, "a request needs at least one name");
    if (req == NULL || X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_pubkey(req, key) != 1 || !set_names(req, names))
        return err_crypto(e, "make a certificate request for '%s'", names->items[0]);
    if (X509_REQ_sign(req, key, digest) <= 0)
        return err_crypto(e, "sign the certificate request for '%s'", names->items[0]);
    size = i2d_X509_REQ(req, &bytes);
    if (size <= 0)
        return err_crypto(e, "encode the certificate request for '%s'", names->items[0]);
    return str_add(der, bytes, (size_t)size) || err_memory(e);
}

bool
csr_same_key(const struct str *a_der, const struct str *b_der)
{
    const unsigned char *a_bytes = (const unsigned char *)a_der->text;
    const unsigned char *b_bytes = (const unsigned char *)b_der->text;
    own_req X509_REQ *a = d2i_X509_REQ(NULL, &a_bytes, (long)a_der->size);
    own_req X509_REQ *b = d2i_X509_REQ(NULL, &b_bytes, (long)b_der->size);

    return a != NULL && b != NULL &&
           EVP_PKEY_eq(X509_REQ_get0_pubkey(a), X509_REQ_get0_pubkey(b)) == 1;
}
