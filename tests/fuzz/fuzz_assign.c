/* fuzz_assign.c: any bytes as a script of assignments; quoted again, each value is read the same.
 */
#include "tests/fuzz/fuzz.h"

#include "base/assign.h"

#include <string.h>

/* The value in single quotes, as any shell takes it. */
static bool
quote(struct str *out, const struct assign *one)
{
    bool good = str_addf(out, "%s='", one->name);

    for (const char *c = one->value; good && *c != '\0'; c++)
        good = *c == '\'' ? str_add(out, "'\\''", 4) : str_add(out, c, 1);
    return good && str_add(out, "'\n", 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    own_assigns struct assigns first = {0};
    struct err e = {0};

    if (!assign_read(&first, (const char *)data, size, &e)) {
        MUST(e.code == ERR_INPUT && e.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < first.count; i++) {
        const struct assign *one = &first.items[i];
        own_assigns struct assigns again = {0};
        own_str struct str text = {0};
        own_str struct str meant = {0};
        const char *value = NULL;

        MUST(strchr(one->value, '\n') == NULL);
        if (assign_unwrap(one->value, &meant))
            MUST(meant.text == NULL || strlen(meant.text) == meant.size);
        if (!quote(&text, one) || text.size > ASSIGN_FILE_MAX ||
            !assign_read(&again, text.text, text.size, &e))
            return 0;
        value = assign_find(&again, one->name);
        MUST(value != NULL && strcmp(value, one->value) == 0);
    }
    return 0;
}
