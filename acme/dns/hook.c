/* hook.c: what the providers that run programs share. */
#include "acme/dns/hook.h"

#include "base/b64url.h"
#include "base/file.h"
#include "base/run.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_MAX ((size_t)64 * 1024)
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS "0123456789"

/* ---- its settings ---- */

/* One line: changes it. */
static bool
add_setting(char *line, struct list *settings, struct list *secrets)
{
    char *value = strchr(line, '=');
    size_t name = strspn(line, LETTERS DIGITS);
    size_t size = 0;

    if (value == NULL || value != line + name || strchr(LETTERS, line[0]) == NULL || name == 0)
        return false;
    *value++ = '\0';
    size = strlen(value);
    if (size >= 2 && (value[0] == '"' || value[0] == '\'') && value[size - 1] == value[0]) {
        value[size - 1] = '\0';
        value++;
    }
    return run_set(settings, line, value) && list_add(secrets, value);
}

bool
hook_read_settings(const char *path, struct list *settings, struct list *secrets, struct err *e)
{
    own_str struct str text = {0};
    int number = 0;

    if (!file_read_secret(path, SETTINGS_MAX, &text, e))
        return false;
    if (text.size > 0 && strlen(text.text) != text.size)
        return err_set(e, ERR_CONFIG, "'%s' is not a text", path);
    for (char *at = text.text; at != NULL && *at != '\0';) {
        size_t size = strcspn(at, "\n");
        char *next = at[size] == '\0' ? at + size : at + size + 1;

        at[size] = '\0';
        if (size > 0 && at[size - 1] == '\r')
            at[size - 1] = '\0';
        number++;
        at += strspn(at, " \t");
        if (*at != '\0' && *at != '#' && !add_setting(at, settings, secrets))
            return err_set(e, ERR_CONFIG,
                           "%s, line %d: it must be NAME=value, with a name of letters, digits "
                           "and '_'",
                           path, number);
        at = next;
    }
    return true;
}

/* ---- the values of a record ---- */

static bool
is_name(const char *name)
{
    return name[0] != '\0' && name[0] != '-' && strlen(name) <= 255 &&
           strspn(name, LETTERS DIGITS "-.") == strlen(name);
}

/* RFC 8555 section 8.1 */
static bool
is_key_authorization(const char *text)
{
    own_mem char *copy = strdup(text);
    char *dot = copy == NULL ? NULL : strchr(copy, '.');

    if (dot == NULL)
        return false;
    *dot = '\0';
    return b64url_is(copy) && b64url_is(dot + 1);
}

bool
hook_check_record(const struct dns_txt *record, struct err *e)
{
    if (!is_name(record->fqdn) || (record->domain != NULL && !is_name(record->domain)))
        return err_set(e, ERR_PROTOCOL, "'%s' is no name to be given to a program", record->fqdn);
    if (!b64url_is(record->value) || (record->token != NULL && !b64url_is(record->token)) ||
        (record->key_authorization != NULL && !is_key_authorization(record->key_authorization)))
        return err_set(e, ERR_PROTOCOL, "what '%s' is to hold is not base64url", record->fqdn);
    return true;
}
