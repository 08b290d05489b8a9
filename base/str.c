/* str.c: growing text, lists of strings, the nearest word. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

/* Moves to a larger block by hand: realloc() would leave unwiped copies of keys behind. */
static bool
make_room(struct str *s, size_t more)
{
    size_t wanted = s->size + more + 1;
    size_t room = s->room == 0 ? 128 : s->room;
    char *text = NULL;

    if (wanted < more)
        return false;
    if (s->room >= wanted)
        return true;
    while (room < wanted)
        room *= 2;
    text = malloc(room);
    if (text == NULL)
        return false;
    if (s->text != NULL) {
        memcpy(text, s->text, s->size);
        OPENSSL_cleanse(s->text, s->room);
        free(s->text);
    }
    s->text = text;
    s->room = room;
    return true;
}

bool
str_add(struct str *s, const void *bytes, size_t size)
{
    if (!make_room(s, size))
        return false;
    if (size > 0)
        memcpy(s->text + s->size, bytes, size);
    s->size += size;
    s->text[s->size] = '\0';
    return true;
}

bool
str_addf(struct str *s, const char *format, ...)
{
    va_list arguments;
    int size = 0;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0 || !make_room(s, (size_t)size))
        return false;
    va_start(arguments, format);
    (void)vsnprintf(s->text + s->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    s->size += (size_t)size;
    return true;
}

void
str_clear(struct str *s)
{
    if (s->text != NULL) {
        OPENSSL_cleanse(s->text, s->room);
        s->text[0] = '\0';
    }
    s->size = 0;
}

char *
str_take(struct str *s)
{
    char *text = s->text;

    *s = (struct str){0};
    return text;
}

void
str_done(struct str *s)
{
    if (s->text != NULL)
        OPENSSL_cleanse(s->text, s->room);
    free(s->text);
    *s = (struct str){0};
}

static bool
add_span(struct list *l, const char *item, size_t size)
{
    char **items = NULL;
    char *copy = strndup(item, size);

    if (copy == NULL)
        return false;
    items = realloc(l->items, (l->count + 1) * sizeof(*items));
    if (items == NULL) {
        free(copy);
        return false;
    }
    l->items = items;
    l->items[l->count++] = copy;
    return true;
}

bool
list_add(struct list *l, const char *item)
{
    return add_span(l, item, strlen(item));
}

bool
list_add_words(struct list *l, const char *text)
{
    static const char between[] = ", \t\r\n";

    for (text += strspn(text, between); *text != '\0'; text += strspn(text, between)) {
        size_t size = strcspn(text, between);

        if (!add_span(l, text, size))
            return false;
        text += size;
    }
    return true;
}

bool
list_has(const struct list *l, const char *item)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i], item) == 0)
            return true;
    return false;
}

static bool
has_all(const struct list *a, const struct list *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (!list_has(a, b->items[i]))
            return false;
    return true;
}

bool
list_same(const struct list *a, const struct list *b)
{
    return has_all(a, b) && has_all(b, a);
}

bool
list_copy(struct list *to, const struct list *from)
{
    for (size_t i = 0; i < from->count; i++)
        if (!list_add(to, from->items[i]))
            return false;
    return true;
}

void
list_done(struct list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
    *l = (struct list){0};
}

void
list_wipe(struct list *l)
{
    for (size_t i = 0; i < l->count; i++)
        explicit_bzero(l->items[i], strlen(l->items[i]));
    list_done(l);
}

char *
str_format(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    int size = 0;

    va_start(arguments, format);
    size = vasprintf(&text, format, arguments);
    va_end(arguments);
    return size < 0 ? NULL : text;
}

#define WORD_MAX 64 /* longer words are not compared */

/* Levenshtein's distance, one row of the table at a time. */
static size_t
distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t length = strlen(b);

    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t insert = row[j - 1] + 1;
            size_t drop = row[j] + 1;

            diagonal = row[j];
            row[j] = change < insert ? change : insert;
            if (drop < row[j])
                row[j] = drop;
        }
    }
    return row[length];
}

const char *
str_nearest(const char *wrong, const char *(*name_of)(const void *table, size_t i),
            const void *table, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(wrong) / 3 + 1;

    if (strlen(wrong) > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *name = name_of(table, i);
        size_t d = strlen(name) > WORD_MAX ? WORD_MAX : distance(wrong, name);

        if (d <= best && (nearest == NULL || d < best)) {
            best = d;
            nearest = name;
        }
    }
    return nearest;
}

size_t
str_utf8_size(const char *at, size_t left)
{
    static const struct {
        unsigned char least, most;   /* of the first byte */
        unsigned char least2, most2; /* of the second */
        size_t size;
    } rows[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *b = (const unsigned char *)at;
    size_t size = 0;

    if (left == 0 || b[0] < 0x80)
        return left == 0 ? 0 : 1;
    for (size_t i = 0; left > 1 && size == 0 && i < COUNT(rows); i++)
        if (b[0] >= rows[i].least && b[0] <= rows[i].most && b[1] >= rows[i].least2 &&
            b[1] <= rows[i].most2)
            size = rows[i].size;
    if (size > left)
        return 0;
    for (size_t i = 2; i < size; i++)
        if (b[i] < 0x80 || b[i] > 0xbf)
            return 0;
    return size;
}

void
str_hex(char *hex, const unsigned char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * size] = '\0';
}
