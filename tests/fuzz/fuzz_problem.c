/* fuzz_problem.c: any JSON as a problem document becomes one printable line. */
#include "tests/fuzz/fuzz.h"

#include "acme/problem.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {0, 302, 400, 403, 429, 503};
    struct err e = {0};
    own_json struct json_t *problem = json_decode((const char *)data, size, &e);

    for (size_t i = 0; i < COUNT(statuses); i++) {
        e = (struct err){0};
        MUST(!problem_tell(problem, statuses[i], 7, &e));
        MUST(e.code != ERR_NONE && e.retry_at_s == 7);
        MUST(memchr(e.text, '\0', sizeof(e.text)) != NULL && e.text[0] != '\0');
        for (const char *c = e.text; *c != '\0'; c++)
            MUST((unsigned char)*c >= 0x20 && *c != 0x7f);
    }
    return 0;
}
