/* fuzz_tsigkey.c: any bytes as a key file. */
#include "tests/fuzz/fuzz.h"

#include "base/tsigkey.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsig_key key = {.name = ""};
    struct err e = {0};

    if (tsig_key_parse(&key, "key", (const char *)data, size, &e)) {
        MUST(dns_name_is(key.name));
        MUST(key.secret.size > 0);
        MUST(dns_name_is(tsig_algorithm_name(key.algorithm)));
    } else
        MUST(e.code == ERR_CONFIG);
    tsig_key_done(&key);
    return 0;
}
