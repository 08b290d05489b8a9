/* fuzz_configobj.c: any bytes as a file of certbot's. */
#include "tests/fuzz/fuzz.h"

#include "base/conf.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    own_conf struct conf conf = {0};
    struct err e = {0};

    if (!conf_read_foreign(&conf, "f", (const char *)data, size, &e)) {
        MUST(e.code == ERR_CONFIG && e.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < conf.section_count; i++)
        for (size_t v = 0; v < conf.sections[i].value_count; v++) {
            const struct conf_value *value = &conf.sections[i].values[v];

            MUST(value->name[0] != '\0' && value->line > 0);
            MUST(strpbrk(value->text, "\r\n") == NULL);
        }
    return 0;
}
