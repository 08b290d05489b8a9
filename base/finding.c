/* finding.c: a list of findings. */
#include "base/finding.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const finding_words[FINDING_KINDS] = {
    [FINDING_BAD] = "bad",
    [FINDING_WARNING] = "warning",
    [FINDING_UNSEEN] = "unseen",
    [FINDING_NOTE] = "note",
};

/* NULL when memory ran out. */
static char *PRINTF(1, 0) format_tame(const char *format, va_list arguments)
{
    char *text = NULL;

    if (vasprintf(&text, format, arguments) < 0)
        return NULL;
    err_tame(text);
    return text;
}

/* Makes room for one more. */
static struct finding *
grow(struct findings *f)
{
    struct finding *larger = reallocarray(f->items, f->count + 1, sizeof(*larger));

    if (larger == NULL)
        return NULL;
    f->items = larger;
    larger[f->count] = (struct finding){.check = f->check};
    return &larger[f->count++];
}

void
finding_add(struct findings *f, enum finding_kind kind, const char *subject, const char *format,
            ...)
{
    struct finding *one = grow(f);
    va_list arguments;

    if (one == NULL) {
        f->is_short = true;
        return;
    }
    va_start(arguments, format);
    one->kind = kind;
    one->subject = strdup(subject);
    one->text = format_tame(format, arguments);
    va_end(arguments);
    if (one->subject != NULL)
        err_tame(one->subject);
    f->is_short = f->is_short || one->subject == NULL || one->text == NULL;
}

void
finding_remedy(struct findings *f, const char *format, ...)
{
    va_list arguments;

    if (f->count == 0)
        return;
    va_start(arguments, format);
    free(f->items[f->count - 1].remedy);
    f->items[f->count - 1].remedy = format_tame(format, arguments);
    va_end(arguments);
    f->is_short = f->is_short || f->items[f->count - 1].remedy == NULL;
}

static bool
is_told(const struct findings *f, const char *subject, const char *text)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].subject != NULL && strcmp(f->items[i].subject, subject) == 0 &&
            f->items[i].text != NULL && strcmp(f->items[i].text, text) == 0)
            return true;
    return false;
}

bool
finding_unseen(struct findings *f, const char *subject, const struct err *e)
{
    size_t before = f->count;

    if (is_told(f, subject, e->text))
        return false;
    finding_add(f, FINDING_UNSEEN, subject, "%s", e->text);
    if (f->unseen == ERR_NONE)
        f->unseen = e->code;
    return f->count > before;
}

bool
finding_is_quotable(const char *path)
{
    for (const unsigned char *c = (const unsigned char *)path; *c != '\0'; c++)
        if (*c < 0x20 || *c == 0x7f || *c == '\'' || *c == '\\')
            return false;
    return true;
}

size_t
finding_count(const struct findings *f, enum finding_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < f->count; i++)
        count += f->items[i].kind == kind ? 1 : 0;
    return count;
}

void
findings_done(struct findings *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->items[i].subject);
        free(f->items[i].text);
        free(f->items[i].remedy);
    }
    free(f->items);
    *f = (struct findings){0};
}
