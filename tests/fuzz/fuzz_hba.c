/* fuzz_hba.c: any bytes as a pg_hba.conf that gets a block, another one, and loses it again. */
#include "tests/fuzz/fuzz.h"

#include "reload/hba_block.h"

#include <string.h>

static bool
make(const struct str *file, const char *lines, struct str *out)
{
    own_str struct str added = {0};
    struct err e = {0};
    bool good = str_addf(&added, "%s", lines) && hba_block_replace(file, &added, out, &e);

    MUST(good || e.code == ERR_CONFIG);
    return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    own_str struct str file = {0};
    own_str struct str bare = {0};
    own_str struct str with = {0};
    own_str struct str again = {0};
    own_list struct list sources = {0};
    struct hba_block b = {0};
    struct err e = {0};

    MUST(str_add(&file, data, size));
    if (!hba_block_find(&b, (const char *)data, size, &e)) {
        MUST(e.code == ERR_CONFIG);
        MUST(!make(&file, "x\n", &with) && with.size == 0);
        return 0;
    }
    MUST(b.start <= b.end && b.end <= size);
    if (!hba_block_sources(&file, &sources, &e))
        MUST(e.code == ERR_CONFIG);
    MUST(make(&file, "", &bare) && bare.size == size - (b.end - b.start));
    MUST(hba_block_find(&b, bare.text == NULL ? "" : bare.text, bare.size, &e) && b.end == 0);
    MUST(make(&file, "one\ntwo\n", &with) && with.text != NULL && with.size > bare.size);
    MUST(bare.text == NULL || memcmp(with.text + with.size - bare.size, bare.text, bare.size) == 0);
    MUST(make(&with, "one\ntwo\n", &again) && again.text != NULL && again.size == with.size);
    MUST(memcmp(again.text, with.text, with.size) == 0);
    str_clear(&again);
    MUST(make(&with, "", &again) && again.size == bare.size);
    MUST(bare.text == NULL || again.text == NULL || memcmp(again.text, bare.text, bare.size) == 0);
    return 0;
}
