/* fuzz_request.c: certificate requests of strangers. */
#include "tests/fuzz/fuzz.h"

#include "ca/ca.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct err e = {0};
    own_pkey EVP_PKEY *key = ca_request_key((const char *)bytes, size, &e);

    MUST(key != NULL || e.code == ERR_INPUT);
    MUST(key == NULL || EVP_PKEY_get_security_bits(key) >= 112);
    return 0;
}
