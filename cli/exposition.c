/* exposition.c: names, labels and values as Prometheus reads them. */
#include "cli/exposition.h"

#include <string.h>

/* In the value of a label three characters are written as two. */
static const char *
escape(char c)
{
    return c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : NULL;
}

static bool
add_value(struct str *text, const char *value)
{
    const char *at = value;

    for (size_t left = strlen(value); left > 0;) {
        size_t size = str_utf8_size(at, left);
        const char *escaped = escape(*at);
        bool good = escaped != NULL ? str_add(text, escaped, 2)
                    : size == 0     ? str_add(text, "?", 1)
                                    : str_add(text, at, size);

        if (!good)
            return false;
        at += size == 0 ? 1 : size;
        left -= size == 0 ? 1 : size;
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
