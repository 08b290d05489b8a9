/* san.c: the names of a subjectAltName. */
#include "base/san.h"

#include <arpa/inet.h>
#include <string.h>

/* Built from structs, not from OpenSSL's configuration text, in which a name could say more than
 * a name. */
static bool
add_value(GENERAL_NAMES *all, int type, const void *bytes, size_t size)
{
    GENERAL_NAME *one = GENERAL_NAME_new();
    ASN1_STRING *text =
        ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);

    if (one == NULL || text == NULL || ASN1_STRING_set(text, bytes, (int)size) != 1) {
        GENERAL_NAME_free(one);
        ASN1_STRING_free(text);
        return false;
    }
    GENERAL_NAME_set0_value(one, type, text);
    if (sk_GENERAL_NAME_push(all, one) <= 0) {
        GENERAL_NAME_free(one);
        return false;
    }
    return true;
}

static bool
add_name(GENERAL_NAMES *all, const char *name)
{
    unsigned char address[16];

    if (inet_pton(AF_INET, name, address) == 1)
        return add_value(all, GEN_IPADD, address, 4);
    if (inet_pton(AF_INET6, name, address) == 1)
        return add_value(all, GEN_IPADD, address, 16);
    return add_value(all, GEN_DNS, name, strlen(name));
}

GENERAL_NAMES *
san_make(const struct list *names)
{
    own_san GENERAL_NAMES *all = GENERAL_NAMES_new();

    for (size_t i = 0; all != NULL && i < names->count; i++)
        if (!add_name(all, names->items[i]))
            return NULL;
    return TAKE(all);
}

void
san_drop(GENERAL_NAMES **names)
{
    GENERAL_NAMES_free(*names);
}
