/* fuzz_carrier.c: what the process with the network answers, which may be in a stranger's hands. */
#include "tests/fuzz/fuzz.h"

#include "cli/carrier_words.h"

/* A text of ours holds no control character, whoever has made it up. */
static bool
is_tame(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct carrier_answer a = {.done = false};
    struct err e = {0};
    struct json_t *words = json_decode((const char *)bytes, size, &e);

    if (words != NULL && carrier_words_take_answer(words, &a, &e)) {
        MUST(a.done || a.e.code != ERR_NONE);
        MUST(is_tame(a.e.text) && is_tame(a.warning.text));
        MUST(a.window.start_s <= a.window.end_s);
        MUST(a.window.explanation == NULL || is_tame(a.window.explanation));
    }
    acme_window_done(&a.window);
    json_drop(&words);
    return 0;
}
