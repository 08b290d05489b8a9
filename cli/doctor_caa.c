/* doctor_caa.c: CAA records. */
#include "cli/doctor_caa.h"

#include <string.h>
#include <strings.h>

/* Does "letsencrypt.org; validationmethods=dns-01" name one of them? Without a domain nobody may.
 */
static bool
names_one(const char *value, const struct list *identities)
{
    size_t size = 0;

    value += strspn(value, " \t");
    size = strcspn(value, "; \t");
    for (size_t i = 0; i < identities->count; i++)
        if (size == strlen(identities->items[i]) &&
            strncasecmp(value, identities->items[i], size) == 0 && size > 0)
            return true;
    return false;
}

/* The value of a record with that tag; NULL. */
static const char *
value_of(const struct dns_record *r, const char *tag)
{
    size_t size = strlen(tag);

    return strncmp(r->data, tag, size) == 0 && r->data[size] == ' ' ? r->data + size + 1 : NULL;
}

/* With `tag`: are there such, and does one allow? */
static bool
allows(const struct dns_answer *answer, const char *tag, const struct list *identities, bool *any)
{
    bool allowed = false;
    const struct dns_record *r = NULL;
    size_t i = 0;

    *any = false;
    for (r = dns_next(answer, DNS_ANSWER, DNS_TYPE_CAA, &i); r != NULL;
         r = dns_next(answer, DNS_ANSWER, DNS_TYPE_CAA, &i)) {
        const char *value = value_of(r, tag);

        if (value == NULL)
            continue;
        *any = true;
        allowed = allowed || names_one(value, identities);
    }
    return allowed || !*any;
}

bool
doctor_caa_allows(const struct dns_answer *answer, bool is_wildcard, const struct list *identities,
                  bool *any)
{
    bool has_wild = false, ignored = false, wild = false;
    size_t i = 0;

    *any = dns_next(answer, DNS_ANSWER, DNS_TYPE_CAA, &i) != NULL;
    /* section 4.3: where there is an issuewild, issue does not count for wildcards */
    wild = allows(answer, "issuewild", identities, &has_wild);
    if (is_wildcard && has_wild)
        return wild;
    return allows(answer, "issue", identities, &ignored);
}
