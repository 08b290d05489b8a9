/* pair.c: read and write key and chain. */
#include "reload/pair.h"

#include <stdlib.h>

#include <openssl/err.h>

static bool
belong_together(const struct pair *pair, struct err *e)
{
    own_mem char *subject = NULL;
    bool same = X509_check_private_key(pair->chain.certs[0], pair->key) == 1;

    ERR_clear_error();
    if (same)
        return true;
    for (size_t i = 1; i < pair->chain.count; i++) {
        same = X509_check_private_key(pair->chain.certs[i], pair->key) == 1;
        ERR_clear_error();
        if (same)
            return err_set(e, ERR_INPUT,
                           "the chain is out of order: the key belongs to its certificate %zu, "
                           "which must come first",
                           i + 1);
    }
    subject = cert_subject(pair->chain.certs[0]);
    return err_set(e, ERR_INPUT,
                   "the private key is not the key of the certificate '%s'; use the key that the "
                   "certificate was requested with",
                   subject != NULL ? subject : "?");
}

bool
pair_from_pem(struct pair *pair, const struct str *key_pem, const struct str *chain_pem,
              struct err *e)
{
    own_pair struct pair read = {0};

    if (!chain_from_pem(&read.chain, chain_pem->text, chain_pem->size, e))
        return false;
    read.key = key_from_pem(key_pem->text, key_pem->size, e);
    if (read.key == NULL || !belong_together(&read, e))
        return false;
    *pair = read;
    read = (struct pair){0};
    return true;
}

bool
pair_to_pem(const struct pair *pair, struct str *pem, struct err *e)
{
    return key_to_pem(pair->key, pem, e) && chain_to_pem(&pair->chain, pem, e);
}

void
pair_done(struct pair *pair)
{
    key_drop(&pair->key);
    chain_done(&pair->chain);
    *pair = (struct pair){0};
}
