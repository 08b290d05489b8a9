/* fuzz_renewal_info.c: any JSON as renewal information; a window that is taken has a beginning and
 * an end, and what a person is shown is printable. */
#include "tests/fuzz/fuzz.h"

#include "acme/renewal_info.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct acme_window w = {0};
    own_mem char *text = strndup((const char *)data, size);
    own_json struct json_t *answer = json_decode((const char *)data, size, &e);
    int64_t at_s = 0;

    MUST(text != NULL);
    if (renewal_info_time(&at_s, text))
        MUST(at_s < INT64_C(253402387200)); /* a day after the last of four digits */
    if (answer == NULL)
        return 0;
    if (renewal_info_read(&w, answer, &e)) {
        MUST(w.start_s > 0 && w.start_s < w.end_s && w.end_s < INT64_C(253402387200));
        for (const char *c = w.explanation; c != NULL && *c != '\0'; c++)
            MUST(*c > ' ' && *c <= '~');
    } else {
        MUST(e.code == ERR_PROTOCOL && e.text[0] != '\0');
    }
    acme_window_done(&w);
    return 0;
}
