/* fuzz_pem.c: PEM from outside, as a chain and as a key. */
#include "tests/fuzz/fuzz.h"

#include "base/cert.h"
#include "base/key.h"

/* What can be read can be written, and is the same when read again. */
static void
chains(const char *text, size_t size)
{
    own_chain struct chain chain = {0};
    own_chain struct chain again = {0};
    own_str struct str pem = {0};
    own_list struct list names = {0};
    own_mem char *subject = NULL;
    struct err e = {0};

    if (!chain_from_pem(&chain, text, size, &e))
        return;
    MUST(chain_to_pem(&chain, &pem, &e));
    MUST(chain_from_pem(&again, pem.text, pem.size, &e));
    MUST(again.count == chain.count);
    subject = cert_subject(chain.certs[0]);
    if (cert_names(chain.certs[0], &names))
        (void)cert_covers(chain.certs[0], "db.example.org");
    (void)cert_not_after(chain.certs[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    own_pkey EVP_PKEY *key = NULL;
    struct err e = {0};

    chains((const char *)bytes, size);
    key = key_from_pem((const char *)bytes, size, &e);
    return 0;
}
