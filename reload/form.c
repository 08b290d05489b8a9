/* form.c: write and read a key and its chain in the forms that servers want. */
#include "reload/form.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#define PKCS12_NAME "pgcert"

static void
pkcs12_drop(PKCS12 **p)
{
    PKCS12_free(*p);
}

#define own_pkcs12 __attribute__((cleanup(pkcs12_drop)))

static void
stack_drop(STACK_OF(X509) * *certs)
{
    sk_X509_pop_free(*certs, X509_free);
}

#define own_certs __attribute__((cleanup(stack_drop)))

bool
form_is_secret(enum form form)
{
    return form == FORM_COMBINED || form == FORM_KEY || form == FORM_PKCS12;
}

/* Some certificates of the chain: from the first to before the last. */
static bool
write_part(const struct chain *chain, size_t first, size_t last, struct str *bytes, struct err *e)
{
    struct chain part = {.count = last - first}; /* borrows */

    memcpy(part.certs, chain->certs + first, part.count * sizeof(part.certs[0]));
    return (last > first || err_set(e, ERR_INPUT, "the chain has no issuer's certificate in it")) &&
           chain_to_pem(&part, bytes, e);
}

static bool
write_root(X509 *root, struct str *bytes, struct err *e)
{
    const struct chain one = {.certs = {root}, .count = 1};

    return root != NULL ? chain_to_pem(&one, bytes, e)
                        : err_set(e, ERR_INPUT, "the chain ends in no root that is known");
}

static bool
write_der(X509 *leaf, struct str *bytes, struct err *e)
{
    unsigned char *der = NULL;
    int size = i2d_X509(leaf, &der);
    bool added = size > 0 && str_add(bytes, (const char *)der, (size_t)size);

    OPENSSL_free(der);
    return added || err_crypto(e, "write a certificate as DER");
}

static bool
write_pkcs12(const struct form_source *from, struct str *bytes, struct err *e)
{
    const struct chain *chain = &from->pair->chain;
    STACK_OF(X509) *issuers = sk_X509_new_null();
    own_pkcs12 PKCS12 *sealed = NULL;
    unsigned char *der = NULL;
    int size = -1;
    bool added = issuers != NULL;

    for (size_t i = 1; added && i < chain->count; i++)
        added = sk_X509_push(issuers, chain->certs[i]) > 0;
    if (added)
        sealed = PKCS12_create(from->password, PKCS12_NAME, from->pair->key, chain->certs[0],
                               issuers, 0, 0, 0, 0, 0);
    sk_X509_free(issuers); /* which are the chain's */
    if (sealed != NULL)
        size = i2d_PKCS12(sealed, &der);
    added = size > 0 && str_add(bytes, (const char *)der, (size_t)size);
    OPENSSL_free(der);
    return added || err_crypto(e, "make a PKCS#12");
}

bool
form_write(enum form form, const struct form_source *from, struct str *bytes, struct err *e)
{
    const struct chain *chain = &from->pair->chain;

    switch (form) {
    case FORM_COMBINED:
        return pair_to_pem(from->pair, bytes, e);
    case FORM_KEY:
        return key_to_pem(from->pair->key, bytes, e);
    case FORM_FULLCHAIN:
        return chain_to_pem(chain, bytes, e);
    case FORM_LEAF:
        return write_part(chain, 0, 1, bytes, e);
    case FORM_CHAIN:
        return write_part(chain, 1, chain->count, bytes, e);
    case FORM_ROOT:
        return write_root(from->root, bytes, e);
    case FORM_DER:
        return write_der(chain->certs[0], bytes, e);
    case FORM_PKCS12:
        return write_pkcs12(from, bytes, e);
    }
    return err_set(e, ERR_INTERNAL, "there is no form %d of a file", (int)form);
}

/* ---- reading ---- */

static bool
read_pkcs12(const char *password, const struct str *bytes, struct str *key_pem,
            struct str *chain_pem, struct err *e)
{
    const unsigned char *at = (const unsigned char *)bytes->text;
    own_pkcs12 PKCS12 *sealed = d2i_PKCS12(NULL, &at, (long)bytes->size);
    own_pkey EVP_PKEY *key = NULL;
    own_x509 X509 *leaf = NULL;
    own_certs STACK_OF(X509) *issuers = NULL;
    struct chain one = {.count = 1}; /* borrows */

    ERR_clear_error();
    if (sealed == NULL || PKCS12_parse(sealed, password, &key, &leaf, &issuers) != 1 ||
        key == NULL || leaf == NULL) {
        ERR_clear_error();
        return err_set(e, ERR_INPUT,
                       "it is no PKCS#12 with a key and a certificate, or its "
                       "password is another");
    }
    one.certs[0] = leaf;
    if (!key_to_pem(key, key_pem, e) || !chain_to_pem(&one, chain_pem, e))
        return false;
    for (int i = 0; i < sk_X509_num(issuers); i++) {
        one.certs[0] = sk_X509_value(issuers, i);
        if (!chain_to_pem(&one, chain_pem, e))
            return false;
    }
    return true;
}

bool
form_read(enum form form, const char *password, const struct str *bytes, struct str *key_pem,
          struct str *chain_pem, struct err *e)
{
    struct str *both[] = {key_pem, chain_pem};
    bool wanted[] = {form == FORM_COMBINED || form == FORM_KEY,
                     form == FORM_COMBINED || form == FORM_FULLCHAIN};

    if (form == FORM_PKCS12)
        return read_pkcs12(password, bytes, key_pem, chain_pem, e);
    for (size_t i = 0; i < COUNT(both); i++)
        if (wanted[i] &&
            (!str_add(both[i], bytes->text, bytes->size) || !str_add(both[i], "\n", 1)))
            return err_memory(e);
    return true;
}

static bool
pkcs12_holds(const struct form_source *from, const struct str *bytes)
{
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    own_pair struct pair there = {0};
    own_str struct str as_is = {0};
    own_str struct str as_wanted = {0};
    struct err ignored = {0};

    return read_pkcs12(from->password, bytes, &key_pem, &chain_pem, &ignored) &&
           pair_from_pem(&there, &key_pem, &chain_pem, &ignored) &&
           pair_to_pem(&there, &as_is, &ignored) && pair_to_pem(from->pair, &as_wanted, &ignored) &&
           as_is.size == as_wanted.size && memcmp(as_is.text, as_wanted.text, as_is.size) == 0;
}

bool
form_holds(enum form form, const struct form_source *from, const struct str *bytes)
{
    own_str struct str wanted = {0};
    struct err ignored = {0};

    if (form == FORM_PKCS12)
        return pkcs12_holds(from, bytes);
    return form_write(form, from, &wanted, &ignored) && wanted.size > 0 &&
           wanted.size == bytes->size && memcmp(wanted.text, bytes->text, wanted.size) == 0;
}
