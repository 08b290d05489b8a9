/* json.c: the door to jansson. */
#include "base/json.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/wipe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define SIZE_MAX_READ (1024 * 1024)
#define DEPTH_MAX 64
#define CONTAINERS_MAX 20000

/* jansson's own limit is 2048 levels, each one a recursion: too many for foreign text. And each of
 * the 300,000 objects of a MiB would take 200 bytes. */
static bool
is_modest(const char *text, size_t size)
{
    int depth = 0, containers = 0;
    bool quoted = false;

    for (size_t i = 0; i < size; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '{' || text[i] == '['))
            depth++, containers++;
        else if (!quoted && (text[i] == '}' || text[i] == ']'))
            depth--;
        if (depth > DEPTH_MAX || containers > CONTAINERS_MAX)
            return false;
    }
    return true;
}

struct json_t *
json_decode(const char *text, size_t size, struct err *e)
{
    json_error_t reason = {0};
    own_json json_t *object = NULL;

    if (size > SIZE_MAX_READ || !is_modest(text, size)) {
        (void)err_set(e, ERR_PROTOCOL, "JSON that is too large or nested too deeply");
        return NULL;
    }
    /* what is read may hold keys and tokens: jansson's copies of them are wiped, too */
    json_set_alloc_funcs(malloc, wipe_free);
    object = json_loadb(text == NULL ? "" : text, size, JSON_REJECT_DUPLICATES, &reason);
    if (object == NULL) {
        (void)err_set(e, ERR_PROTOCOL, "not JSON: %s (line %d, column %d)", reason.text,
                      reason.line, reason.column);
        return NULL;
    }
    if (!json_is_object(object)) {
        (void)err_set(e, ERR_PROTOCOL, "JSON, but not an object");
        return NULL;
    }
    return TAKE(object);
}

struct json_t *
json_load(const char *path, struct err *e)
{
    own_str struct str text = {0};
    bool found = false;
    struct json_t *object = NULL;

    if (!file_read_if_there(AT_FDCWD, path, SIZE_MAX_READ, &text, &found, e))
        return NULL;
    if (!found)
        return json_new_object();
    object = json_decode(text.text, text.size, e);
    if (object == NULL) {
        (void)err_wrap(e, "read '%s'", path);
        e->code = ERR_INPUT;
    }
    return object;
}

bool
json_save(const struct json_t *object, const char *path, struct err *e)
{
    own_mem char *text = json_encode_pretty(object);

    if (text == NULL)
        return err_memory(e);
    return file_replace(AT_FDCWD, path, text, strlen(text), 0600, e);
}

bool
json_save_for(const struct json_t *object, const char *path, struct file_access access,
              struct err *e)
{
    own_mem char *text = json_encode_pretty(object);
    struct str all = {.text = text, .size = text == NULL ? 0 : strlen(text)};

    return text == NULL ? err_memory(e) : file_replace_for(path, &all, access, e);
}

char *
json_encode(const struct json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

char *
json_encode_pretty(const struct json_t *value)
{
    own_mem char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);

    return text == NULL ? NULL : str_format("%s\n", text);
}

const struct json_t *
json_member(const struct json_t *object, const char *key)
{
    return json_object_get(object, key);
}

const char *
json_member_text(const struct json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int64_t
json_member_int(const struct json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool
json_member_true(const struct json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

size_t
json_count(const struct json_t *array)
{
    return json_array_size(array);
}

const struct json_t *
json_item(const struct json_t *array, size_t i)
{
    return json_array_get(array, i);
}

const char *
json_item_text(const struct json_t *array, size_t i)
{
    return json_string_value(json_array_get(array, i));
}

int64_t
json_item_int(const struct json_t *array, size_t i)
{
    return json_integer_value(json_array_get(array, i));
}

/* jansson's iterators want an object they may change; they do not change it. */
static json_t *
changeable(const struct json_t *value)
{
    json_t *same = NULL;

    memcpy(&same, &value, sizeof(same));
    return same;
}

bool
json_texts(const struct json_t *array, struct list *texts)
{
    for (size_t i = 0; i < json_count(array); i++)
        if (json_item_text(array, i) != NULL && !list_add(texts, json_item_text(array, i)))
            return false;
    return true;
}

bool
json_each(const struct json_t *object, void **cursor, const char **key, const struct json_t **value)
{
    json_t *o = changeable(object);

    *cursor = *cursor == NULL ? json_object_iter(o) : json_object_iter_next(o, *cursor);
    if (*cursor == NULL)
        return false;
    *key = json_object_iter_key(*cursor);
    *value = json_object_iter_value(*cursor);
    return true;
}

struct json_t *
json_new_object(void)
{
    return json_object();
}

struct json_t *
json_new_array(void)
{
    return json_array();
}

static json_t *
text_value(const char *text)
{
    own_mem char *ascii = NULL;
    json_t *value = NULL;

    if (text == NULL)
        return json_null();
    value = json_string(text);
    if (value != NULL)
        return value;
    ascii = strdup(text);
    if (ascii == NULL)
        return json_null();
    for (char *c = ascii; *c != '\0'; c++)
        if ((unsigned char)*c > 0x7e)
            *c = '?';
    return json_string(ascii);
}

void
json_put(struct json_t *object, const char *key, struct json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

void
json_put_text(struct json_t *object, const char *key, const char *text)
{
    json_put(object, key, text_value(text));
}

void
json_put_int(struct json_t *object, const char *key, int64_t number)
{
    json_put(object, key, json_integer(number));
}

void
json_put_bool(struct json_t *object, const char *key, bool truth)
{
    json_put(object, key, truth ? json_true() : json_false());
}

void
json_put_list(struct json_t *object, const char *key, const struct list *texts)
{
    json_t *array = json_array();

    for (size_t i = 0; i < texts->count; i++)
        json_add_text(array, texts->items[i]);
    json_put(object, key, array);
}

void
json_put_time(struct json_t *object, const char *key, int64_t at_s)
{
    char text[CLOCK_TEXT_SIZE];

    clock_text(text, at_s);
    json_put_text(object, key, at_s == 0 ? NULL : text);
}

void
json_add(struct json_t *array, struct json_t *value)
{
    (void)json_array_append_new(array, value);
}

void
json_add_text(struct json_t *array, const char *text)
{
    json_add(array, text_value(text));
}

void
json_delete_member(struct json_t *object, const char *key)
{
    (void)json_object_del(object, key);
}

struct json_t *
json_keep(const struct json_t *value)
{
    return json_incref(changeable(value));
}

void
json_drop(struct json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

const char *
json_library(void)
{
    return jansson_version_str();
}
