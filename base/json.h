/* json.h: JSON values. The only door to jansson. (`json_t` is jansson's; names avoid its own.) */
#ifndef PGCERT_BASE_JSON_H
#define PGCERT_BASE_JSON_H

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

struct json_t;

/* The version of jansson that runs. */
const char *json_library(void);

#define own_json __attribute__((cleanup(json_drop)))

/*
 * Reads one JSON object from foreign text. What is freed of it is wiped.
 *
 * Takes:  size  at most 1 MiB is read
 * Errors: ERR_PROTOCOL  not JSON, not an object, a key twice, nested deeper than 64, more than
 * 20000 arrays and objects, not UTF-8
 */
MUST_USE struct json_t *json_decode(const char *text, size_t size, struct err *e);

/* Reads a file of ours, an object. Missing: an empty object. ERR_INPUT when it is damaged. */
MUST_USE struct json_t *json_load(const char *path, struct err *e);

/* Writes an object to a file with file_replace(), 0600. */
MUST_USE bool json_save(const struct json_t *object, const char *path, struct err *e);

/* The same with file_replace_for(). */
MUST_USE bool json_save_for(const struct json_t *object, const char *path,
                            struct file_access access, struct err *e);

/* Text without white space, keys in the order they were put; free() it. NULL: out of memory. */
MUST_USE char *json_encode(const struct json_t *value);

/* For people: indented by two. */
MUST_USE char *json_encode_pretty(const struct json_t *value);

/* Looking: borrowed from the object; NULL (0, false) when it is not there or of another type. */
const struct json_t *json_member(const struct json_t *object, const char *key);
const char *json_member_text(const struct json_t *object, const char *key);
int64_t json_member_int(const struct json_t *object, const char *key);
bool json_member_true(const struct json_t *object, const char *key);
size_t json_count(const struct json_t *array); /* 0 for whatever is not an array */
const struct json_t *json_item(const struct json_t *array, size_t i);
const char *json_item_text(const struct json_t *array, size_t i);
int64_t json_item_int(const struct json_t *array, size_t i);

/* Appends the texts of an array, and passes over what is none. False: out of memory. */
MUST_USE bool json_texts(const struct json_t *array, struct list *texts);

/* Visits the members of an object; start with *cursor = NULL. False at the end. */
bool json_each(const struct json_t *object, void **cursor, const char **key,
               const struct json_t **value);

/* Making. A failure (out of memory, text not UTF-8) is remembered by nobody: the member is not
 * there then; text that is not UTF-8 is put with '?' instead. NULL text puts null. */
MUST_USE struct json_t *json_new_object(void);
MUST_USE struct json_t *json_new_array(void);
void json_put_text(struct json_t *object, const char *key, const char *text);
void json_put_int(struct json_t *object, const char *key, int64_t number);
void json_put_bool(struct json_t *object, const char *key, bool truth);
void json_put_list(struct json_t *object, const char *key, const struct list *texts);
void json_put_time(struct json_t *object, const char *key, int64_t at_s);    /* RFC 3339; 0: null */
void json_put(struct json_t *object, const char *key, struct json_t *value); /* takes the value */
void json_add(struct json_t *array, struct json_t *value);                   /* takes the value */
void json_add_text(struct json_t *array, const char *text);
void json_delete_member(struct json_t *object, const char *key);

/* A reference more, to be dropped by its holder. */
MUST_USE struct json_t *json_keep(const struct json_t *value);

void json_drop(struct json_t **value);

#endif
