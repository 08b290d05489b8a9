/* fuzz_order.c: any JSON as an order; what is accepted is whole and reads the same again. */
#include "tests/fuzz/fuzz.h"

#include "acme/order.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct order o = {0};
    own_json struct json_t *object = json_decode((const char *)data, size, &e);

    if (object == NULL)
        return 0;
    for (int again = 0; again < 2; again++)
        if (order_fill(&o, object, &e)) {
            MUST(o.finalize != NULL && o.authorizations.count > 0);
            MUST(o.authorizations.count <= 200);
            MUST(o.status >= ORDER_PENDING && o.status <= ORDER_INVALID);
            MUST((o.error != NULL) == (json_member(object, "error") != NULL));
        } else {
            MUST(e.code == ERR_PROTOCOL);
        }
    MUST(o.url == NULL);
    order_done(&o);
    return 0;
}
