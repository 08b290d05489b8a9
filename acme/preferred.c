/* preferred.c: look where a chain ends, ask for the others. */
#include "acme/preferred.h"

#include "base/cert.h"

#include <ctype.h>
#include <string.h>

#include <openssl/x509_vfy.h>

/* The text of a fingerprint as cert_sha256() writes it; false when it is none, but a name. */
static bool
read_fingerprint(const char *text, char sha256[static CERT_SHA256_TEXT])
{
    size_t size = 0;

    for (; *text != '\0'; text++) {
        if (*text == ':')
            continue;
        if (!isxdigit((unsigned char)*text) || size >= CERT_SHA256_TEXT - 1)
            return false;
        sha256[size++] = (char)tolower((unsigned char)*text);
    }
    sha256[size] = '\0';
    return size == CERT_SHA256_TEXT - 1;
}

/* Is it that certificate? */
static bool
has_fingerprint(const X509 *cert, const char *sha256)
{
    char own[CERT_SHA256_TEXT];
    struct err ignored = {0};

    return cert_sha256(cert, own, &ignored) && strcmp(own, sha256) == 0;
}

/* Is the fingerprint that of a trusted certificate which has signed this one? Several may have the
 * same name. */
static bool
is_signed_by(X509 *cert, const char *sha256, X509_STORE *store)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *named = NULL;
    bool found = false;

    if (context != NULL && X509_STORE_CTX_init(context, store, cert, NULL) == 1)
        named = X509_STORE_CTX_get1_certs(context, X509_get_issuer_name(cert));
    for (int i = 0; i < sk_X509_num(named) && !found; i++) {
        X509 *root = sk_X509_value(named, i);

        found = has_fingerprint(root, sha256) && X509_verify(cert, X509_get0_pubkey(root)) == 1;
    }
    sk_X509_pop_free(named, X509_free);
    X509_STORE_CTX_free(context);
    return found;
}

/* Takes a fingerprint. */
static bool
ends_in(X509 *top, const char *sha256, const char *trust_file, bool *is, struct err *e)
{
    X509_STORE *store = NULL;

    *is = has_fingerprint(top, sha256);
    if (*is)
        return true;
    store = cert_trust(trust_file, e);
    if (store == NULL)
        return false;
    *is = is_signed_by(top, sha256, store);
    X509_STORE_free(store);
    return true;
}

/* The common name of the issuer, in UTF-8; "" when it has none. */
static bool
add_issuer_name(const X509 *cert, struct str *name)
{
    const X509_NAME *issuer = X509_get_issuer_name(cert);
    int at = X509_NAME_get_index_by_NID(issuer, NID_commonName, -1);
    unsigned char *text = NULL;
    int size =
        at < 0
            ? 0
            : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(issuer, at)));
    bool good = str_add(name, size > 0 ? (const char *)text : "", size > 0 ? (size_t)size : 0);

    OPENSSL_free(text);
    return good;
}

bool
preferred_is(const char *wanted, const struct str *chain_pem, const char *trust_file, bool *is,
             struct str *top, struct err *e)
{
    own_chain struct chain chain = {0};
    own_str struct str name = {0};
    char sha256[CERT_SHA256_TEXT];

    if (!chain_from_pem(&chain, chain_pem->text, chain_pem->size, e))
        return false;
    if (!add_issuer_name(chain.certs[chain.count - 1], &name) ||
        !str_add(top, name.size > 0 ? name.text : "", name.size))
        return err_memory(e);
    if (read_fingerprint(wanted, sha256))
        return ends_in(chain.certs[chain.count - 1], sha256, trust_file, is, e);
    *is = name.size == strlen(wanted) && memcmp(name.text, wanted, name.size) == 0;
    return true;
}

/* Says what there is instead. */
static bool
tell_missing(const char *wanted, const struct str *names, const struct err *trouble, struct err *e)
{
    return err_set(e, ERR_CONFIG,
                   "no chain with preferred_chain = %s was offered, but: %s; the one offered first "
                   "is used%s%s",
                   wanted, names->text == NULL ? "" : names->text,
                   trouble->code == ERR_NONE ? "" : "; of one it is not known: ", trouble->text);
}

bool
preferred_choose(struct client *c, const struct acme_issuer *issuer, const struct list *alternates,
                 struct str *chain_pem, struct err *e)
{
    own_str struct str names = {0};
    struct err trouble = {0};
    bool is = false;

    if (!preferred_is(issuer->preferred_chain, chain_pem, issuer->trust_file, &is, &names, e))
        return err_wrap(e, "preferred_chain");
    for (size_t i = 0; i < alternates->count && !is; i++) {
        own_answer struct answer a = {0};

        if (!str_add(&names, ", ", 2))
            return err_memory(e);
        if (!client_post(c, alternates->items[i], "", &a, &trouble) ||
            !preferred_is(issuer->preferred_chain, &a.body, issuer->trust_file, &is, &names,
                          &trouble) ||
            !is)
            continue;
        str_done(chain_pem);
        *chain_pem = a.body;
        a.body = (struct str){0};
    }
    return is || tell_missing(issuer->preferred_chain, &names, &trouble, e);
}
