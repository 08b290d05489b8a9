/* profile.c: the profiles in the directory's meta. */
#include "acme/profile.h"

#include <string.h>

/* The names in "profiles", as many as a sentence can hold. */
static bool
list_names(const struct json_t *profiles, struct list *names)
{
    void *cursor = NULL;
    const char *name = NULL;
    const struct json_t *value = NULL;

    while (names->count < 20 && json_each(profiles, &cursor, &name, &value))
        if (!list_add(names, name))
            return false;
    return true;
}

static const char *
name_of(const void *table, size_t i)
{
    return ((const struct list *)table)->items[i];
}

/* Says which profiles there are. */
static bool
tell_missing(const struct json_t *profiles, const char *wanted, struct err *e)
{
    own_list struct list names = {0};
    own_str struct str text = {0};
    const char *near = NULL;

    if (!list_names(profiles, &names))
        return err_memory(e);
    if (names.count == 0)
        return err_set(e, ERR_CONFIG,
                       "profile = %s: this issuer has no profiles; remove the setting", wanted);
    for (size_t i = 0; i < names.count; i++)
        if (!str_addf(&text, "%s%s", i > 0 ? " " : "", names.items[i]))
            return err_memory(e);
    near = str_nearest(wanted, name_of, &names, names.count);
    return err_set(e, ERR_CONFIG,
                   "profile = %s: this issuer has no such profile; there are: %s%s%s%s", wanted,
                   text.text, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                   near != NULL ? "'?" : "");
}

bool
profile_check(struct client *c, const struct acme_issuer *issuer, struct err *e)
{
    const struct json_t *meta = NULL;

    if (issuer->profile == NULL)
        return true;
    meta = client_meta(c, e);
    if (meta == NULL)
        return false;
    if (json_member(json_member(meta, "profiles"), issuer->profile) != NULL)
        return true;
    /* it may be newer than the directory that we remember */
    if (!client_refresh(c, e))
        return false;
    meta = client_meta(c, e);
    if (meta == NULL)
        return false;
    return json_member(json_member(meta, "profiles"), issuer->profile) != NULL ||
           tell_missing(json_member(meta, "profiles"), issuer->profile, e);
}

bool
profile_same(const struct acme_issuer *issuer, const struct json_t *saved)
{
    const char *had = json_member_text(saved, "profile");

    if (had == NULL || issuer->profile == NULL)
        return had == issuer->profile;
    return strcmp(had, issuer->profile) == 0;
}
