/* exposition.c: names, labels and values as Prometheus reads them. */
#include "cli/exposition.h"

#include <string.h>

/* The bytes of the character that begins here; 0: it is none (RFC 3629 section 4). */
static size_t
character_size(const unsigned char *at)
{
    static const struct {
        unsigned char least, most;   /* of the first byte */
        unsigned char least2, most2; /* of the second */
        size_t size;
    } rows[] = {
        {0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    size_t n = 0;

    for (size_t i = 0; n == 0 && i < COUNT(rows); i++)
        if (at[0] >= rows[i].least && at[0] <= rows[i].most)
            n = rows[i].size == 1 || (at[1] >= rows[i].least2 && at[1] <= rows[i].most2)
                    ? rows[i].size
                    : 0;
    for (size_t i = 2; i < n; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return n;
}

/* In the value of a label three characters are written as two. */
static const char *
escape(unsigned char c)
{
    return c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : NULL;
}

static bool
add_value(struct str *text, const char *value)
{
    const unsigned char *at = (const unsigned char *)value;

    while (*at != '\0') {
        size_t size = character_size(at);
        const char *escaped = escape(*at);
        bool good = escaped != NULL ? str_add(text, escaped, 2)
                    : size == 0     ? str_add(text, "?", 1)
                                    : str_add(text, at, size);

        if (!good)
            return false;
        at += size == 0 ? 1 : size;
    }
    return true;
}

static bool
add_labels(struct str *text, const struct exposition_label *labels)
{
    for (size_t i = 0; labels != NULL && labels[i].name != NULL; i++)
        if (!str_addf(text, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name) ||
            !add_value(text, labels[i].value == NULL ? "" : labels[i].value) ||
            !str_add(text, "\"", 1))
            return false;
    return labels == NULL || labels[0].name == NULL || str_add(text, "}", 1);
}

/* Up to the value. */
static bool
add_head(struct exposition *x, const struct exposition_label *labels)
{
    if (!x->is_named &&
        !str_addf(&x->text, "# HELP %s %s\n# TYPE %s %s\n", x->name, x->help, x->name, x->type))
        return false;
    x->is_named = true;
    return str_addf(&x->text, "%s", x->name) && add_labels(&x->text, labels);
}

void
exposition_begin(struct exposition *x, const char *name, const char *type, const char *help)
{
    x->name = name;
    x->type = type;
    x->help = help;
    x->is_named = false;
}

void
exposition_add(struct exposition *x, const struct exposition_label *labels, int64_t value)
{
    if (!add_head(x, labels) || !str_addf(&x->text, " %lld\n", (long long)value))
        x->has_failed = true;
}

void
exposition_add_ms(struct exposition *x, const struct exposition_label *labels, int64_t ms)
{
    if (!add_head(x, labels) ||
        !str_addf(&x->text, " %lld.%03lld\n", (long long)(ms / 1000), (long long)(ms % 1000)))
        x->has_failed = true;
}

void
exposition_done(struct exposition *x)
{
    str_done(&x->text);
    *x = (struct exposition){0};
}
