/* fuzz_service_account.c: any bytes as the key file of a service account. */
#include "tests/fuzz/fuzz.h"

#include "acme/service_account.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct service_account account = {0};
    own_str struct str form = {0};
    struct err e = {0};
    size_t at = 0;

    if (!service_account_parse(&account, (const char *)data, size, &e)) {
        MUST(e.code == ERR_CONFIG);
    } else {
        MUST(strncmp(account.url, "https://", 8) == 0);
        MUST(account.email[0] != '\0');
        /* a key may be one that OpenSSL reads and does not sign with */
        if (service_account_form(&account, "scope", 1700000000, &form, &at, &e)) {
            const char *dot = strchr(form.text + at, '.');

            MUST(dot != NULL && strchr(dot + 1, '.') != NULL);
            MUST(strspn(form.text + at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789-_.") == strlen(form.text + at));
        } else {
            MUST(e.code == ERR_INTERNAL);
        }
    }
    service_account_done(&account);
    return 0;
}
