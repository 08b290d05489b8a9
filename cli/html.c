/* html.c: markup of ours, with texts of others in it. */
#include "cli/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* clang-format off */
static const struct {
    char character;
    const char *escaped;
} escapes[] = {
    {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"},
};
/* clang-format on */

static void
add(struct html *h, const char *bytes, size_t size)
{
    if (size > 0 && !str_add(&h->text, bytes, size))
        h->has_failed = true;
}

static const char *
escape(char c)
{
    for (size_t i = 0; i < COUNT(escapes); i++)
        if (escapes[i].character == c)
            return escapes[i].escaped;
    return NULL;
}

/* Of two bytes: U+0080 to U+009F. Of three: marks, embeddings, overrides and isolates (Unicode
 * Standard Annex 9, section 2), and what separates lines and paragraphs. */
static bool
is_control(const char *at, size_t size)
{
    unsigned char c[3] = {0};

    memcpy(c, at, size < sizeof(c) ? size : sizeof(c));
    if (size == 1)
        return (c[0] < 0x20 && c[0] != '\n' && c[0] != '\t') || c[0] == 0x7f;
    if (size == 2)
        return (c[0] == 0xc2 && c[1] < 0xa0) || (c[0] == 0xd8 && c[1] == 0x9c);
    if (size != 3 || c[0] != 0xe2)
        return false;
    return (c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae))) ||
           (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

void
html_text(struct html *h, const char *text)
{
    const char *at = text == NULL ? "" : text;

    for (size_t left = strlen(at), step = 0; left > 0; at += step, left -= step) {
        size_t size = str_utf8_size(at, left);
        const char *escaped = escape(*at);

        step = size == 0 ? 1 : size;
        if (escaped != NULL)
            add(h, escaped, strlen(escaped));
        else if (size == 0 || is_control(at, size))
            add(h, REPLACEMENT, strlen(REPLACEMENT));
        else
            add(h, at, size);
    }
}

/* What stands behind a '%'; a format that has anything else is a mistake of ours. */
static const char *
put_one(struct html *h, const char *at, va_list *values)
{
    char number[24];

    if (strncmp(at, "lld", 3) == 0) {
        (void)snprintf(number, sizeof(number), "%lld", va_arg(*values, long long));
        add(h, number, strlen(number));
        return at + 3;
    }
    if (strncmp(at, "zu", 2) == 0) {
        (void)snprintf(number, sizeof(number), "%zu", va_arg(*values, size_t));
        add(h, number, strlen(number));
        return at + 2;
    }
    if (*at == 's')
        html_text(h, va_arg(*values, const char *));
    else if (*at == '%')
        add(h, at, 1);
    else
        h->has_failed = true;
    return *at == '\0' ? at : at + 1;
}

void
html_put(struct html *h, const char *format, ...)
{
    const char *at = format;
    va_list values;

    va_start(values, format);
    while (*at != '\0' && !h->has_failed) {
        size_t plain = strcspn(at, "%");

        add(h, at, plain);
        at += plain;
        if (*at == '%')
            at = put_one(h, at + 1, &values);
    }
    va_end(values);
}

void
html_done(struct html *h)
{
    str_done(&h->text);
    *h = (struct html){0};
}
