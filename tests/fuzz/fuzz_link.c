/* fuzz_link.c: any text as a Link header; what is taken from it is an https URL, each one once. */
#include "tests/fuzz/fuzz.h"

#include "acme/link.h"
#include "base/http.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const relations[] = {"alternate", "help", "terms-of-service"};
    own_mem char *value = strndup((const char *)data, size);

    MUST(value != NULL);
    for (size_t i = 0; i < COUNT(relations); i++) {
        own_list struct list urls = {0};

        /* twice: a header that comes again adds nothing */
        MUST(link_add(&urls, value, relations[i], "https://ca.test:14000/cert/1?x"));
        MUST(link_add(&urls, value, relations[i], "https://ca.test:14000/cert/1?x"));
        MUST(urls.count <= LINK_MAX);
        for (size_t n = 0; n < urls.count; n++) {
            MUST(http_is_https(urls.items[n]));
            for (size_t m = 0; m < n; m++)
                MUST(strcmp(urls.items[m], urls.items[n]) != 0);
        }
    }
    return 0;
}
