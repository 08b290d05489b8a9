/* option_value.c: what each type of value may look like. */
#include "base/option_value.h"

#include "base/idn.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_SIZE_MAX 254 /* a DNS name as text with its final dot, RFC 1035 section 2.3.4 */
#define SPAN_MAX_S (INT64_C(100) * 365 * 86400)

#define DIGITS "0123456789"
#define LETTERS_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS

/* ---- numbers and spans ---- */

/* A whole number in decimal without sign, at its end *rest; false when there is none or it is too
 * large to be any setting. */
static bool
parse_number(int64_t *number, const char *text, const char **rest)
{
    size_t size = strspn(text, DIGITS);

    if (size == 0 || size > 15)
        return false;
    *number = 0;
    for (size_t i = 0; i < size; i++)
        *number = *number * 10 + (text[i] - '0');
    *rest = text + size;
    return true;
}

static bool
parse_span(int64_t *span_s, const char *text)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {
        {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}, {"y", 365 * 86400},
    };
    const char *unit = NULL;
    int64_t number = 0;

    if (!parse_number(&number, text, &unit))
        return false;
    if (number == 0 && *unit == '\0') {
        *span_s = 0;
        return true;
    }
    unit += strspn(unit, " \t");
    for (size_t i = 0; i < COUNT(units); i++)
        if (strcmp(unit, units[i].unit) == 0 && number <= SPAN_MAX_S / units[i].seconds) {
            *span_s = number * units[i].seconds;
            return true;
        }
    return false;
}

bool
option_parse_share(struct option_share *share, const char *text)
{
    const char *rest = NULL;
    int64_t part = 0;
    int64_t whole = 0;
    int64_t span_s = 0;

    if (parse_span(&span_s, text)) {
        *share = (struct option_share){.span_s = span_s};
        return span_s > 0;
    }
    if (!parse_number(&part, text, &rest))
        return false;
    rest += strspn(rest, " \t");
    if (*rest != '/')
        return false;
    rest += 1 + strspn(rest + 1, " \t");
    if (!parse_number(&whole, rest, &rest) || *rest != '\0')
        return false;
    if (part <= 0 || part >= whole || whole > 1000)
        return false;
    *share = (struct option_share){.part = (int)part, .whole = (int)whole};
    return true;
}

/* ---- hosts ---- */

static bool
is_host_v6(const char *host)
{
    const char *zone = strchr(host, '%');
    own_mem char *address = zone == NULL ? strdup(host) : strndup(host, (size_t)(zone - host));
    struct in6_addr ignored;

    if (address == NULL || inet_pton(AF_INET6, address, &ignored) != 1)
        return false;
    return zone == NULL ||
           (zone[1] != '\0' && strlen(zone + 1) == strspn(zone + 1, LETTERS_DIGITS "._-"));
}

/* A name (also one with '_', or with a final dot) or an IPv4 address. */
static bool
is_host(const char *host)
{
    size_t size = strlen(host);
    struct in_addr ignored;

    if (size == 0 || size > HOST_SIZE_MAX || host[0] == '.' || strstr(host, "..") != NULL)
        return false;
    if (strspn(host, DIGITS ".") == size)
        return inet_pton(AF_INET, host, &ignored) == 1;
    return host[0] != '-' && strspn(host, LETTERS_DIGITS "._-") == size;
}

static bool
parse_port(int *port, const char *text)
{
    const char *rest = NULL;
    int64_t number = 0;

    if (!parse_number(&number, text, &rest) || *rest != '\0' || number < 1 || number > 65535)
        return false;
    *port = (int)number;
    return true;
}

bool
option_parse_endpoint(char **host, int *port, const char *text, int standard)
{
    bool is_v6 = text[0] == '[';
    const char *start = is_v6 ? text + 1 : text;
    size_t size = strcspn(start, is_v6 ? "]" : ":");
    const char *after = start + size;
    own_mem char *found = strndup(start, size);
    int found_port = standard;

    if (found == NULL || !(is_v6 ? is_host_v6(found) : is_host(found)))
        return false;
    if (is_v6 && *after++ != ']')
        return false;
    if (*after != '\0' && (*after != ':' || !parse_port(&found_port, after + 1)))
        return false;
    *host = TAKE(found);
    *port = found_port;
    return true;
}

/* ---- one function for each type of value; `why` is the end of a sentence ---- */

typedef bool parse_value(const struct option *o, const char *text, void *field, struct err *why);

static bool
set_string(void *field, const char *text, struct err *why)
{
    char *copy = strdup(text);

    if (copy == NULL)
        return err_memory(why);
    memcpy(field, &copy, sizeof(copy));
    return true;
}

static bool
parse_text(const struct option *o, const char *text, void *field, struct err *why)
{
    (void)o;
    return set_string(field, text, why);
}

static bool
is_credential(const char *text)
{
    static const char word[] = "credential:";
    const char *name = text + sizeof(word) - 1;

    return strncmp(text, word, sizeof(word) - 1) == 0 && name[0] != '\0' && name[0] != '.' &&
           strchr(name, '/') == NULL;
}

static bool
parse_path(const struct option *o, const char *text, void *field, struct err *why)
{
    (void)o;
    if (text[0] != '/' && !is_credential(text))
        return err_set(why, ERR_CONFIG, "'%s' is not an absolute path (/...), nor credential:NAME",
                       text);
    return set_string(field, text, why);
}

static bool
parse_file_name(const struct option *o, const char *text, void *field, struct err *why)
{
    (void)o;
    if (text[0] != '/' &&
        (strchr(text, '/') != NULL || strcmp(text, ".") == 0 || strcmp(text, "..") == 0))
        return err_set(why, ERR_CONFIG,
                       "'%s' is neither an absolute path (/...) nor a name without '/'", text);
    if (text[strlen(text) - 1] == '/')
        return err_set(why, ERR_CONFIG, "'%s' names a directory, not a file", text);
    return set_string(field, text, why);
}

static bool
parse_url(const struct option *o, const char *text, void *field, struct err *why)
{
    static const char https[] = "https://";
    const char *start = text + sizeof(https) - 1;
    own_mem char *authority = NULL;
    own_mem char *host = NULL;
    int port = 0;

    (void)o;
    if (strncmp(text, https, sizeof(https) - 1) != 0)
        return err_set(why, ERR_CONFIG, "'%s' is not a URL that begins with https://", text);
    authority = strndup(start, strcspn(start, "/?#"));
    if (authority == NULL)
        return err_memory(why);
    if (!option_parse_endpoint(&host, &port, authority, 443))
        return err_set(why, ERR_CONFIG, "'%s' has no HOST or HOST:PORT after https://", text);
    for (const char *c = start; *c != '\0'; c++)
        if (*c <= 0x20 || *c > 0x7e || *c == '#')
            return err_set(why, ERR_CONFIG, "'%s' holds '%c', which no such URL does", text, *c);
    return set_string(field, text, why);
}

static bool
parse_list(const struct option *o, const char *text, void *field, struct err *why)
{
    (void)o;
    return list_add_words(field, text) || err_memory(why);
}

static bool
parse_names(const struct option *o, const char *text, void *field, struct err *why)
{
    own_list struct list written = {0};
    struct list *names = field;

    if (!parse_list(o, text, &written, why))
        return false;
    for (size_t i = 0; i < written.count; i++) {
        own_mem char *name = NULL;

        if (!idn_to_ascii(&name, written.items[i], why))
            return false;
        if (!list_has(names, name) && !list_add(names, name))
            return err_memory(why);
    }
    return true;
}

static bool
parse_endpoints(const struct option *o, const char *text, void *field, struct err *why)
{
    struct list *list = field;

    if (!parse_list(o, text, field, why))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        own_mem char *host = NULL;
        int port = 0;

        if (!option_parse_endpoint(&host, &port, list->items[i], 0))
            return err_set(why, ERR_CONFIG, "'%s' is not HOST, HOST:PORT, [V6] or [V6]:PORT",
                           list->items[i]);
    }
    return true;
}

/* Unlike a lifetime, where "30" is more likely to be meant as days, it may be a bare number. */
static bool
parse_seconds(const struct option *o, const char *text, void *field, struct err *why)
{
    bool is_bare = text[strspn(text, DIGITS)] == '\0';
    own_mem char *with_unit = str_format("%s%s", text, is_bare ? "s" : "");
    int64_t span_s = 0;

    (void)o;
    if (with_unit == NULL)
        return err_memory(why);
    if (!parse_span(&span_s, with_unit))
        return err_set(why, ERR_CONFIG, "'%s' is not a time; write it like 30s 10min 12h 30d 10y",
                       text);
    memcpy(field, &span_s, sizeof(span_s));
    return true;
}

static bool
parse_lifetime(const struct option *o, const char *text, void *field, struct err *why)
{
    struct option_share share = {0};

    (void)o;
    if (!option_parse_share(&share, text))
        return err_set(why, ERR_CONFIG,
                       "'%s' is neither a time like 30d nor a share of the lifetime like 1/3",
                       text);
    memcpy(field, &share, sizeof(share));
    return true;
}

static bool
parse_count(const struct option *o, const char *text, void *field, struct err *why)
{
    const char *rest = text;
    int64_t number = 0;

    if (!parse_number(&number, text, &rest) || *rest != '\0' || number < o->least ||
        number > o->most)
        return err_set(why, ERR_CONFIG, "'%s' is not a whole number from %lld to %lld", text,
                       (long long)o->least, (long long)o->most);
    memcpy(field, &number, sizeof(number));
    return true;
}

static bool
parse_yes_no(const struct option *o, const char *text, void *field, struct err *why)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

    (void)o;
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcasecmp(text, words[i]) == 0) {
            bool truth = i % 2 == 1;

            memcpy(field, &truth, sizeof(truth));
            return true;
        }
    return err_set(why, ERR_CONFIG, "'%s' is neither yes nor no", text);
}

static const char *
word_at(const void *table, size_t i)
{
    const char *const *words = table;

    return words[i];
}

static bool
parse_word(const struct option *o, const char *text, void *field, struct err *why)
{
    own_str struct str known = {0};
    const char *nearest = NULL;
    int index = 0;

    for (; o->words[index] != NULL; index++) {
        if (strcmp(text, o->words[index]) == 0) {
            memcpy(field, &index, sizeof(index));
            return true;
        }
        if (!str_addf(&known, " %s", o->words[index]))
            return err_memory(why);
    }
    nearest = str_nearest(text, word_at, o->words, (size_t)index);
    if (nearest != NULL)
        return err_set(why, ERR_CONFIG, "'%s' is not known; did you mean '%s'? There are:%s", text,
                       nearest, known.text);
    return err_set(why, ERR_CONFIG, "'%s' is not known; there are:%s", text, known.text);
}

static void
free_string(void *field)
{
    own_mem char *text = NULL;

    memcpy(&text, field, sizeof(text));
}

static void
free_list(void *field)
{
    list_done(field);
}

static void
free_nothing(void *field)
{
    (void)field;
}

/* clang-format off */
static const struct {
    parse_value *parse;
    void (*free)(void *field);
    size_t size;     /* of the field */
    bool can_be_empty;
} types[] = {
    [OPTION_TEXT]      = {parse_text,      free_string,  sizeof(char *),              true},
    [OPTION_PATH]      = {parse_path,      free_string,  sizeof(char *),              true},
    [OPTION_FILE_NAME] = {parse_file_name, free_string,  sizeof(char *),              true},
    [OPTION_URL]       = {parse_url,       free_string,  sizeof(char *),              true},
    [OPTION_LIST]      = {parse_list,      free_list,    sizeof(struct list),         true},
    [OPTION_NAMES]     = {parse_names,     free_list,    sizeof(struct list),         true},
    [OPTION_ENDPOINTS] = {parse_endpoints, free_list,    sizeof(struct list),         true},
    [OPTION_SPAN]      = {parse_seconds,   free_nothing, sizeof(int64_t),             false},
    [OPTION_LIFETIME]  = {parse_lifetime,  free_nothing, sizeof(struct option_share), false},
    [OPTION_COUNT]     = {parse_count,     free_nothing, sizeof(int64_t),             false},
    [OPTION_YES_NO]    = {parse_yes_no,    free_nothing, sizeof(bool),                false},
    [OPTION_WORD]      = {parse_word,      free_nothing, sizeof(int),                 false},
};
/* clang-format on */

bool
option_value_set(const struct option *o, const char *text, void *field, struct err *why)
{
    return types[o->type].parse(o, text, field, why);
}

bool
option_value_can_be_empty(const struct option *o)
{
    return types[o->type].can_be_empty;
}

void
option_value_free(const struct option *o, void *field)
{
    types[o->type].free(field);
    memset(field, 0, types[o->type].size);
}
