/* fuzz_b64url.c: any text as base64url; what is accepted has that one encoding. */
#include "tests/fuzz/fuzz.h"

#include "base/b64url.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    own_mem char *text = strndup((const char *)data, size);
    own_str struct str bytes = {0};
    own_str struct str again = {0};

    MUST(text != NULL);
    if (!b64url_decode(&bytes, text))
        return 0;
    MUST(bytes.size == strlen(text) * 3 / 4);
    MUST(b64url_add(&again, bytes.text, bytes.size));
    MUST(again.size == strlen(text));
    MUST(again.size == 0 || strcmp(again.text, text) == 0);
    return 0;
}
