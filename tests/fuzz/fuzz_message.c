/* fuzz_message.c: what strangers say at the CA's socket, and what a stranger answers there; what is
 * accepted is said again and read the same. */
#include "tests/fuzz/fuzz.h"

#include "ca/message.h"

#include <string.h>

static void
question(const char *line, size_t size)
{
    own_ca_question struct ca_question q = {0}, again = {0};
    own_str struct str said = {0};
    struct err e = {0};

    if (!message_get_question(line, size, &q, &e)) {
        MUST(e.code == ERR_PROTOCOL && q.name == NULL);
        return;
    }
    MUST(q.name[0] != '\0' && q.request.size > 0);
    MUST(message_put_question(&q, &said, &e));
    MUST(message_get_question(said.text, said.size, &again, &e));
    MUST(strcmp(q.name, again.name) == 0 && q.request.size == again.request.size);
}

static void
answer(const char *line, size_t size)
{
    own_str struct str chain = {0}, said = {0}, again = {0};
    struct err e = {0};

    if (!message_get_answer(line, size, &chain, &e)) {
        MUST(e.code != ERR_NONE && chain.size == 0);
        return;
    }
    MUST(message_put_answer(&chain, NULL, &said, &e));
    MUST(message_get_answer(said.text, said.size, &again, &e));
    MUST(strcmp(chain.text, again.text) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    question((const char *)bytes, size);
    answer((const char *)bytes, size);
    return 0;
}
