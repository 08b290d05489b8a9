/* fuzz_xml.c: any bytes as a service's answer in XML; a tree that is written is read the same. */
#include "tests/fuzz/fuzz.h"

#include "base/xml.h"

#include <string.h>

/* Writes what can be seen of an element; attributes cannot be listed. */
static void
write_element(struct str *out, const struct xml *x)
{
    MUST(str_addf(out, "<%s>", xml_name(x)));
    MUST(xml_escape(out, xml_text(x)));
    for (const struct xml *child = xml_child(x, NULL); child != NULL; child = xml_next(child, NULL))
        write_element(out, child);
    MUST(str_addf(out, "</%s>", xml_name(x)));
    MUST(xml_attribute(x, "no such attribute") == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    own_xml struct xml *first = NULL;
    own_xml struct xml *second = NULL;
    own_str struct str text = {0};
    own_str struct str again = {0};
    struct err e = {0};

    first = xml_decode((const char *)data, size, &e);
    if (first == NULL) {
        MUST(e.code == ERR_PROTOCOL);
        return 0;
    }
    write_element(&text, first);
    second = xml_decode(text.text, text.size, &e);
    MUST(second != NULL || text.size > (size_t)1024 * 1024);
    if (second == NULL)
        return 0;
    write_element(&again, second);
    MUST(text.size == again.size && memcmp(text.text, again.text, text.size) == 0);
    return 0;
}
