/* link.c: <URL>;rel="alternate", <URL>;rel=... */
#include "acme/link.h"

#include "base/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SPACE " \t"

/* Is the word in a list of relations, which white space separates (RFC 8288 section 3.3)? */
static bool
has_word(const char *text, size_t size, const char *word)
{
    while (size > 0) {
        size_t length = 0;

        while (length < size && strchr(SPACE, text[length]) == NULL)
            length++;
        if (length == strlen(word) && strncasecmp(text, word, length) == 0)
            return true;
        text += length < size ? length + 1 : length;
        size -= length < size ? length + 1 : length;
    }
    return false;
}

/* The end of a value at `p`, quoted or not; its text is from *text on. */
static const char *
value_end(const char *p, const char **text, size_t *size)
{
    bool quoted = *p == '"';

    if (quoted)
        p++;
    *text = p;
    *size = strcspn(p, quoted ? "\"" : ";, \t");
    p += *size;
    return quoted && *p == '"' ? p + 1 : p;
}

/* Reads the parameters after a target; returns where they end: at a comma or the end. *is_it: it
 * has the relation. */
static const char *
read_parameters(const char *p, const char *relation, bool *is_it)
{
    bool has_rel = false;

    for (;;) {
        const char *text = NULL;
        size_t name = 0, size = 0;

        p += strspn(p, SPACE ";");
        if (*p == '\0' || *p == ',')
            return p;
        name = strcspn(p, "=;, \t");
        text = p;
        p += name;
        p += strspn(p, SPACE);
        if (*p != '=') {
            p += name == 0 ? 1 : 0; /* junk: never stand still */
            continue;
        }
        p++;
        p += strspn(p, SPACE);
        if (name == 3 && strncasecmp(text, "rel", 3) == 0 && !has_rel) {
            has_rel = true; /* RFC 8288 section 3.3: only the first one counts */
            p = value_end(p, &text, &size);
            *is_it = has_word(text, size, relation);
        } else {
            p = value_end(p, &text, &size);
        }
    }
}

/* An absolute URL; NULL with *good true for what is not one that we ask. */
static char *
absolute(const char *target, size_t size, const char *base_url, bool *good)
{
    size_t origin = strlen("https://");
    char *url = NULL;

    *good = true;
    if (size > 8 && strncasecmp(target, "https://", 8) == 0)
        url = strndup(target, size);
    else if (size > 1 && target[0] == '/' && target[1] != '/' &&
             strncasecmp(base_url, "https://", origin) == 0)
        url = str_format("%.*s%.*s", (int)(origin + strcspn(base_url + origin, "/?#")), base_url,
                         (int)size, target);
    else
        return NULL;
    *good = url != NULL;
    return url;
}

bool
link_add(struct list *urls, const char *value, const char *relation, const char *base_url)
{
    const char *p = value;

    while (urls->count < LINK_MAX && (p = strchr(p, '<')) != NULL) {
        const char *target = p + 1;
        size_t size = strcspn(target, ">");
        bool is_it = false, good = true;
        own_mem char *url = NULL;

        if (target[size] == '\0')
            return true;
        p = read_parameters(target + size + 1, relation, &is_it);
        if (!is_it)
            continue;
        url = absolute(target, size, base_url, &good);
        if (!good ||
            (url != NULL && http_is_https(url) && !list_has(urls, url) && !list_add(urls, url)))
            return false;
    }
    return true;
}
