/* token_uri.h: which key of which token, as RFC 7512 writes it: pkcs11:token=LABEL;object=LABEL,
 * with what makes it unique there. It neither holds nor names a PIN: that stands in [ca] pin_file.
 */
#ifndef PGCERT_CA_TOKEN_URI_H
#define PGCERT_CA_TOKEN_URI_H

#include "base/err.h"
#include "base/str.h"

/*
 * Is that URI one that names a private key in one token?
 *
 * Takes:  name  of the setting, for the sentence, which never repeats the URI
 * Errors: ERR_CONFIG  another scheme, no token, no key, an attribute that nobody knows, a PIN
 * Source: RFC 7512 section 2.3
 */
MUST_USE bool token_uri_check(const char *name, const char *uri, struct err *e);

/* Below, the URI has passed token_uri_check(). */

/* With type=private, so that the certificate or public key of that name is not found; free() it.
 * NULL: out of memory. */
MUST_USE char *token_uri_private(const char *uri);

/* What of it says which token; free() it. NULL: out of memory. */
MUST_USE char *token_uri_of_token(const char *uri);

/* Appends OPTION 'VALUE' for pkcs11-tool(1), where the URI has that attribute. False: out of
 * memory.
 */
MUST_USE bool token_uri_add_option(struct str *line, const char *uri, const char *attribute,
                                   const char *option);

#endif
