/* fuzz_json.c: any bytes as a server's answer; an object is written and read again the same. */
#include "tests/fuzz/fuzz.h"

#include "base/json.h"

#include <string.h>

static void
look(const struct json_t *object)
{
    const struct json_t *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (json_each(object, &cursor, &key, &value)) {
        const char *text = json_member_text(object, key);

        MUST(json_member(object, key) == value);
        MUST(text == NULL || strlen(text) < 1024 * 1024);
        (void)json_member_int(object, key);
        (void)json_member_true(object, key);
        for (size_t i = 0; i < json_count(value); i++)
            MUST(json_item(value, i) != NULL);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    own_json struct json_t *first = NULL;
    own_json struct json_t *second = NULL;
    own_mem char *text = NULL;
    own_mem char *again = NULL;
    struct err e = {0};

    first = json_decode((const char *)data, size, &e);
    if (first == NULL) {
        MUST(e.code == ERR_PROTOCOL);
        return 0;
    }
    look(first);
    text = json_encode(first);
    MUST(text != NULL);
    second = json_decode(text, strlen(text), &e);
    MUST(second != NULL);
    again = json_encode(second);
    MUST(again != NULL && strcmp(text, again) == 0);
    return 0;
}
