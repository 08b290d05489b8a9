/* pair.h: a private key and its chain, as they stand in one file. */
#ifndef PGCERT_RELOAD_PAIR_H
#define PGCERT_RELOAD_PAIR_H

#include "base/cert.h"
#include "base/err.h"
#include "base/key.h"

struct pair {
    EVP_PKEY *key;
    struct chain chain;
};

#define own_pair __attribute__((cleanup(pair_done)))

/*
 * Reads a key and a chain, which may be the same text.
 *
 * Gives:  pair  empty before; they belong together
 * Errors: ERR_INPUT  and why
 */
MUST_USE bool pair_from_pem(struct pair *pair, const struct str *key_pem,
                            const struct str *chain_pem, struct err *e);

/* Appends the one file: the key, then the chain, leaf first. */
MUST_USE bool pair_to_pem(const struct pair *pair, struct str *pem, struct err *e);

void pair_done(struct pair *pair);

#endif
