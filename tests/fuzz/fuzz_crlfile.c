/* fuzz_crlfile.c: files of CRLs that somebody has made. */
#include "tests/fuzz/fuzz.h"

#include "ca/crlfile.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    own_ca_crls struct ca_crls crls = {0};
    struct err e = {0};
    bool good = crlfile_parse((const char *)bytes, size, &crls, &e);

    MUST(good || (e.code == ERR_INPUT && crls.count == 0));
    for (size_t i = 0; i < crls.count; i++)
        MUST(crls.items[i].issuer != NULL && crls.items[i].number != NULL &&
             crls.items[i].revoked >= 0);
    return 0;
}
