/* fuzz_ovhkey.c: any bytes as ovh.conf. */
#include "tests/fuzz/fuzz.h"

#include "acme/dns/ovhkey.h"

#include <string.h>

static void
check(const struct str *key)
{
    MUST(key->size > 0 && strlen(key->text) == key->size);
    MUST(strpbrk(key->text, " \t\r\n") == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const urls[] = {NULL, "https://ca.api.ovh.com/1.0", "https://o.test"};

    for (size_t i = 0; i < COUNT(urls); i++) {
        own_ovh_key struct ovh_key key = {0};
        struct err e = {0};

        if (ovh_key_parse(&key, "ovh.conf", (const char *)data, size, urls[i], &e)) {
            MUST(strncmp(key.url, "https://", 8) == 0);
            check(&key.application_key);
            check(&key.application_secret);
            check(&key.consumer_key);
        } else
            MUST(e.code == ERR_CONFIG);
    }
    return 0;
}
