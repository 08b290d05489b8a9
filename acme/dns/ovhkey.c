/* ovhkey.c: ovh.conf is an INI file: [SECTION], NAME = VALUE or NAME: VALUE, comments in lines of
 * their own. */
#include "acme/dns/ovhkey.h"

#include "base/file.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#define STANDARD "ovh-eu"
#define SHA1_SIZE 20

/* Source: github.com/ovh/python-ovh, ovh/client.py */
static const struct {
    const char *name;
    const char *url;
} endpoints[] = {
    {"ovh-eu", "https://eu.api.ovh.com/1.0"},
    {"ovh-ca", "https://ca.api.ovh.com/1.0"},
    {"ovh-us", "https://api.us.ovhcloud.com/1.0"},
    {"kimsufi-eu", "https://eu.api.kimsufi.com/1.0"},
    {"kimsufi-ca", "https://ca.api.kimsufi.com/1.0"},
    {"soyoustart-eu", "https://eu.api.soyoustart.com/1.0"},
    {"soyoustart-ca", "https://ca.api.soyoustart.com/1.0"},
};

/* ------------------------------------------------------------------ the file */

/* A part of the text, not NUL-ended: there are no copies of keys to be wiped. */
struct span {
    const char *text;
    size_t size;
};

/* One line, cut up. */
struct line {
    bool is_section;
    struct span name; /* of the section or the value; size 0: nothing is in the line */
    struct span value;
};

static struct span
trim(const char *text, size_t size)
{
    for (; size > 0 && isspace((unsigned char)*text); text++)
        size--;
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        size--;
    return (struct span){text, size};
}

static bool
is_word(struct span s, const char *word)
{
    return s.size == strlen(word) && memcmp(s.text, word, s.size) == 0;
}

/* False: it is none of what may stand there. */
static bool
cut_up(struct line *line, const char *text, size_t size)
{
    struct span whole = trim(text, size);
    size_t at = 0;

    *line = (struct line){.is_section = false};
    if (memchr(text, '\0', size) != NULL)
        return false;
    if (whole.size == 0 || whole.text[0] == '#' || whole.text[0] == ';')
        return true;
    if (whole.text[0] == '[') {
        line->is_section = true;
        line->name = trim(whole.text + 1, whole.size >= 2 ? whole.size - 2 : 0);
        return whole.text[whole.size - 1] == ']' && line->name.size > 0;
    }
    while (at < whole.size && whole.text[at] != '=' && whole.text[at] != ':')
        at++;
    if (at == whole.size)
        return false;
    line->name = trim(whole.text, at);
    line->value = trim(whole.text + at + 1, whole.size - at - 1);
    return line->name.size > 0;
}

/* The value of a section, the last one of that name; size 0: there is none. Names have no case. */
static struct span
find(struct span text, const char *section, const char *name)
{
    struct span found = {"", 0};
    bool is_there = false;

    for (size_t at = 0; at < text.size;) {
        const char *end = memchr(text.text + at, '\n', text.size - at);
        size_t size = end == NULL ? text.size - at : (size_t)(end - text.text) - at;
        struct line line;

        if (cut_up(&line, text.text + at, size) && line.name.size > 0) {
            if (line.is_section)
                is_there = is_word(line.name, section);
            else if (is_there && line.name.size == strlen(name) &&
                     strncasecmp(line.name.text, name, line.name.size) == 0)
                found = line.value;
        }
        at += size + 1;
    }
    return found;
}

static bool
check_lines(struct span text, const char *label, struct err *e)
{
    int number = 1;

    for (size_t at = 0; at < text.size; number++) {
        const char *end = memchr(text.text + at, '\n', text.size - at);
        size_t size = end == NULL ? text.size - at : (size_t)(end - text.text) - at;
        struct line line;

        if (!cut_up(&line, text.text + at, size))
            return err_set(e, ERR_CONFIG, "%s, line %d: is neither [SECTION] nor NAME = VALUE",
                           label, number);
        at += size + 1;
    }
    return true;
}

/* ------------------------------------------------------------------ keys */

/* Which section has the keys; *url is found on the way unless it was said. */
static bool
find_section(struct span text, const char *label, const char **url, struct str *section,
             struct err *e)
{
    struct span named = find(text, "default", "endpoint");

    for (size_t i = 0; i < COUNT(endpoints) && *url != NULL; i++)
        if (strcmp(endpoints[i].url, *url) == 0)
            return str_addf(section, "%s", endpoints[i].name) || err_memory(e);
    if (!str_add(section, named.text, named.size) ||
        (named.size == 0 && !str_addf(section, STANDARD)))
        return err_memory(e);
    for (size_t i = 0; i < COUNT(endpoints) && *url == NULL; i++)
        if (strcmp(endpoints[i].name, section->text) == 0)
            *url = endpoints[i].url;
    if (*url == NULL && strncmp(section->text, "https://", 8) == 0)
        *url = section->text;
    return *url != NULL ||
           err_set(e, ERR_CONFIG,
                   "%s: endpoint '%s' is not known; try: ovh-eu, ovh-ca, ovh-us, or set "
                   "'endpoint' to its URL",
                   label, section->text);
}

static bool
take_key(struct span text, const char *label, const char *section, const char *name,
         struct str *out, struct err *e)
{
    struct span found = find(text, section, name);

    /* it goes into a header */
    for (size_t i = 0; i < found.size; i++)
        if (!isgraph((unsigned char)found.text[i]))
            return err_set(e, ERR_CONFIG, "%s: %s in [%s] is not a key", label, name, section);
    if (found.size == 0)
        return err_set(e, ERR_CONFIG, "%s: there is no %s in [%s]%s", label, name, section,
                       find(text, section, "client_id").size > 0
                           ? "; what is there, client_id and client_secret, will not do"
                           : "");
    return str_add(out, found.text, found.size) || err_memory(e);
}

bool
ovh_key_parse(struct ovh_key *key, const char *label, const char *text, size_t size,
              const char *url, struct err *e)
{
    struct span whole = {text, size};
    own_str struct str section = {0};
    const char *name = NULL;

    if (!check_lines(whole, label, e) || !find_section(whole, label, &url, &section, e))
        return false;
    name = section.text;
    key->url = strdup(url);
    if (key->url == NULL)
        return err_memory(e);
    return take_key(whole, label, name, "application_key", &key->application_key, e) &&
           take_key(whole, label, name, "application_secret", &key->application_secret, e) &&
           take_key(whole, label, name, "consumer_key", &key->consumer_key, e);
}

bool
ovh_key_read(struct ovh_key *key, const char *path, const char *url, struct err *e)
{
    own_str struct str text = {0};

    if (!file_read_secret(path, OVH_KEY_FILE_MAX, &text, e))
        return false;
    return ovh_key_parse(key, path, text.size == 0 ? "" : text.text, text.size, url, e);
}

/* ------------------------------------------------------------------ signing */

bool
ovh_key_sign(const struct ovh_key *key, const char *method, const char *url, const char *body,
             int64_t at_s, char signature[static OVH_KEY_SIGNATURE_SIZE], struct err *e)
{
    own_str struct str text = {0};
    unsigned char digest[SHA1_SIZE];
    char hex[2 * SHA1_SIZE + 1];

    if (!str_addf(&text, "%s+%s+%s+%s+%s+%" PRId64, key->application_secret.text,
                  key->consumer_key.text, method, url, body == NULL ? "" : body, at_s))
        return err_memory(e);
    if (EVP_Digest(text.text, text.size, digest, NULL, EVP_sha1(), NULL) != 1)
        return err_crypto(e, "make a SHA-1 digest");
    str_hex(hex, digest, sizeof(digest));
    (void)snprintf(signature, OVH_KEY_SIGNATURE_SIZE, "$1$%s", hex);
    return true;
}

void
ovh_key_done(struct ovh_key *key)
{
    free(key->url);
    str_done(&key->application_key);
    str_done(&key->application_secret);
    str_done(&key->consumer_key);
    *key = (struct ovh_key){0};
}
