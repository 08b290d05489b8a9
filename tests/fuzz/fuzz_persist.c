/* fuzz_persist.c: any TXT record as one of dns-persist-01; a good one names issuer and account. */
#include "tests/fuzz/fuzz.h"

#include "acme/persist.h"

#include <string.h>

#define NOW_S 1795316400

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    own_persist struct persist p = {0};
    char why[PERSIST_WHY_SIZE];

    MUST(list_add(&p.issuers, "ca.test") && list_add(&p.accounts, "https://ca.test/acct/1"));
    for (int wildcard = 0; wildcard < 2; wildcard++) {
        memset(why, 'x', sizeof(why));
        p.wildcard = wildcard == 1;
        if (persist_judge(&p, data, size, NOW_S, why)) {
            MUST(why[0] == '\0');
            MUST(memmem(data, size, "ca.test", 7) != NULL);
            MUST(memmem(data, size, "https://ca.test/acct/1", 22) != NULL);
            p.wildcard = false; /* what is good for more is good for less */
            MUST(persist_judge(&p, data, size, NOW_S, why));
        } else {
            MUST(memchr(why, '\0', sizeof(why)) != NULL);
        }
    }
    return 0;
}
