/* dns01.h: the DNS-01 challenge (RFC 8555 section 8.4). */
#ifndef PGCERT_ACME_DNS01_H
#define PGCERT_ACME_DNS01_H

#include "acme/jws.h"
#include "base/b64url.h"
#include "base/err.h"

#define DNS01_TXT_SIZE B64URL_SIZE(32)

/*
 * Computes the TXT record which proves control of a name.
 *
 * Takes:  token       base64url text of the challenge, NUL-ended
 *         thumbprint  SHA-256 thumbprint of the account's public key (RFC 7638)
 * Gives:  txt         43 characters of base64url, NUL-ended
 * Errors: ERR_PROTOCOL  the token is empty, too long or not base64url
 *         ERR_INTERNAL  the digest failed
 * Source: RFC 8555 sections 8.1 and 8.4
 */
MUST_USE bool dns01_txt(char txt[static DNS01_TXT_SIZE], const char *token,
                        const unsigned char thumbprint[static THUMBPRINT_SIZE], struct err *e);

/* "_acme-challenge.NAME."; the "*." of a wildcard is left out. NULL: out of memory. */
MUST_USE char *dns01_fqdn(const char *name);

#endif
