/* str.h: growing text, and lists of strings. */
#ifndef PGCERT_BASE_STR_H
#define PGCERT_BASE_STR_H

#include "base/own.h"

#include <stdbool.h>
#include <stddef.h>

/* Growing bytes. `{0}` is empty. `text` is NULL or NUL-ended (the NUL is not in `size`).
 * The memory is wiped whenever it is given back, so that it may hold keys. */
struct str {
    char *text;
    size_t size;
    size_t room;
};

#define own_str __attribute__((cleanup(str_done)))

/* Each returns false when memory ran out; what was there before then still is. */
MUST_USE bool str_add(struct str *s, const void *bytes, size_t size);
MUST_USE bool str_addf(struct str *s, const char *format, ...) PRINTF(2, 3);

/* Sets the size to 0 and keeps the memory (wiped). */
void str_clear(struct str *s);

/* Gives the text, which is the caller's to free(), and leaves `s` empty. NULL when it is empty. */
MUST_USE char *str_take(struct str *s);

/* Wipes, frees and zeroes. */
void str_done(struct str *s);

/* A list of strings, all owned. `{0}` is empty. */
struct list {
    char **items;
    size_t count;
};

#define own_list __attribute__((cleanup(list_done)))

/* Adds a copy; false when memory ran out. */
MUST_USE bool list_add(struct list *l, const char *item);

/* Adds the words of `text`, which commas, spaces and tabs separate; false when memory ran out. */
MUST_USE bool list_add_words(struct list *l, const char *text);

/* Is the item in the list? Case matters. */
bool list_has(const struct list *l, const char *item);

/* True when both hold the same strings, in whatever order. */
bool list_same(const struct list *a, const struct list *b);

/* Copies `from` into `to`, which is empty; false when memory ran out. */
MUST_USE bool list_copy(struct list *to, const struct list *from);

void list_done(struct list *l);

/* Wipes and frees a list that holds secrets. */
void list_wipe(struct list *l);

/* Like asprintf(3), but returns the text, NULL when memory ran out. */
MUST_USE char *str_format(const char *format, ...) PRINTF(1, 2);

/* Of `count` words (name_of(i)), the one nearest to `wrong`, or NULL when none is near enough to
 * be a misspelling of it (edit distance at most 1 more than a third of its length). */
const char *str_nearest(const char *wrong, const char *(*name_of)(const void *table, size_t i),
                        const void *table, size_t count);

/* The bytes of the UTF-8 character at `at`, of which `left` may be read; 0: it is none (RFC 3629
 * section 4). A NUL is one. */
size_t str_utf8_size(const char *at, size_t left);

/* Lower-case hexadecimal, NUL-ended: 2 * size + 1 bytes. */
void str_hex(char *hex, const unsigned char *bytes, size_t size);

#endif
