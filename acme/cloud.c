/* cloud.c: publish and remove through a service, without harm to what others have there. */
#include "acme/cloud.h"

#include "acme/soa.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 8        /* of reading, changing and looking again */
#define SETTLE_MOST_MS 5000 /* how long others are given between changing and looking */
#define AGAIN_FIRST_MS 200  /* after a failure of the service; then twice as long, and so on */
#define AGAIN_LAST_MS 1600
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-_."

/* What was asked for, also in vain. */
struct lookup {
    char name[DNS_NAME_SIZE];
    struct cloud_zone *zone; /* borrowed; NULL: there is none of that name */
};

/* d->session. */
struct session {
    struct rest rest;
    struct cloud_zone **zones; /* each one stays where it is */
    size_t zone_count;
    struct lookup *lookups;
    size_t lookup_count;
};

/* Where a record goes. */
struct place {
    char name[DNS_NAME_SIZE];
    const struct cloud_zone *zone;
};

/* ------------------------------------------------------------------ session */

void
cloud_close(struct dns *d)
{
    struct session *s = d->session;

    if (s == NULL)
        return;
    for (size_t i = 0; i < s->zone_count; i++)
        free(s->zones[i]);
    free(s->zones);
    free(s->lookups);
    if (d->provider->cloud->stop != NULL)
        d->provider->cloud->stop(&s->rest);
    rest_done(&s->rest);
    free(s);
    d->session = NULL;
}

bool
cloud_open(struct dns *d, struct err *e)
{
    struct cloud_config *c = d->provider_config;
    const struct cloud_service *service = d->provider->cloud;
    struct rest_access access = {
        .header = service->header,
        .token_file = c->token_file,
        .ca_file = c->ca_file,
        .plain_loopback = service->plain_loopback,
    };
    struct session *s = NULL;

    if (d->session != NULL)
        return true;
    if (c->endpoint == NULL && service->find_endpoint != NULL &&
        !service->find_endpoint(d, &c->endpoint, e))
        return false;
    /* paths begin with a '/' */
    for (size_t end = c->endpoint == NULL ? 0 : strlen(c->endpoint);
         end > 0 && c->endpoint[end - 1] == '/'; end--)
        c->endpoint[end - 1] = '\0';
    access.endpoint = c->endpoint;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return err_memory(e);
    d->session = s;
    if (rest_start(&s->rest, d, &access, e) &&
        (service->start == NULL || service->start(d, &s->rest, e)))
        return true;
    cloud_close(d);
    return false;
}

static bool
has_record(const struct cloud_records *all, const struct cloud_record *record)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcasecmp(all->items[i].name, record->name) == 0 &&
            strcmp(all->items[i].value, record->value) == 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------ zones */

static struct cloud_zone *
keep_zone(struct session *s, const struct cloud_zone *found)
{
    struct cloud_zone **zones = NULL;
    struct cloud_zone *zone = NULL;

    for (size_t i = 0; i < s->zone_count; i++)
        if (strcasecmp(s->zones[i]->name, found->name) == 0)
            return s->zones[i];
    zones = reallocarray(s->zones, s->zone_count + 1, sizeof(struct cloud_zone *));
    if (zones == NULL)
        return NULL;
    s->zones = zones;
    zone = malloc(sizeof(*zone));
    if (zone == NULL)
        return NULL;
    *zone = *found;
    zones[s->zone_count++] = zone;
    return zone;
}

/* Asks for one name, once. *zone is NULL when there is none. */
static bool
look_up(struct session *s, const char *name, const struct cloud_zone **zone, struct err *e)
{
    const struct cloud_service *service = s->rest.d->provider->cloud;
    struct cloud_zone found = {.least_ttl_s = service->least_ttl_s};
    struct lookup *lookups = NULL;
    bool is_found = false;

    *zone = NULL;
    for (size_t i = 0; i < s->lookup_count; i++)
        if (strcmp(s->lookups[i].name, name) == 0) {
            *zone = s->lookups[i].zone;
            return true;
        }
    (void)snprintf(found.name, sizeof(found.name), "%s", name);
    if (!service->find_zone(&s->rest, name, &found, &is_found, e))
        return false;
    lookups = reallocarray(s->lookups, s->lookup_count + 1, sizeof(*lookups));
    if (lookups == NULL)
        return err_memory(e);
    s->lookups = lookups;
    lookups += s->lookup_count;
    (void)snprintf(lookups->name, sizeof(lookups->name), "%s", name);
    lookups->zone = is_found ? keep_zone(s, &found) : NULL;
    if (is_found && lookups->zone == NULL)
        return err_memory(e);
    s->lookup_count++;
    *zone = lookups->zone;
    return true;
}

/* The same where a zone may be hidden: then *hidden tells why, once. */
static bool
look_for(struct session *s, const char *name, const struct cloud_zone **zone, struct err *hidden,
         struct err *e)
{
    struct err why = {0};

    if (look_up(s, name, zone, &why))
        return true;
    /* without a token it was not the zone that was refused */
    if (why.code != ERR_PERMISSION || !s->rest.d->provider->cloud->hides_zones ||
        s->rest.token == NULL) {
        *e = why;
        return false;
    }
    if (hidden->code == ERR_NONE)
        *hidden = why;
    return true;
}

/* First the zone which the DNS tells, if any: that is one question for all of its names. Else up
 * the labels, from the name itself. */
static bool
find_zone(struct session *s, struct place *p, const char *told, struct err *e)
{
    struct err hidden = {0};

    if (told != NULL && !look_for(s, told, &p->zone, &hidden, e))
        return false;
    for (const char *at = p->name; p->zone == NULL && at != NULL && at[0] != '\0';) {
        const char *dot = strchr(at, '.');

        if (!look_for(s, at, &p->zone, &hidden, e))
            return false;
        at = dot == NULL ? NULL : dot + 1;
    }
    if (p->zone == NULL && hidden.code != ERR_NONE) {
        *e = hidden;
        return false;
    }
    if (p->zone == NULL)
        return err_set(e, ERR_CONFIG,
                       "the service at '%s' shows the token of '%s' no zone for '%s'; add the zone "
                       "there, let the token see it, or correct [dns %s]",
                       s->rest.endpoint, s->rest.token_file, p->name, s->rest.d->name);
    return cloud_is_within(p->name, p->zone->name) ||
           rest_misunderstood(&s->rest, "which zone is that name in", e);
}

/* Names become parts of paths. */
static bool
write_name(char text[static DNS_NAME_SIZE], const char *name, struct err *e)
{
    char copy[DNS_NAME_SIZE];

    if (!dns_name_copy(copy, name) || copy[strspn(copy, NAME_CHARACTERS)] != '\0')
        return err_set(e, ERR_CONFIG, "'%s' cannot be published through an HTTP API", name);
    (void)snprintf(text, DNS_NAME_SIZE, "%.*s", (int)strlen(copy) - 1, copy);
    return true;
}

/* Where records go: CNAMEs are followed, when the DNS can be asked. */
static bool
find_places(struct session *s, struct place *places, const struct dns_txt *records, size_t count,
            struct err *e)
{
    struct dns *d = s->rest.d;
    struct err why = {0};

    if (!soa_find(d, NULL, records, count, &why)) {
        if (why.code == ERR_CONFIG)
            return err_set(e, ERR_CONFIG, "%s", why.text);
        /* a zone that cannot be asked from here, a hidden primary: the names are taken as they are
         */
        log_debug("[dns %s]: %s", d->name, why.text);
    }
    for (size_t i = 0; i < count; i++) {
        const struct zone_record *told = zone_of(d, records[i].fqdn);
        char zone[DNS_NAME_SIZE] = "";

        if (!write_name(places[i].name, told == NULL ? records[i].fqdn : told->target, e) ||
            (told != NULL && !write_name(zone, told->zone->name, e)) ||
            !find_zone(s, &places[i], told == NULL ? NULL : zone, e))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------ record by record */

/* Does an earlier record have the same name? */
static bool
has_name_before(const struct cloud_records *records, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(records->items[i].name, records->items[at].name) == 0)
            return true;
    return false;
}

/* What is there at the names of `ours`: the one name is asked for, or the whole zone. */
static bool
list_records(struct session *s, const struct cloud_zone *zone, const struct cloud_records *ours,
             struct cloud_records *there, struct err *e)
{
    const struct cloud_service *service = s->rest.d->provider->cloud;
    size_t names = 0;

    for (size_t i = 0; i < ours->count; i++)
        names += !has_name_before(ours, i);
    if (names > 1 && !service->by_name)
        return service->list(&s->rest, zone, NULL, there, e);
    for (size_t i = 0; i < ours->count; i++)
        if (!has_name_before(ours, i) &&
            !service->list(&s->rest, zone, ours->items[i].name, there, e))
            return false;
    return true;
}

/* The lifetime of what is at a name. */
static int64_t
ttl_at(const struct cloud_records *there, const char *name)
{
    for (size_t i = 0; i < there->count; i++)
        if (strcasecmp(there->items[i].name, name) == 0)
            return there->items[i].ttl_s;
    return 0;
}

static bool
apply(struct session *s, const struct cloud_zone *zone, struct err *e)
{
    const struct cloud_service *service = s->rest.d->provider->cloud;

    return service->apply == NULL || service->apply(&s->rest, zone, e);
}

/* Those of `ours` that are not there. */
static bool
find_missing(const struct cloud_records *ours, const struct cloud_records *there,
             struct cloud_records *missing, struct err *e)
{
    for (size_t i = 0; i < ours->count; i++) {
        const struct cloud_record *item = &ours->items[i];

        if (has_record(there, item))
            continue;
        if (!cloud_records_add(missing, item->name, item->value, true))
            return err_memory(e);
        missing->items[missing->count - 1].ttl_s = ttl_at(there, item->name);
    }
    return true;
}

static bool
add_all(struct session *s, const struct cloud_zone *zone, const struct cloud_records *records,
        struct err *e)
{
    const struct cloud_service *service = s->rest.d->provider->cloud;

    if (service->add_all != NULL)
        return service->add_all(&s->rest, zone, records, e);
    for (size_t i = 0; i < records->count; i++)
        if (!service->add(&s->rest, zone, &records->items[i], e))
            return false;
    return true;
}

/* What was added before an answer was lost may be seen only now, and be refused as there already:
 * so a refusal is believed when nothing more is there than before. */
static bool
add_records(struct session *s, const struct cloud_zone *zone, const struct cloud_records *ours,
            struct err *e)
{
    size_t left = ours->count + 1;
    struct err why = {0};

    for (bool look = !s->rest.d->provider->cloud->refuses_twins;; look = true) {
        own_cloud_records struct cloud_records there = {0};
        own_cloud_records struct cloud_records missing = {0};

        if ((look && !list_records(s, zone, ours, &there, e)) ||
            !find_missing(ours, &there, &missing, e))
            return false;
        if (missing.count == 0 || (missing.count < left && add_all(s, zone, &missing, &why)))
            return apply(s, zone, e);
        if (missing.count >= left || why.code != ERR_PERMISSION) {
            *e = why;
            return false;
        }
        left = missing.count;
    }
}

static bool
drop_record(struct session *s, const struct cloud_zone *zone, const struct cloud_record *record,
            struct err *e)
{
    const struct cloud_service *service = s->rest.d->provider->cloud;
    own_cloud_records struct cloud_records there = {0};
    struct err why = {0}, unseen = {0};

    if (service->drop(&s->rest, zone, record, &why))
        return true;
    /* services have many words for what is gone already */
    if (why.code == ERR_PERMISSION &&
        service->list(&s->rest, zone, record->name, &there, &unseen) && !has_record(&there, record))
        return true;
    *e = why;
    return false;
}

static bool
drop_records(struct session *s, const struct cloud_zone *zone, const struct cloud_records *ours,
             struct err *e)
{
    own_cloud_records struct cloud_records there = {0};

    if (!list_records(s, zone, ours, &there, e))
        return false;
    for (size_t i = 0; i < there.count; i++)
        if (has_record(ours, &there.items[i]) && !drop_record(s, zone, &there.items[i], e))
            return false;
    return apply(s, zone, e);
}

/* ------------------------------------------------------------------ set by set */

static void
set_done(struct cloud_set *set)
{
    list_done(&set->values);
    list_done(&set->before);
    json_drop(&set->origin);
}

static void
sets_done(struct cloud_set *sets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        set_done(&sets[i]);
}

/* Reads a set, and makes of it what it shall be. *changed says whether that is something else. */
static bool
make_set(struct session *s, const struct cloud_zone *zone, const struct cloud_records *ours,
         bool remove, struct cloud_set *set, bool *changed, struct err *e)
{
    const struct cloud_service *service = s->rest.d->provider->cloud;
    own_cloud_records struct cloud_records there = {0};

    set->ttl_s = cloud_ttl(&s->rest, zone);
    if (!service->list(&s->rest, zone, set->name, &there, e))
        return false;
    set->origin = TAKE(there.origin);
    for (size_t i = 0; i < there.count; i++) {
        const struct cloud_record *item = &there.items[i];

        if (strcasecmp(item->name, set->name) != 0)
            continue;
        if (item->ttl_s > 0)
            set->ttl_s = item->ttl_s; /* it is somebody else's */
        set->before_ttl_s = item->ttl_s;
        if (!list_add(&set->before, item->value))
            return err_memory(e);
        if (remove && has_record(ours, item))
            *changed = true;
        else if (!list_has(&set->values, item->value) && !list_add(&set->values, item->value))
            return err_memory(e);
    }
    for (size_t i = 0; i < ours->count && !remove; i++) {
        const struct cloud_record *item = &ours->items[i];

        if (strcmp(item->name, set->name) != 0 || list_has(&set->values, item->value))
            continue;
        if (!list_add(&set->values, item->value))
            return err_memory(e);
        *changed = true;
    }
    return true;
}

/* One round. *done: all is as it shall be. `sets` has room for one for each record. */
static bool
change_sets_once(struct session *s, const struct cloud_zone *zone, const struct cloud_records *ours,
                 bool remove, struct cloud_set *sets, size_t *count, struct err *e)
{
    const struct cloud_service *service = s->rest.d->provider->cloud;

    for (size_t i = 0; i < ours->count; i++) {
        struct cloud_set *set = &sets[*count];
        bool changed = false;

        if (has_name_before(ours, i))
            continue;
        *set = (struct cloud_set){.ttl_s = 0};
        (void)snprintf(set->name, sizeof(set->name), "%s", ours->items[i].name);
        if (!make_set(s, zone, ours, remove, set, &changed, e)) {
            set_done(set);
            return false;
        }
        if (changed)
            (*count)++;
        else
            set_done(set);
    }
    return *count == 0 || service->write(&s->rest, zone, sets, *count, e);
}

/*
 * A set is written whole, so that two hosts which read it at the same time would each write it
 * without the other's value. So it is read again after it was written, until there is nothing left
 * to change. Who had read before we wrote, writes about as long after us as it took us to read and
 * write: that long is waited before looking.
 */
static bool
change_sets(struct session *s, const struct cloud_zone *zone, const struct cloud_records *ours,
            bool remove, struct err *e)
{
    struct clock *clock = s->rest.d->clock;
    own_mem struct cloud_set *sets = calloc(ours->count, sizeof(*sets));

    if (sets == NULL)
        return err_memory(e);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        int64_t began_ms = clock->steady_ms(clock), took_ms = 0;
        size_t count = 0;
        bool went_well = change_sets_once(s, zone, ours, remove, sets, &count, e);

        sets_done(sets, count);
        if (!went_well || count == 0)
            return went_well;
        took_ms = 2 * (clock->steady_ms(clock) - began_ms);
        clock->sleep_ms(clock, took_ms < SETTLE_MOST_MS ? took_ms : SETTLE_MOST_MS);
    }
    return err_set(e, ERR_BUSY,
                   "the records of '%s' in the zone '%s' are changed by somebody else all the time",
                   ours->items[0].name, zone->name);
}

/* ------------------------------------------------------------------ the provider */

/* All records of one zone. */
static bool
change_once(struct session *s, const struct cloud_zone *zone, const struct cloud_records *ours,
            bool remove, struct err *e)
{
    if (s->rest.d->provider->cloud->write != NULL)
        return change_sets(s, zone, ours, remove, e);
    return remove ? drop_records(s, zone, ours, e) : add_records(s, zone, ours, e);
}

/* A service that fails, or whose answer was lost, is tried again: each try looks first what is
 * there, so that nothing is done twice. PowerDNS with SQLite fails so when two write at once. */
static bool
change_zone(struct session *s, const struct cloud_zone *zone, const struct cloud_records *ours,
            bool remove, struct err *e)
{
    struct clock *clock = s->rest.d->clock;

    log_debug("zone %s at %s: %s %zu records", zone->name, s->rest.endpoint,
              remove ? "remove" : "publish", ours->count);
    for (int64_t pause_ms = AGAIN_FIRST_MS;; pause_ms *= 2) {
        struct err why = {0};

        if (change_once(s, zone, ours, remove, &why))
            return true;
        if (why.code != ERR_NETWORK || pause_ms > AGAIN_LAST_MS ||
            clock->steady_ms(clock) + pause_ms > s->rest.deadline_ms) {
            *e = why;
            return false;
        }
        log_debug("again in %lld ms: %s", (long long)pause_ms, why.text);
        clock->sleep_ms(clock, pause_ms);
    }
}

static bool
change(struct dns *d, const struct dns_txt *records, size_t count, bool remove, struct err *e)
{
    own_mem struct place *places = calloc(count + 1, sizeof(*places));
    bool quoted = d->provider->cloud->write != NULL;
    struct session *s = NULL;

    if (places == NULL)
        return err_memory(e);
    if (count == 0)
        return true;
    if (!cloud_open(d, e))
        return false;
    s = d->session;
    rest_begin(&s->rest);
    if (!find_places(s, places, records, count, e))
        return false;
    for (size_t z = 0; z < s->zone_count; z++) {
        own_cloud_records struct cloud_records ours = {0};

        for (size_t i = 0; i < count; i++) {
            own_mem char *value = str_format(quoted ? "\"%s\"" : "%s", records[i].value);

            if (places[i].zone == s->zones[z] &&
                (value == NULL || !cloud_records_add(&ours, places[i].name, value, true)))
                return err_memory(e);
        }
        if (ours.count > 0 && !change_zone(s, s->zones[z], &ours, remove, e))
            return false;
    }
    return remove || d->provider->cloud->settle == NULL || d->provider->cloud->settle(&s->rest, e);
}

bool
cloud_publish(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    return change(d, records, count, false, e);
}

bool
cloud_remove(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    return change(d, records, count, true, e);
}
