/* idn.c: check DNS names and make A-labels of them with libidn2. */
#include "base/idn.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <idn2.h>

#define NAME_SIZE_MAX 253 /* RFC 1035 section 2.3.4, as text without the final dot */
#define LABEL_SIZE_MAX 63

static bool
is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* True when a label is an A-label, or claims to be. */
static bool
has_a_label(const char *name)
{
    for (const char *label = name;; label++) {
        if (strncasecmp(label, "xn--", 4) == 0)
            return true;
        label += strcspn(label, ".");
        if (*label == '\0')
            return false;
    }
}

/* Lower case, and A-labels for what is not ASCII. Plain names do without libidn2, which would
 * forbid "--" in the third place, although such names exist. */
static bool
convert(char **ascii, const char *name, struct err *e)
{
    char *made = NULL;
    int code = 0;

    if (is_ascii(name) && !has_a_label(name)) {
        *ascii = strdup(name);
        if (*ascii == NULL)
            return err_memory(e);
        for (char *c = *ascii; *c != '\0'; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
        return true;
    }
    code = idn2_to_ascii_8z(name, &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (code == IDN2_MALLOC)
        return err_memory(e);
    if (code != IDN2_OK || made == NULL)
        return err_set(e, ERR_CONFIG, "'%s' is not a DNS name: %s", name, idn2_strerror(code));
    *ascii = made;
    return true;
}

static bool
check_label(const char *label, size_t size, const char *name, struct err *e)
{
    if (size == 0)
        return err_set(e, ERR_CONFIG, "'%s' has an empty label (two dots, or one in front)", name);
    if (size > LABEL_SIZE_MAX)
        return err_set(e, ERR_CONFIG, "'%s' has a label longer than %d characters", name,
                       LABEL_SIZE_MAX);
    if (label[0] == '-' || label[size - 1] == '-')
        return err_set(e, ERR_CONFIG, "'%s' has a label that begins or ends with '-'", name);
    for (size_t i = 0; i < size; i++) {
        if (label[i] == '*')
            return err_set(e, ERR_CONFIG, "'%s' has a '*' elsewhere than as its whole first label",
                           name);
        if (label[i] == '_')
            return err_set(e, ERR_CONFIG, "'%s' has a '_', which no certificate may name", name);
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", label[i]) == NULL)
            return err_set(e, ERR_CONFIG,
                           "'%s' holds '%c'; a DNS name has letters, digits, '-' and dots", name,
                           label[i]);
    }
    return true;
}

/* The whole name in its final form; `written` is for the sentence. */
static bool
check_name(const char *name, const char *written, struct err *e)
{
    bool is_wildcard = strncmp(name, "*.", 2) == 0;
    const char *label = is_wildcard ? name + 2 : name;
    const char *last = label;

    if (strlen(name) > NAME_SIZE_MAX)
        return err_set(e, ERR_CONFIG, "'%.60s...' is longer than the %d characters of a DNS name",
                       written, NAME_SIZE_MAX);
    if (strchr(name, ':') != NULL)
        return err_set(e, ERR_CONFIG, "'%s' is an address or has a port; write a DNS name alone",
                       written);
    for (size_t size = strcspn(label, ".");; size = strcspn(label, ".")) {
        if (!check_label(label, size, written, e))
            return false;
        last = label;
        if (label[size] == '\0')
            break;
        label += size + 1;
    }
    /* no top-level domain is a number: it would read as an address (WHATWG URL, ends-in-a-number)
     */
    if (strspn(last, "0123456789") == strlen(last))
        return err_set(e, ERR_CONFIG, "'%s' looks like an address; write a DNS name", written);
    return true;
}

bool
idn_to_ascii(char **ascii, const char *name, struct err *e)
{
    size_t front = strncmp(name, "*.", 2) == 0 ? 2 : 0; /* libidn2 forbids '*' */
    own_mem char *base = NULL;
    own_mem char *whole = NULL;
    size_t size = 0;

    if (!convert(&base, name + front, e))
        return false;
    size = strlen(base);
    if (size > 0 && base[size - 1] == '.')
        base[size - 1] = '\0';
    whole = str_format("%.*s%s", (int)front, name, base);
    if (whole == NULL)
        return err_memory(e);
    if (!check_name(whole, name, e))
        return false;
    *ascii = TAKE(whole);
    return true;
}

const char *
idn_library(void)
{
    return idn2_check_version(NULL);
}
