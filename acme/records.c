/* records.c: published records and their journal. */
#include "acme/records.h"

#include "acme/publish.h"

#include "base/file.h"
#include "base/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

/* The strings are ours; the struct shows them to providers as not to be changed. */
static void
drop(const char *text)
{
    char *owned = NULL;

    memcpy(&owned, &text, sizeof(owned));
    free(owned);
}

static void
drop_record(struct dns_txt *record)
{
    drop(record->fqdn);
    drop(record->value);
    drop(record->domain);
    drop(record->token);
    drop(record->key_authorization);
}

/* NULL is copied as NULL; *good becomes false when memory ran out. */
static char *
copy(const char *text, bool *good)
{
    char *made = text == NULL ? NULL : strdup(text);

    *good = *good && (text == NULL || made != NULL);
    return made;
}

bool
records_add_txt(struct records *all, const struct dns_txt *record)
{
    struct dns_txt *items = NULL;
    own_mem char *fqdn = strdup(record->fqdn);
    own_mem char *value = strdup(record->value);
    bool good = fqdn != NULL && value != NULL;

    if (has(all, record->fqdn, record->value))
        return true;
    items = realloc(all->items, (all->count + 1) * sizeof(*items));
    if (items == NULL)
        return false;
    all->items = items;
    if (!good)
        return false;
    items[all->count] = (struct dns_txt){
        .fqdn = TAKE(fqdn),
        .value = TAKE(value),
        .domain = copy(record->domain, &good),
        .token = copy(record->token, &good),
        .key_authorization = copy(record->key_authorization, &good),
    };
    if (good)
        all->count++;
    else
        drop_record(&items[all->count]);
    return good;
}

bool
records_add(struct records *all, const char *fqdn, const char *value)
{
    const struct dns_txt record = {.fqdn = fqdn, .value = value};

    return records_add_txt(all, &record);
}

bool
records_rename(struct records *all, const char *fqdn)
{
    for (size_t i = 0; i < all->count; i++) {
        char *name = strdup(fqdn);

        if (name == NULL)
            return false;
        drop(all->items[i].fqdn);
        all->items[i].fqdn = name;
    }
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
        json_put_text(record, "domain", all->items[i].domain);
        json_put_text(record, "token", all->items[i].token);
        json_put_text(record, "key_authorization", all->items[i].key_authorization);
        json_add(array, record);
    }
    json_put_text(journal, "dns", dns->name);
    json_put(journal, "records", TAKE(array));
    return json_save(journal, path, e);
}

/* What an earlier run has left in this very journal stays in it. One of another [dns] section is
 * set aside for the next sweep. */
static bool
add_stale(struct records *both, const struct dns *dns, const char *journal_path, struct err *e)
{
    own_records struct records stale = {0};
    own_mem char *name = NULL;
    own_mem char *aside = str_format("%s.old.json", journal_path);
    struct err none = {0};

    if (aside == NULL)
        return err_memory(e);
    if (!records_load(&stale, &name, journal_path, &none))
        return true; /* there is none, or nothing to be read from it */
    if (strcmp(name, dns->name) != 0)
        return rename(journal_path, aside) == 0 || err_errno(e, "set '%s' aside", journal_path);
    for (size_t i = 0; i < stale.count; i++)
        if (!records_add_txt(both, &stale.items[i]))
            return err_memory(e);
    return true;
}

bool
records_publish(const struct records *all, struct dns *dns, const char *journal_path, struct err *e)
{
    own_records struct records both = {0};

    for (size_t i = 0; i < all->count; i++)
        if (!records_add_txt(&both, &all->items[i]))
            return err_memory(e);
    if (!add_stale(&both, dns, journal_path, e) || !write_journal(&both, dns, journal_path, e))
        return false;
    return publish_records(dns, all->items, all->count, e) ||
           err_wrap(e, "publish the records by [dns %s]", dns->name);
}

bool
records_remove(const struct records *all, struct dns *dns, const char *journal_path, struct err *e)
{
    own_records struct records journal = {0};
    own_mem char *name = NULL;
    struct err ignored = {0};
    /* the journal may hold more: what an earlier run could not remove */
    bool is_ours =
        records_load(&journal, &name, journal_path, &ignored) && strcmp(name, dns->name) == 0;

    if (is_ours && journal.count > 0)
        all = &journal;
    if (!publish_remove(dns, all->items, all->count, e))
        return err_wrap(e, "remove the records by [dns %s]", dns->name);
    /* one of another section is the next sweep's */
    return name != NULL && !is_ours ? true : file_remove(AT_FDCWD, journal_path, e);
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
        const struct json_t *item = json_item(array, i);
        const struct dns_txt record = {
            .fqdn = json_member_text(item, "fqdn"),
            .value = json_member_text(item, "value"),
            .domain = json_member_text(item, "domain"),
            .token = json_member_text(item, "token"),
            .key_authorization = json_member_text(item, "key_authorization"),
        };

        if (record.fqdn == NULL || record.value == NULL)
            return err_set(e, ERR_INPUT, "the journal '%s' is damaged", journal_path);
        if (!records_add_txt(all, &record))
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

void
records_done(struct records *all)
{
    for (size_t i = 0; i < all->count; i++)
        drop_record(&all->items[i]);
    free(all->items);
    *all = (struct records){0};
}
