/* token.h: keys that stay in a token (PKCS#11), reached by OpenSSL's provider "pkcs11".
 * A URI names a key: see token_uri.h. */
#ifndef PGCERT_CA_TOKEN_H
#define PGCERT_CA_TOKEN_H

#include "ca/ca.h"

/* The provider, loaded with the driver of the token. */
struct token;

#define own_token __attribute__((cleanup(token_close)))

/*
 * Loads the provider; no token is touched.
 *
 * Takes:  config      borrowed until token_close()
 * Errors: ERR_CONFIG  there is no such provider, or no such driver; ERR_INTERNAL, ERR_SYSTEM
 */
MUST_USE struct token *token_open(const struct ca_config *config, struct err *e);

/*
 * Finds the private key that the URI names; it is good until token_close().
 *
 * Gives:  key             NULL: the token has no such key
 * Errors: ERR_CONFIG      more than one key has that name; the token wants a PIN, and there is none
 *         ERR_INPUT       it is of a kind that does not sign for a CA; its public key is missing
 *         ERR_PERMISSION  the token does not take the PIN
 *         ERR_SYSTEM      the token is not there
 *         and those of file_read_secret()
 */
MUST_USE bool token_find(struct token *token, const char *uri, EVP_PKEY **key, struct err *e);

/*
 * Makes that key in the token, from which it never comes out. The PIN has been taken by
 * token_find() before.
 *
 * Errors: ERR_CONFIG  the provider or the token cannot; the sentence has the command that can
 */
MUST_USE bool token_make(struct token *token, const char *uri, enum key_type type, EVP_PKEY **key,
                         struct err *e);

/* Unloads the provider, so that nothing of it runs when the program ends. NULL is nothing to close.
 */
void token_close(struct token **token);

#endif
