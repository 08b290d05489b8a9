/* completion.c: what the scripts of all shells have in common. */
#include "cli/completion.h"

#include "base/key.h"

#include <stdio.h>
#include <string.h>

static const char *
key_type(size_t i)
{
    return key_type_words[i];
}

static const char *
reason(size_t i)
{
    return acme_revoke_reasons[i];
}

/* Flags whose metavar does not tell enough. A name means the same wherever it is. */
/* clang-format off */
static const struct {
    const char *name;
    struct place place;
} values[] = {
    {"--issuer",   {PLACE_NAME, "issuer",      NULL}},
    {"--target",   {PLACE_NAME, "target",      NULL}},
    {"--deploy",   {PLACE_NAME, "target",      NULL}},
    {"--dns",      {PLACE_NAME, "dns",         NULL}},
    {"--host",     {PLACE_NAME, "certificate", NULL}},
    {"--key-type", {PLACE_WORD, NULL,          key_type}},
    {"--reason",   {PLACE_WORD, NULL,          reason}},
};
/* clang-format on */

struct place
completion_value(const struct flag *f)
{
    for (size_t i = 0; i < COUNT(values); i++)
        if (strcmp(values[i].name, f->name) == 0)
            return values[i].place;
    if (strcmp(f->metavar, "FILE") == 0)
        return (struct place){PLACE_FILE, NULL, NULL};
    if (strcmp(f->metavar, "DIR") == 0)
        return (struct place){PLACE_DIRECTORY, NULL, NULL};
    return (struct place){PLACE_ANYTHING, NULL, NULL};
}

/* Has a command before that one the flag? */
static bool
was_before(const struct flag *f, size_t command)
{
    for (size_t i = 0; i < command; i++)
        for (const struct flag *g = commands[i]->flags; g != NULL && g->name != NULL; g++)
            if (strcmp(f->name, g->name) == 0)
                return true;
    return false;
}

void
completion_each_value(void (*one)(const struct flag *f))
{
    for (const struct flag *f = command_global_flags; f->name != NULL; f++)
        if (f->value != NULL)
            one(f);
    for (size_t i = 0; commands[i] != NULL; i++)
        for (const struct flag *f = commands[i]->flags; f != NULL && f->name != NULL; f++)
            if (f->value != NULL && !was_before(f, i))
                one(f);
}

void
completion_print_words(const char *(*word)(size_t i), const char *between)
{
    for (size_t i = 0; word(i) != NULL; i++)
        (void)printf("%s%s", i > 0 ? between : "", word(i));
}

void
completion_print_quoted(const char *text, const char *quote, const char *special)
{
    for (; *text != '\0'; text++)
        if (*text == '\'')
            (void)fputs(quote, stdout);
        else
            (void)printf("%s%c", strchr(special, *text) != NULL ? "\\" : "", *text);
}
