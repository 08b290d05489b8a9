/* fuzz_awskey.c: any bytes as a credentials file; what is read can stand in a header line. */
#include "tests/fuzz/fuzz.h"

#include "acme/awskey.h"

#include <string.h>

static void
check(const struct str *s)
{
    for (size_t i = 0; i < s->size; i++)
        MUST(s->text[i] > ' ' && s->text[i] < 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct awskey k = {0};
    struct err e = {0};
    char *text = malloc(size + 1);

    MUST(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (awskey_read_text(&k, "file", "default", text, &e)) {
        MUST(k.id.size > 0 && k.secret.size > 0 && k.expires_at_s == 0);
        check(&k.id);
        check(&k.secret);
        check(&k.token);
    } else {
        MUST(e.code == ERR_CONFIG);
    }
    awskey_done(&k);
    free(text);
    return 0;
}
