/* pem.c: read PEM more strictly than OpenSSL does. */
#include "base/pem.h"

#include "base/cert.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#define LABEL_MAX 64

/* Where the reading of a text stands. */
struct pem {
    const char *text;
    const char *at;
    const char *end;
    char label[LABEL_MAX];
    const char *body;
    size_t body_size;
};

static const char *
find(const char *at, const char *end, const char *what)
{
    return memmem(at, (size_t)(end - at), what, strlen(what));
}

/* The rest of the line must be white space. */
static bool
skip_line_end(struct pem *p)
{
    while (p->at < p->end && *p->at != '\n') {
        if (*p->at != ' ' && *p->at != '\t' && *p->at != '\r')
            return false;
        p->at++;
    }
    return true;
}

/* Reads "-----BEGIN LABEL-----" at p->at. */
static bool
read_label(struct pem *p)
{
    const char *start = p->at + strlen("-----BEGIN ");
    const char *stop = NULL;

    if (find(p->at, p->end, "-----BEGIN ") != p->at)
        return false;
    stop = find(start, p->end, "-----");
    if (stop == NULL || stop == start || (size_t)(stop - start) >= sizeof(p->label))
        return false;
    for (const char *c = start; c < stop; c++)
        if ((*c < 'A' || *c > 'Z') && (*c < '0' || *c > '9') && *c != ' ')
            return false;
    memcpy(p->label, start, (size_t)(stop - start));
    p->label[stop - start] = '\0';
    p->at = stop + strlen("-----");
    return skip_line_end(p);
}

/* Moves to the next block; *more is false at the end of the text. */
static bool
next_block(struct pem *p, bool *more, struct err *e)
{
    const char *dashes = find(p->at, p->end, "-----");
    char closing[LABEL_MAX + sizeof("-----END -----")];

    *more = dashes != NULL;
    if (dashes == NULL)
        return true;
    p->at = dashes;
    if ((dashes > p->text && dashes[-1] != '\n') || !read_label(p))
        return err_set(e, ERR_INPUT,
                       "the PEM text is damaged: a line of dashes which begins no "
                       "block; get the file again from where it came from");
    p->body = p->at;
    (void)snprintf(closing, sizeof(closing), "-----END %s-----", p->label);
    p->at = find(p->at, p->end, "-----");
    if (p->at == NULL)
        return err_set(e, ERR_INPUT,
                       "the PEM text is truncated: its last block '%s' has no end; "
                       "get the file again from where it came from",
                       p->label);
    p->body_size = (size_t)(p->at - p->body);
    if (find(p->at, p->end, closing) != p->at)
        return err_set(e, ERR_INPUT,
                       "the PEM text is damaged: the block '%s' does not end before "
                       "something else begins; get the file again",
                       p->label);
    p->at += strlen(closing);
    if (!skip_line_end(p))
        return err_set(e, ERR_INPUT,
                       "the PEM text is damaged: something follows the end of the "
                       "block '%s' on its line",
                       p->label);
    return true;
}

/* Base64 without anything but line ends between. False for any other character, padding that does
 * not end it, or a length that no encoding has. */
static bool
decode_body(const struct pem *p, struct str *der)
{
    own_str struct str text = {0};
    own_str struct str bytes = {0};
    size_t padding = 0;
    int size = 0;

    for (size_t i = 0; i < p->body_size; i++) {
        char c = p->body[i];
        bool space = c == '\n' || c == '\r' || c == ' ' || c == '\t';
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '/';

        if (space)
            continue;
        if ((!letter && c != '=') || (letter && padding > 0))
            return false;
        padding += c == '=';
        if (!str_add(&text, &c, 1))
            return false;
    }
    if (text.size == 0 || text.size % 4 != 0 || padding > 2 ||
        !str_add(&bytes, text.text, text.size))
        return false;
    size = EVP_DecodeBlock((unsigned char *)bytes.text, (const unsigned char *)text.text,
                           (int)text.size);
    return size > (int)padding && str_add(der, bytes.text, (size_t)size - padding);
}

static X509 *
decode_cert(const struct pem *p, size_t number, struct err *e)
{
    own_str struct str der = {0};
    const unsigned char *cursor = NULL;
    own_x509 X509 *cert = NULL;

    if (!decode_body(p, &der)) {
        (void)err_set(e, ERR_INPUT,
                      "certificate %zu of the PEM text is damaged: not base64; get "
                      "the file again from where it came from",
                      number);
        return NULL;
    }
    cursor = (const unsigned char *)der.text;
    cert = d2i_X509(NULL, &cursor, (long)der.size);
    ERR_clear_error();
    if (cert == NULL || cursor != (const unsigned char *)der.text + der.size) {
        (void)err_set(e, ERR_INPUT,
                      "certificate %zu of the PEM text is damaged: not a DER "
                      "certificate; get the file again from where it came from",
                      number);
        return NULL;
    }
    return TAKE(cert);
}

bool
pem_each_cert(const char *pem, size_t size, pem_take_cert *take, void *into, struct err *e)
{
    struct pem p = {.text = pem, .at = pem, .end = pem + size};
    size_t count = 0;

    if (size > 0 && memchr(pem, '\0', size) != NULL)
        return err_set(e, ERR_INPUT, "this is not PEM text: it has a NUL byte");
    while (size > 0) {
        bool more = false;
        X509 *cert = NULL;

        if (!next_block(&p, &more, e))
            return false;
        if (!more)
            break;
        /* OpenSSL reads these as certificates too, and with different rules */
        if (strcmp(p.label, "TRUSTED CERTIFICATE") == 0 || strcmp(p.label, "X509 CERTIFICATE") == 0)
            return err_set(e, ERR_INPUT,
                           "a PEM block is a '%s'; make it a 'CERTIFICATE': openssl "
                           "x509",
                           p.label);
        if (strcmp(p.label, "CERTIFICATE") != 0)
            continue;
        cert = decode_cert(&p, ++count, e);
        if (cert == NULL || !take(into, cert, e))
            return false;
    }
    return count > 0 || err_set(e, ERR_INPUT,
                                "there is no certificate: no PEM block 'CERTIFICATE' "
                                "was found");
}

int
pem_no_passphrase(char *buffer, int size, int is_writing, void *unused)
{
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)unused;
    return -1;
}
