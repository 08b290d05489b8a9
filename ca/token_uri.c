/* token_uri.c: which key of which token, as RFC 7512 writes it. */
#include "ca/token_uri.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "pkcs11:"
#define PRIVATE "type=private"

/* What a URI may say (RFC 7512 section 2.3), and what of it says which token or which key. */
/* clang-format off */
static const struct attribute {
    const char *name;
    bool is_token, is_key;
} attributes[] = {
    {"token",               true,  false},
    {"serial",              true,  false},
    {"slot-id",             true,  false},
    {"manufacturer",        false, false},
    {"model",               false, false},
    {"library-manufacturer", false, false},
    {"library-description", false, false},
    {"library-version",     false, false},
    {"slot-manufacturer",   false, false},
    {"slot-description",    false, false},
    {"object",              false, true},
    {"id",                  false, true},
    {"type",                false, false},
};
/* clang-format on */

static const struct attribute *
find_attribute(const char *text, size_t size)
{
    for (size_t i = 0; i < COUNT(attributes); i++)
        if (strlen(attributes[i].name) == size && strncmp(attributes[i].name, text, size) == 0)
            return &attributes[i];
    return NULL;
}

static bool
is_sound(const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isgraph((unsigned char)value[i]) || strchr("\"\\#?;", value[i]) != NULL ||
            (value[i] == '%' && (size - i < 3 || !isxdigit((unsigned char)value[i + 1]) ||
                                 !isxdigit((unsigned char)value[i + 2]))))
            return false;
    return size > 0;
}

/* One NAME=VALUE. The sentence does not repeat the value, which may be anything. */
static bool
check_attribute(const char *name, const char *text, size_t size, struct attribute *sum,
                struct err *e)
{
    const char *equals = memchr(text, '=', size);
    size_t name_size = equals == NULL ? size : (size_t)(equals - text);
    const struct attribute *known = find_attribute(text, name_size);

    if (known == NULL || equals == NULL)
        return err_set(e, ERR_CONFIG, "[ca] %s: '%.*s' is no attribute of a PKCS#11 URI", name,
                       (int)(name_size < 30 ? name_size : 30), text);
    if (!is_sound(equals + 1, size - name_size - 1))
        return err_set(e, ERR_CONFIG,
                       "[ca] %s: the value of '%s' is empty, or has a character that must be "
                       "written as %%XX",
                       name, known->name);
    if (strcmp(known->name, "type") == 0 &&
        (size != strlen(PRIVATE) || strncmp(text, PRIVATE, size) != 0))
        return err_set(e, ERR_CONFIG, "[ca] %s: it must name a private key: type=private", name);
    sum->is_token = sum->is_token || known->is_token;
    sum->is_key = sum->is_key || known->is_key;
    return true;
}

bool
token_uri_check(const char *name, const char *uri, struct err *e)
{
    struct attribute sum = {0};

    if (strncmp(uri, SCHEME, strlen(SCHEME)) != 0)
        return err_set(
            e, ERR_CONFIG,
            "[ca] %s is no PKCS#11 URI; it looks like this: pkcs11:token=TOKEN;object=%s", name,
            name);
    if (strstr(uri, "pin-value=") != NULL || strstr(uri, "pin-source=") != NULL)
        return err_set(e, ERR_CONFIG,
                       "[ca] %s: the PIN does not belong into the URI, but into a file of its own: "
                       "[ca] pin_file",
                       name);
    if (strchr(uri, '?') != NULL)
        return err_set(e, ERR_CONFIG,
                       "[ca] %s: what follows '?' is not read; the token's driver is set by: [ca] "
                       "pkcs11_module",
                       name);
    for (const char *at = uri + strlen(SCHEME); *at != '\0';) {
        size_t size = strcspn(at, ";");

        if (!check_attribute(name, at, size, &sum, e))
            return false;
        at += size + (at[size] == ';' ? 1 : 0);
    }
    if (!sum.is_token || !sum.is_key)
        return err_set(e, ERR_CONFIG, "[ca] %s does not say which %s; add: %s", name,
                       sum.is_token ? "key of the token" : "token",
                       sum.is_token ? "object=LABEL or id=%XX" : "token=LABEL or serial=NUMBER");
    return true;
}

char *
token_uri_private(const char *uri)
{
    bool has_type = strstr(uri, ":type=") != NULL || strstr(uri, ";type=") != NULL;

    return str_format("%s%s", uri, has_type ? "" : ";type=private");
}

char *
token_uri_of_token(const char *uri)
{
    own_str struct str whole = {0};
    bool good = str_add(&whole, SCHEME, strlen(SCHEME));

    for (const char *at = uri + strlen(SCHEME); good && *at != '\0';) {
        size_t size = strcspn(at, ";");
        const struct attribute *known = find_attribute(at, strcspn(at, "="));

        if (known != NULL && !known->is_key && strcmp(known->name, "type") != 0)
            good = str_add(&whole, at, size) && str_add(&whole, ";", 1);
        at += size + (at[size] == ';' ? 1 : 0);
    }
    if (!good)
        return NULL;
    if (whole.text[whole.size - 1] == ';')
        whole.text[--whole.size] = '\0';
    return str_take(&whole);
}

bool
token_uri_add_option(struct str *line, const char *uri, const char *attribute, const char *option)
{
    own_mem char *start = str_format("%s=", attribute);
    const char *at = uri + strlen(SCHEME);
    bool is_id = strcmp(attribute, "id") == 0;

    if (start == NULL)
        return false;
    while (*at != '\0' && strncmp(at, start, strlen(start)) != 0)
        at += strcspn(at, ";") + (at[strcspn(at, ";")] == ';' ? 1 : 0);
    if (*at == '\0')
        return true;
    at += strlen(start);
    if (!str_addf(line, " %s '", option))
        return false;
    while (*at != '\0' && *at != ';') {
        char digits[3] = {0};
        bool is_masked = *at == '%';

        if (is_masked)
            memcpy(digits, at + 1, 2);
        else
            str_hex(digits, (const unsigned char *)at, 1);
        if (is_id ? !str_addf(line, "%s", digits)
                  : !str_addf(line, "%c", is_masked ? (char)strtol(digits, NULL, 16) : *at))
            return false;
        at += is_masked ? 3 : 1;
    }
    return str_add(line, "'", 1);
}
