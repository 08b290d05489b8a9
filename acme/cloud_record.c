/* cloud_record.c: names, records and lists of them, as services have them. */
#include "acme/cloud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
cloud_relative(char relative[static DNS_NAME_SIZE], const struct cloud_zone *zone, const char *name)
{
    size_t size = strlen(name), end = strlen(zone->name);

    if (size > end + 1)
        (void)snprintf(relative, DNS_NAME_SIZE, "%.*s", (int)(size - end - 1), name);
    else
        (void)snprintf(relative, DNS_NAME_SIZE, "@");
}

void
cloud_subname(char relative[static DNS_NAME_SIZE], const struct cloud_zone *zone, const char *name)
{
    cloud_relative(relative, zone, name);
    if (strcmp(relative, "@") == 0)
        relative[0] = '\0';
}

void
cloud_absolute(char name[static DNS_NAME_SIZE], const struct cloud_zone *zone, const char *relative)
{
    int size = 0;

    if (relative == NULL || relative[0] == '\0' || strcmp(relative, "@") == 0)
        size = snprintf(name, DNS_NAME_SIZE, "%s", zone->name);
    else
        size = snprintf(name, DNS_NAME_SIZE, "%s.%s", relative, zone->name);
    if (size >= DNS_NAME_SIZE)
        name[0] = '\0';
}

bool
cloud_is_within(const char *name, const char *zone)
{
    size_t size = strlen(name), end = strlen(zone);

    return size >= end && strcasecmp(name + size - end, zone) == 0 &&
           (size == end || name[size - end - 1] == '.');
}

bool
cloud_records_add(struct cloud_records *all, const char *name, const char *value, bool raw)
{
    struct cloud_record *items = NULL;
    struct cloud_record *item = NULL;
    size_t size = strlen(value);

    if (strlen(name) >= DNS_NAME_SIZE)
        return false;
    items = reallocarray(all->items, all->count + 1, sizeof(*items));
    if (items == NULL)
        return false;
    all->items = items;
    item = &items[all->count];
    *item = (struct cloud_record){.value = NULL};
    (void)snprintf(item->name, sizeof(item->name), "%s", name);
    if (!raw && size >= 2 && value[0] == '"' && value[size - 1] == '"')
        item->value = strndup(value + 1, size - 2);
    else
        item->value = strdup(value);
    if (item->value == NULL)
        return false;
    all->count++;
    return true;
}

void
cloud_records_done(struct cloud_records *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->items[i].value);
    free(all->items);
    json_drop(&all->origin);
    *all = (struct cloud_records){0};
}

int64_t
cloud_ttl(const struct rest *r, const struct cloud_zone *zone)
{
    int64_t ttl_s = r->d->config.ttl_s;

    return ttl_s > zone->least_ttl_s ? ttl_s : zone->least_ttl_s;
}

bool
cloud_take_domains(struct rest *r, const struct json_t *domains, const char *name,
                   struct cloud_zone *zone, bool *found, struct err *e)
{
    if (domains == NULL)
        return rest_misunderstood(r, "list the domains", e);
    for (size_t i = 0; i < json_count(domains); i++) {
        char id[REST_ID_SIZE];

        if (!rest_id(id, json_item(domains, i), "domain"))
            return rest_misunderstood(r, "list the domains", e);
        if (!cloud_is_within(name, id) || (*found && strlen(id) < strlen(zone->id)))
            continue;
        memcpy(zone->id, id, sizeof(id));
        (void)snprintf(zone->name, sizeof(zone->name), "%s", id);
        *found = true;
    }
    return true;
}

bool
cloud_take_values(struct rest *r, const struct json_t *values, const char *name, int64_t ttl_s,
                  struct cloud_records *out, struct err *e)
{
    if (values == NULL)
        return rest_misunderstood(r, "read the records of the domain", e);
    for (size_t i = 0; i < json_count(values); i++) {
        const char *value = json_item_text(values, i);

        if (value == NULL)
            return rest_misunderstood(r, "read the records of the domain", e);
        if (!cloud_records_add(out, name, value, true))
            return err_memory(e);
        out->items[out->count - 1].ttl_s = ttl_s;
    }
    return true;
}
