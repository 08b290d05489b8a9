/* b64url.c: base64url (RFC 4648 section 5). OpenSSL has only the padded, other alphabet. */
#include "base/b64url.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
b64url_encode(char *text, const void *bytes, size_t size)
{
    const unsigned char *b = bytes;
    uint32_t bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | b[i];
        for (held += 8; held >= 6; held -= 6)
            *text++ = alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0)
        *text++ = alphabet[bits << (6 - held) & 63];
    *text = '\0';
}

bool
b64url_add(struct str *out, const void *bytes, size_t size)
{
    size_t before = out->size;
    char part[B64URL_SIZE(48)];
    const unsigned char *b = bytes;

    /* in parts of 48 bytes, which give whole groups of four characters */
    for (size_t i = 0; i < size; i += 48) {
        size_t n = size - i < 48 ? size - i : 48;

        b64url_encode(part, b + i, n);
        if (!str_add(out, part, strlen(part))) {
            out->size = before;
            return false;
        }
    }
    return true;
}

bool
b64url_decode(struct str *out, const char *text)
{
    size_t length = strlen(text);
    uint32_t bits = 0;
    unsigned held = 0;

    if (length % 4 == 1)
        return false;
    for (size_t i = 0; i < length; i++) {
        const char *at = strchr(alphabet, text[i]);
        unsigned char byte = 0;

        if (at == NULL)
            return false;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        byte = (unsigned char)(bits >> held);
        if (!str_add(out, &byte, 1))
            return false;
    }
    return (bits & ((1U << held) - 1)) == 0;
}

bool
b64url_is(const char *text)
{
    return *text != '\0' && text[strspn(text, alphabet)] == '\0';
}
