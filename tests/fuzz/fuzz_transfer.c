/* fuzz_transfer.c: any bytes as an account's file: PEM with lines before it, or a JSON Web Key. */
#include "tests/fuzz/fuzz.h"

#include "acme/transfer.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    own_transfer struct transfer t = {0};
    own_str struct str text = {0};

    MUST(str_add(&text, data, size));
    if (transfer_read(&t, &text, &e))
        MUST(t.key != NULL && transfer_takes_key(t.key));
    else
        MUST(e.code == ERR_INPUT && e.text[0] != '\0');
    return 0;
}
