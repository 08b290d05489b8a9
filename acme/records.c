/* records.c: published records and their journal. */
#include "acme/records.h"

#include "base/file.h"
#include "base/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static bool
has(const struct records *all, const char *fqdn, const char *value)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->items[i].fqdn, fqdn) == 0 && strcmp(all->items[i].value, value) == 0)
            return true;
    return false;
}

bool
records_add(struct records *all, const char *fqdn, const char *value)
{
    struct dns_txt *items = NULL;
    own_mem char *fqdn_copy = strdup(fqdn);
    own_mem char *value_copy = strdup(value);

    if (has(all, fqdn, value))
        return true;
    items = realloc(all->items, (all->count + 1) * sizeof(*items));
    if (items == NULL)
        return false;
    all->items = items;
    if (fqdn_copy == NULL || value_copy == NULL)
        return false;
    items[all->count++] = (struct dns_txt){TAKE(fqdn_copy), TAKE(value_copy)};
    return true;
}

static bool
write_journal(const struct records *all, const struct dns *dns, const char *path, struct err *e)
{
    own_json struct json_t *journal = json_new_object();
    own_json struct json_t *array = json_new_array();

    if (journal == NULL || array == NULL)
        return err_memory(e);
    for (size_t i = 0; i < all->count; i++) {
        struct json_t *record = json_new_object();

        if (record == NULL)
            return err_memory(e);
        json_put_text(record, "fqdn", all->items[i].fqdn);
        json_put_text(record, "value", all->items[i].value);
        json_add(array, record);
    }
    json_put_text(journal, "dns", dns->name);
    json_put(journal, "records", TAKE(array));
    return json_save(journal, path, e);
}

bool
records_publish(const struct records *all, struct dns *dns, const char *journal_path, struct err *e)
{
    if (!write_journal(all, dns, journal_path, e))
        return false;
    return dns->provider->publish(dns, all->items, all->count, e) ||
           err_wrap(e, "publish the records by [dns %s]", dns->name);
}

bool
records_remove(const struct records *all, struct dns *dns, const char *journal_path, struct err *e)
{
    if (!dns->provider->remove(dns, all->items, all->count, e))
        return err_wrap(e, "remove the records by [dns %s]", dns->name);
    return file_remove(AT_FDCWD, journal_path, e);
}

bool
records_load(struct records *all, char **dns_name, const char *journal_path, struct err *e)
{
    own_json struct json_t *journal = json_load(journal_path, e);
    const struct json_t *array = NULL;
    const char *name = NULL;

    if (journal == NULL)
        return false;
    array = json_member(journal, "records");
    name = json_member_text(journal, "dns");
    if (name == NULL)
        return err_set(e, ERR_INPUT, "the journal '%s' names no [dns] section", journal_path);
    for (size_t i = 0; i < json_count(array); i++) {
        const char *fqdn = json_member_text(json_item(array, i), "fqdn");
        const char *value = json_member_text(json_item(array, i), "value");

        if (fqdn == NULL || value == NULL)
            return err_set(e, ERR_INPUT, "the journal '%s' is damaged", journal_path);
        if (!records_add(all, fqdn, value))
            return err_memory(e);
    }
    *dns_name = strdup(name);
    return *dns_name != NULL || err_memory(e);
}

/* One journal of a killed or failed run. */
static bool
sweep_one(const char *path, acme_find_dns *find, void *user, struct err *e)
{
    own_records struct records all = {0};
    own_mem char *name = NULL;
    struct dns *dns = NULL;

    if (!records_load(&all, &name, path, e))
        return false;
    dns = find(user, name);
    if (dns == NULL)
        return err_set(
            e, ERR_CONFIG,
            "records that an earlier run published cannot be removed: there is no section "
            "[dns %s] any more; remove them by hand, they are listed in '%s', then remove "
            "that file",
            name, path);
    return records_remove(&all, dns, path, e);
}

bool
acme_sweep(const char *journal_dir, acme_find_dns *find, void *user, struct err *e)
{
    DIR *d = opendir(journal_dir);
    bool good = true;

    if (d == NULL)
        return errno == ENOENT || err_errno(e, "open '%s'", journal_dir);
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        own_mem char *path = NULL;
        size_t length = strlen(entry->d_name);

        if (length < 6 || strcmp(entry->d_name + length - 5, ".json") != 0)
            continue;
        path = str_format("%s/%s", journal_dir, entry->d_name);
        if (path == NULL || !sweep_one(path, find, user, e))
            good = false;
    }
    (void)closedir(d);
    return good;
}

/* The strings are ours; the struct shows them to providers as not to be changed. */
static void
drop(const char *text)
{
    char *owned = NULL;

    memcpy(&owned, &text, sizeof(owned));
    free(owned);
}

void
records_done(struct records *all)
{
    for (size_t i = 0; i < all->count; i++) {
        drop(all->items[i].fqdn);
        drop(all->items[i].value);
    }
    free(all->items);
    *all = (struct records){0};
}
