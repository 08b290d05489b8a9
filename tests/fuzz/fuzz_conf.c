/* fuzz_conf.c: any bytes as settings; what was read and written again is read the same. */
#include "tests/fuzz/fuzz.h"

#include "base/conf.h"

#include <string.h>

static bool
write_again(const struct conf *c, struct str *out)
{
    for (size_t i = 0; i < c->section_count; i++) {
        const struct conf_section *s = &c->sections[i];

        if (!str_addf(out, "[%s %s]\n", s->kind, s->name))
            return false;
        for (size_t j = 0; j < s->value_count; j++)
            /* no blank: a value may begin with '#' */
            if (strlen(s->values[j].name) + strlen(s->values[j].text) > 4000 ||
                !str_addf(out, "%s =%s\n", s->values[j].name, s->values[j].text))
                return false;
    }
    return true;
}

static void
compare(const struct conf *a, const struct conf *b)
{
    MUST(a->section_count == b->section_count);
    for (size_t i = 0; i < a->section_count; i++) {
        const struct conf_section *s = &a->sections[i];
        const struct conf_section *t = conf_find(b, s->kind, s->name);

        MUST(t != NULL && s->value_count == t->value_count);
        for (size_t j = 0; j < s->value_count; j++) {
            MUST(strcmp(s->values[j].name, t->values[j].name) == 0);
            MUST(strcmp(s->values[j].text, t->values[j].text) == 0);
            MUST(s->values[j].line > 0);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    own_conf struct conf first = {0};
    own_conf struct conf second = {0};
    own_str struct str text = {0};
    struct err e = {0};

    if (!conf_read_text(&first, "f", (const char *)data, size, &e)) {
        MUST(e.code == ERR_CONFIG && e.text[0] != '\0');
        return 0;
    }
    if (!write_again(&first, &text) || text.size == 0)
        return 0;
    MUST(conf_read_text(&second, "g", text.text, text.size, &e));
    compare(&first, &second);
    return 0;
}
