/* assign.c: NAME=value as a shell would take it, without a shell. */
#include "base/assign.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define ASSIGN_COUNT_MAX 1000
#define VALUE_SIZE_MAX ((size_t)64 * 1024) /* of what $NAME makes of it */
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS "0123456789"

/* What means something to a shell outside of quotes; a value with one of them is not only text. */
#define SPECIAL "`$()<>|&;*?[]{}~!\n"

static size_t
name_size(const char *text)
{
    size_t first = strspn(text, LETTERS);

    return first == 0 ? 0 : strspn(text, LETTERS DIGITS);
}

static struct assign *
find(const struct assigns *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i].name, name) == 0)
            return &a->items[i];
    return NULL;
}

const char *
assign_find(const struct assigns *a, const char *name)
{
    const struct assign *one = find(a, name);

    return one == NULL ? NULL : one->value;
}

static void
drop_value(struct assign *one)
{
    if (one->value != NULL)
        explicit_bzero(one->value, strlen(one->value));
    free(one->value);
    one->value = NULL;
}

bool
assign_put(struct assigns *a, const char *name, const char *value)
{
    struct assign *one = find(a, name);
    own_mem char *copy = strdup(value);

    if (copy == NULL)
        return false;
    if (one == NULL) {
        struct assign *grown = realloc(a->items, (a->count + 1) * sizeof(*grown));

        if (grown == NULL)
            return false;
        a->items = grown;
        one = &grown[a->count];
        *one = (struct assign){.name = strdup(name)};
        if (one->name == NULL)
            return false;
        a->count++;
    }
    drop_value(one);
    one->value = TAKE(copy);
    return true;
}

/* ---- one value ---- */

/* Where the reading of a value is. */
struct scan {
    const struct assigns *known;
    const char *at;
    char quote; /* '\'', '"' or 0 */
    struct str value;
};

/* $NAME or ${NAME} of what is known; anything else that a '$' begins is not only text. */
static bool
take_variable(struct scan *s)
{
    bool is_braced = s->at[1] == '{';
    const char *begin = s->at + (is_braced ? 2 : 1);
    size_t size = name_size(begin);
    own_mem char *name = size == 0 ? NULL : strndup(begin, size);
    const char *value = name == NULL ? NULL : assign_find(s->known, name);

    if (value == NULL || (is_braced && begin[size] != '}') ||
        s->value.size + strlen(value) > VALUE_SIZE_MAX)
        return false;
    s->at = begin + size + (is_braced ? 1 : 0);
    return str_add(&s->value, value, strlen(value));
}

/* The character after a backslash. In double quotes it stays before most. */
static bool
take_escaped(struct scan *s)
{
    bool stays = s->quote == '"' && strchr("\"\\$`", s->at[1]) == NULL;

    if (s->at[1] == '\0' || s->at[1] == '\n')
        return false;
    if (stays && !str_add(&s->value, "\\", 1))
        return false;
    s->at += 2;
    return str_add(&s->value, s->at - 1, 1);
}

/* One step inside of the value; false: it is not only text. */
static bool
take_one(struct scan *s)
{
    char c = *s->at;

    if (c == '\0' || c == '\n')
        return false; /* a quote without its end on the line */
    if (s->quote != 0 && c == s->quote) {
        s->quote = 0;
        s->at++;
        return true;
    }
    if (s->quote == '\'') {
        s->at++;
        return str_add(&s->value, &c, 1);
    }
    if (c == '\\')
        return take_escaped(s);
    if (c == '$')
        return take_variable(s);
    if (s->quote == 0 && (c == '\'' || c == '"')) {
        s->quote = c;
        s->at++;
        return true;
    }
    if (c == '`' || (s->quote == 0 && strchr(SPECIAL, c) != NULL))
        return false;
    s->at++;
    return str_add(&s->value, &c, 1);
}

/* Is nothing behind it that a shell would run? */
static bool
ends_well(const char *rest)
{
    const char *next = rest + strspn(rest, " \t\r;");

    return *next == '\0' || *next == '#';
}

/* ---- lines ---- */

/* Takes an assignment off a line (without its end); *is_odd: it is something else. */
static bool
take_line(struct assigns *a, const char *line, bool *is_odd)
{
    static const char export[] = "export ";
    const char *start = line + strspn(line, " \t");
    size_t size = 0;
    own_mem char *name = NULL;
    struct scan s = {.known = a};
    bool good = true;

    *is_odd = false;
    if (ends_well(start))
        return true;
    if (strncmp(start, export, sizeof(export) - 1) == 0)
        start += sizeof(export) - 1 + strspn(start + sizeof(export) - 1, " \t");
    size = name_size(start);
    *is_odd = size == 0 || start[size] != '=';
    if (*is_odd)
        return true;
    name = strndup(start, size);
    s.at = start + size + 1;
    while (good && (s.quote != 0 || strchr(" \t\r;", *s.at) == NULL))
        good = take_one(&s);
    *is_odd = !good || !ends_well(s.at);
    good =
        name != NULL && (*is_odd || assign_put(a, name, s.value.text == NULL ? "" : s.value.text));
    str_done(&s.value);
    return good;
}

static bool
is_comment(const char *line, const char *at)
{
    return *at == '#' && (at == line || strchr(" \t;", at[-1]) != NULL);
}

/* The end of what belongs to a line: it goes on behind a backslash, unless that is part of a
 * comment, is between single quotes, or has one before it. */
static const char *
line_end(const char *line)
{
    const char *at = line;
    char quote = 0;

    for (; *at != '\0' && *at != '\n'; at++) {
        if (quote == 0 && is_comment(line, at))
            return at + strcspn(at, "\n");
        if (*at == '\\' && quote != '\'' && at[1] != '\0')
            at++;
        else if (quote != 0 && *at == quote)
            quote = 0;
        else if (quote == 0 && (*at == '\'' || *at == '"'))
            quote = *at;
    }
    return at;
}

static int
count_lines(const char *from, const char *to)
{
    int n = 0;

    for (; from < to; from++)
        n += *from == '\n';
    return n;
}

bool
assign_read(struct assigns *a, const char *text, size_t size, struct err *e)
{
    own_str struct str all = {0};
    const char *line = NULL;
    int number = 1;

    if (size == 0)
        return true;
    if (size > ASSIGN_FILE_MAX || memchr(text, '\0', size) != NULL)
        return err_set(e, ERR_INPUT, "it is %s",
                       size > ASSIGN_FILE_MAX ? "far too large" : "not text");
    if (!str_add(&all, text, size))
        return err_memory(e);
    for (line = all.text; *line != '\0';) {
        const char *end = line_end(line);
        own_str struct str one = {0};
        bool is_odd = false;

        if (!str_add(&one, line, (size_t)(end - line)) ||
            !take_line(a, one.text == NULL ? "" : one.text, &is_odd))
            return err_memory(e);
        if (is_odd && a->odd_line == 0)
            a->odd_line = number;
        if (a->count > ASSIGN_COUNT_MAX)
            return err_set(e, ERR_INPUT, "it has more than %d assignments", ASSIGN_COUNT_MAX);
        number += count_lines(line, end) + 1;
        line = *end == '\0' ? end : end + 1;
    }
    return true;
}

/* ---- acme.sh's own way of quoting ---- */

bool
assign_unwrap(const char *value, struct str *out)
{
    size_t size = strlen(value), begin = strlen(ASSIGN_WRAP_BEGIN), end = strlen(ASSIGN_WRAP_END);
    own_mem unsigned char *bytes = NULL;
    int got = 0;
    bool good = false;

    if (strncmp(value, ASSIGN_WRAP_BEGIN, begin) != 0)
        return str_add(out, value, size);
    if (size < begin + end || strcmp(value + size - end, ASSIGN_WRAP_END) != 0 ||
        size > VALUE_SIZE_MAX)
        return false;
    size -= begin + end;
    bytes = calloc(size + 1, 1);
    if (bytes == NULL)
        return false;
    got = EVP_DecodeBlock(bytes, (const unsigned char *)value + begin, (int)size);
    if (got < 0)
        return false;
    /* what pads is decoded as zeroes */
    for (size_t i = size; got > 0 && i > 0 && i + 2 > size && value[begin + i - 1] == '='; i--)
        got--;
    good = memchr(bytes, '\0', (size_t)got) == NULL && str_add(out, bytes, (size_t)got);
    explicit_bzero(bytes, size);
    return good;
}

/* ---- the other way round ---- */

bool
assign_fill(const char *text, const struct assigns *a, struct str *out, char **missing)
{
    *missing = NULL;
    while (*text != '\0') {
        size_t plain = strcspn(text, "{");
        size_t name = text[plain] == '{' ? strspn(text + plain + 1, LETTERS DIGITS ".") : 0;
        own_mem char *key = NULL;
        const char *value = NULL;

        if (text[plain] == '{' && (name == 0 || text[plain + 1 + name] != '}')) {
            plain++; /* a brace that is only a brace */
            name = 0;
        }
        if (!str_add(out, text, plain))
            return false;
        text += plain;
        if (name == 0)
            continue;
        key = strndup(text + 1, name);
        value = key == NULL ? NULL : assign_find(a, key);
        if (value == NULL || *value == '\0') {
            *missing = TAKE(key);
            return *missing != NULL;
        }
        if (!str_add(out, value, strlen(value)))
            return false;
        text += name + 2;
    }
    return true;
}

void
assign_done(struct assigns *a)
{
    for (size_t i = 0; i < a->count; i++) {
        drop_value(&a->items[i]);
        free(a->items[i].name);
    }
    free(a->items);
    *a = (struct assigns){0};
}
