/* b64url.h: base64url without padding (RFC 4648 section 5, RFC 7515 section 2). */
#ifndef PGCERT_BASE_B64URL_H
#define PGCERT_BASE_B64URL_H

#include "base/str.h"

/* Bytes for the text of `size` bytes, with the NUL. */
#define B64URL_SIZE(size) (((size)*4 + 2) / 3 + 1)

/* Encodes; `text` has B64URL_SIZE(size) bytes. */
void b64url_encode(char *text, const void *bytes, size_t size);

/* Appends the encoding of `bytes`; false when memory ran out. */
MUST_USE bool b64url_add(struct str *out, const void *bytes, size_t size);

/* Decodes and appends. False for a character outside the alphabet, padding, a length that no
 * encoding has, bits left over that are not 0, or when memory ran out. */
MUST_USE bool b64url_decode(struct str *out, const char *text);

/* True when it is one or more characters of the alphabet and nothing else. */
bool b64url_is(const char *text);

#endif
