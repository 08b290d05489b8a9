/* fuzz_option.c: any text as a value of each type. The first byte chooses the type. */
#include "tests/fuzz/fuzz.h"

#include "base/idn.h"
#include "base/option.h"

#include <string.h>

static const char *const words[] = {"acme", "files", NULL};

union field {
    char *text;
    struct list list;
    struct option_share share;
    int64_t number;
    bool truth;
    int word;
};

/* Names that were accepted are in their final form, and hosts can be split again. */
static void
judge(enum option_type type, const union field *f)
{
    struct err e = {0};

    for (size_t i = 0; type == OPTION_NAMES && i < f->list.count; i++) {
        own_mem char *again = NULL;

        MUST(idn_to_ascii(&again, f->list.items[i], &e));
        MUST(strcmp(again, f->list.items[i]) == 0);
    }
    for (size_t i = 0; type == OPTION_ENDPOINTS && i < f->list.count; i++) {
        own_mem char *host = NULL;
        int port = 0;

        MUST(option_parse_endpoint(&host, &port, f->list.items[i], 53));
        MUST(host[0] != '\0' && port >= 1 && port <= 65535);
    }
    if (type == OPTION_SPAN || type == OPTION_COUNT)
        MUST(f->number >= 0);
    if (type == OPTION_LIFETIME)
        MUST((f->share.span_s > 0) != (f->share.whole > 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[] = "name", nothing[] = "", kind[] = "kind";
    own_mem char *text = size < 2 ? NULL : strndup((const char *)data + 1, size - 1);
    struct conf_value value = {name, text, nothing, 1};
    struct conf_section s = {kind, nothing, nothing, 1, &value, 1};
    const struct option table[] = {
        {"name", (enum option_type)(size < 2 ? 0 : data[0] % (OPTION_WORD + 1)), 0, NULL, "", words,
         1, 100, true},
        {0},
    };
    union field f = {0};
    struct err e = {0};

    if (text == NULL)
        return 0;
    if (option_bind(&s, table, &f, &e))
        judge(table[0].type, &f);
    else
        MUST(e.code == ERR_CONFIG || e.code == ERR_INTERNAL);
    option_done(table, &f);
    return 0;
}
