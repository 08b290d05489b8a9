/* zone.c: remember zones and records. */
#include "acme/zone.h"

#include <stdlib.h>
#include <string.h>

#define LOOKUP_MS 15000 /* for one step, over all servers that may be asked */

int64_t
zone_deadline_ms(const struct dns *d)
{
    int64_t limit_ms = d->config.timeout_s * 1000;

    if (limit_ms <= 0 || limit_ms > LOOKUP_MS)
        limit_ms = LOOKUP_MS;
    return d->clock->steady_ms(d->clock) + limit_ms;
}

struct zones *
zone_all(struct dns *d, struct err *e)
{
    if (d->zones == NULL)
        d->zones = calloc(1, sizeof(*d->zones));
    if (d->zones == NULL)
        (void)err_memory(e);
    return d->zones;
}

const struct resolver *
zone_resolvers(struct dns *d, struct err *e)
{
    struct zones *z = zone_all(d, e);
    struct resolver found = {.count = 0};

    if (z == NULL)
        return NULL;
    if (z->resolvers.count > 0)
        return &z->resolvers;
    for (size_t i = 0; i < d->config.resolvers.count; i++)
        if (!resolver_add(&found, d->config.resolvers.items[i], e)) {
            (void)err_wrap(e, "'resolvers' of [dns %s]", d->name);
            return NULL;
        }
    if (found.count == 0 && !resolver_read(&found, RESOLVER_SYSTEM, e))
        return NULL;
    z->resolvers = found;
    return &z->resolvers;
}

static struct zone *
find_zone(const struct zones *z, const char *name)
{
    for (size_t i = 0; i < z->count; i++)
        if (strcasecmp(z->zones[i]->name, name) == 0)
            return z->zones[i];
    return NULL;
}

struct zone *
zone_get(struct zones *z, const char *name, const char *primary, struct err *e)
{
    struct zone *zone = find_zone(z, name);
    struct zone **zones = NULL;

    if (zone != NULL) {
        zone->is_left = false;
        return zone;
    }
    zones = reallocarray(z->zones, z->count + 1, sizeof(struct zone *));
    if (zones != NULL)
        z->zones = zones;
    zone = calloc(1, sizeof(*zone));
    if (zones == NULL || zone == NULL) {
        free(zone);
        (void)err_memory(e);
        return NULL;
    }
    if (!dns_name_copy(zone->name, name) ||
        (primary[0] != '\0' && !dns_name_copy(zone->primary, primary))) {
        free(zone);
        (void)err_set(e, ERR_PROTOCOL, "the zone '%s' has a name that DNS cannot hold", name);
        return NULL;
    }
    z->zones[z->count++] = zone;
    return zone;
}

static struct zone_record *
find_record(const struct zones *z, const char *fqdn)
{
    for (size_t i = 0; i < z->record_count; i++)
        if (strcmp(z->records[i].fqdn, fqdn) == 0)
            return &z->records[i];
    return NULL;
}

const struct zone_record *
zone_of(const struct dns *d, const char *fqdn)
{
    char name[DNS_NAME_SIZE];
    const struct zone_record *r = NULL;

    if (d->zones == NULL || !dns_name_copy(name, fqdn))
        return NULL;
    r = find_record(d->zones, name);
    return r == NULL || r->zone == NULL ? NULL : r;
}

bool
zone_add_record(struct zones *z, const char *fqdn, struct err *e)
{
    struct zone_record r = {.zone = NULL};
    struct zone_record *records = NULL;

    if (!dns_name_copy(r.fqdn, fqdn) || !dns_name_copy(r.target, fqdn))
        return err_set(e, ERR_CONFIG, "'%s' is not a name that DNS can hold", fqdn);
    if (find_record(z, r.fqdn) != NULL)
        return true;
    records = reallocarray(z->records, z->record_count + 1, sizeof(r));
    if (records == NULL)
        return err_memory(e);
    z->records = records;
    z->records[z->record_count++] = r;
    return true;
}

void
zone_free(struct zones *z)
{
    if (z == NULL)
        return;
    for (size_t i = 0; i < z->count; i++) {
        free(z->zones[i]->nameservers);
        free(z->zones[i]);
    }
    free(z->zones);
    free(z->records);
    free(z);
}
