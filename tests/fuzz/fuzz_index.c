/* fuzz_index.c: the index of a CA, whatever has happened to it. */
#include "tests/fuzz/fuzz.h"

#include "ca/index.h"

#include <string.h>

/* What was read can be found, and only what was read. */
int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    own_index struct index index = {0};
    char *text = malloc(size + 1);
    size_t revoked = 0;
    struct err e = {0};

    MUST(text != NULL);
    if (size > 0)
        memcpy(text, bytes, size);
    if (!index_parse(&index, text, size, &e)) {
        MUST(e.code == ERR_INPUT && index.count == 0);
        return 0;
    }
    for (size_t i = 0; i < index.count; i++) {
        MUST(index_find(&index, index.entries[i].serial) == &index.entries[i]);
        MUST(strlen(index.entries[i].name) > 0);
        revoked += index.entries[i].revoked_at_s != 0;
    }
    MUST(revoked == index.revoked_count);
    return 0;
}
