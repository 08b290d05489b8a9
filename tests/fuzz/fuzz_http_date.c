/* fuzz_http_date.c: any text as Retry-After; the time is never, or within the week to come. */
#include "tests/fuzz/fuzz.h"

#include "base/http.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t now_s = 784111770; /* seven seconds before RFC 9110's example */
    own_mem char *text = strndup((const char *)data, size);
    int64_t at_s = 0;

    MUST(text != NULL);
    at_s = http_retry_at(text, now_s);
    MUST(at_s == 0 || (at_s >= now_s && at_s <= now_s + INT64_C(7) * 86400));
    return 0;
}
