/* soa.c: from records to zones and primaries. */
#include "acme/soa.h"

#include "acme/nameserver.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 48 /* labels of a name, zones in between and CNAMEs: more is a circle */
#define own_questions __attribute__((cleanup(questions_drop)))

/* Where the search for one record stands; as many as there are records. */
struct seek {
    const struct resolver
        *at; /* whom to ask about the target; NULL: a zone above is wanted first */
    char above[DNS_NAME_SIZE]; /* which the resolvers are asked about */
};

struct search {
    struct dns *d;
    struct zones *zones;
    const struct soa_hint *hint;
    struct seek *seeks;
};

/* The questions of one step, and whose they are. */
struct questions {
    struct resolver_question *items;
    size_t *whose;
    size_t count;
};

static void
questions_drop(struct questions *q)
{
    resolver_questions_done(q->items, q->count);
    free(q->items);
    free(q->whose);
}

static bool
questions_start(struct questions *q, size_t room, struct err *e)
{
    q->items = calloc(room + 1, sizeof(*q->items));
    q->whose = calloc(room + 1, sizeof(*q->whose));
    return (q->items != NULL && q->whose != NULL) || err_memory(e);
}

static void
add_question(struct questions *q, size_t whose, const struct resolver *at, const char *name,
             enum dns_type type, bool recurse)
{
    struct resolver_question *item = &q->items[q->count];

    item->at = at;
    item->type = type;
    item->recurse = recurse;
    q->whose[q->count] = whose;
    if (dns_name_copy(item->name, name))
        q->count++;
}

static bool
ask(struct questions *q, struct dns *d, struct err *e)
{
    return resolver_ask(q->items, q->count, d->clock, zone_deadline_ms(d), e);
}

/* ------------------------------------------------------------------ reading answers */

/* The SOA record that tells the zone of `name`: its own, or that of a zone above. */
static const struct dns_record *
soa_for(const struct dns_answer *answer, const char *name)
{
    const struct dns_record *r = NULL;

    for (size_t i = 0; (r = dns_next(answer, DNS_ANSWER, DNS_TYPE_SOA, &i)) != NULL;)
        if (strcmp(r->owner, name) == 0)
            return r;
    for (size_t i = 0; (r = dns_next(answer, DNS_AUTHORITY, DNS_TYPE_SOA, &i)) != NULL;)
        if (dns_name_under(name, r->owner))
            return r;
    return NULL;
}

static const struct dns_record *
cname_of(const struct dns_answer *answer, const char *name)
{
    const struct dns_record *r = NULL;

    for (size_t i = 0; (r = dns_next(answer, DNS_ANSWER, DNS_TYPE_CNAME, &i)) != NULL;)
        if (strcmp(r->owner, name) == 0)
            return r;
    return NULL;
}

/* The delegation to a zone further down that the answer refers to. */
static const struct dns_record *
referral_for(const struct dns_answer *answer, const char *name)
{
    const struct dns_record *r = NULL;

    for (size_t i = 0; (r = dns_next(answer, DNS_AUTHORITY, DNS_TYPE_NS, &i)) != NULL;)
        if (dns_name_under(name, r->owner))
            return r;
    return NULL;
}

/* Why the answer of a server does not name the zone. */
static bool
no_zone(const struct search *s, const struct resolver_question *q, struct err *e)
{
    const struct dns_record *ns = referral_for(&q->answer, q->name);
    const char *rcode = dns_rcode_text(q->answer.rcode);
    char who[RESOLVER_TEXT];

    resolver_text(who, q->at);
    if (!q->has_rcode)
        return err_set(
            e, q->is_broken ? ERR_PROTOCOL : ERR_NETWORK,
            "the name server of [dns %s] gives no answer to the question for the zone of "
            "'%s' (%s)",
            s->d->name, q->name, q->trouble);
    if (q->answer.rcode == DNS_RCODE_REFUSED || q->answer.rcode == DNS_RCODE_NOTAUTH)
        return err_set(e, ERR_PERMISSION,
                       "the name server %s has no zone for '%s' (it answers %s); correct the name, "
                       "or set 'server' of [dns %s] to the primary of its zone",
                       who, q->name, rcode, s->d->name);
    if (!q->is_answered)
        return err_set(
            e, ERR_NETWORK,
            "the name server %s answers %s to the question for the zone of '%s'; its log "
            "says why",
            who, rcode, q->name);
    if (ns != NULL)
        return err_set(
            e, ERR_PERMISSION,
            "the name server %s does not have the zone '%s', but says that '%s' has; set "
            "'server' of [dns %s] to the primary of that zone",
            who, ns->owner, ns->data, s->d->name);
    return err_set(e, ERR_PERMISSION,
                   "the name server %s knows no zone for '%s'; set 'server' of [dns %s] to the "
                   "primary of its zone",
                   who, q->name, s->d->name);
}

/* ------------------------------------------------------------------ one step at a time */

/* Begins again for a record, with the name above its target. */
static void
restart(const struct search *s, size_t i)
{
    const struct zone_record *r = &s->zones->records[i];
    const char *above = dns_name_parent(r->target);

    if (s->hint->zone != NULL)
        above = s->hint->zone;
    s->seeks[i].at = s->hint->at;
    if (above == NULL || !dns_name_copy(s->seeks[i].above, above))
        s->seeks[i].above[0] = '\0';
}

/* For a zone whose primary has no address: one address of each of its other servers. */
static bool
use_nameservers(const struct search *s, struct zone *zone)
{
    struct err ignored = {0};

    if (!s->hint->any_server || !nameserver_find(s->d, &ignored))
        return false;
    for (size_t i = 0; i < zone->nameserver_count && zone->at.count < RESOLVER_MAX; i++)
        zone->at.servers[zone->at.count++] = zone->nameservers[i].at.servers[0];
    return zone->at.count > 0;
}

/* Finds the addresses of primaries that have none yet. */
static bool
find_addresses(const struct search *s, struct err *e)
{
    own_questions struct questions q = {0};
    const struct resolver *resolvers = NULL;

    if (!questions_start(&q, 2 * s->zones->count, e))
        return false;
    for (size_t i = 0; i < s->zones->count; i++) {
        const struct zone *zone = s->zones->zones[i];

        if (zone->at.count != 0)
            continue;
        resolvers = zone_resolvers(s->d, e);
        if (resolvers == NULL)
            return false;
        add_question(&q, i, resolvers, zone->primary, DNS_TYPE_A, true);
        add_question(&q, i, resolvers, zone->primary, DNS_TYPE_AAAA, true);
    }
    if (!ask(&q, s->d, e))
        return false;
    for (size_t n = 0; n < q.count; n++)
        resolver_take(&s->zones->zones[q.whose[n]]->at, &q.items[n].answer, DNS_ANSWER,
                      q.items[n].name);
    for (size_t n = 0; n < q.count; n++)
        if (s->zones->zones[q.whose[n]]->at.count == 0 &&
            !use_nameservers(s, s->zones->zones[q.whose[n]]))
            return err_set(e, ERR_NETWORK,
                           "the primary '%s' of the zone '%s' has no address that can be found "
                           "out%s%s; set 'server' of [dns %s]",
                           q.items[n].name, s->zones->zones[q.whose[n]]->name,
                           q.items[n].trouble[0] != '\0' ? ": " : "", q.items[n].trouble,
                           s->d->name);
    return true;
}

/* Reads a resolver's answer about a name above the record's. */
static bool
take_above(const struct search *s, size_t i, const struct resolver_question *q, struct err *e)
{
    const struct dns_record *soa = soa_for(&q->answer, q->name);
    const char *above = dns_name_parent(q->name);
    struct zone *zone = NULL;

    if (!q->is_answered)
        return err_set(
            e, ERR_NETWORK,
            "the zone of '%s' cannot be found out by the resolvers (%s); set 'server' of "
            "[dns %s] to its primary",
            s->zones->records[i].target, q->trouble, s->d->name);
    if (s->hint->zone != NULL && (soa == NULL || strcmp(soa->owner, q->name) != 0))
        return err_set(e, ERR_CONFIG, "there is no zone '%s', which 'zone' of [dns %s] names",
                       q->name, s->d->name);
    if (soa == NULL) {
        /* a CNAME, or nothing: the zone is further up */
        if (above == NULL || !dns_name_copy(s->seeks[i].above, above))
            s->seeks[i].above[0] = '\0';
        return true;
    }
    zone = zone_get(s->zones, soa->owner, soa->data, e);
    if (zone == NULL)
        return false;
    s->seeks[i].at = &zone->at;
    if (s->hint->zone != NULL)
        s->zones->records[i].zone = zone;
    return true;
}

static bool
ask_above(const struct search *s, struct err *e)
{
    own_questions struct questions q = {0};
    const struct resolver *resolvers = zone_resolvers(s->d, e);

    if (resolvers == NULL || !questions_start(&q, s->zones->record_count, e))
        return false;
    for (size_t i = 0; i < s->zones->record_count; i++) {
        const struct zone_record *r = &s->zones->records[i];

        if (r->zone != NULL || s->seeks[i].at != NULL)
            continue;
        if (s->seeks[i].above[0] == '\0')
            return err_set(e, ERR_NETWORK,
                           "no zone is found for '%s'; set 'server' of [dns %s] to its primary",
                           r->target, s->d->name);
        add_question(&q, i, resolvers, s->seeks[i].above, DNS_TYPE_SOA, true);
    }
    if (!ask(&q, s->d, e))
        return false;
    for (size_t n = 0; n < q.count; n++)
        if (!take_above(s, q.whose[n], &q.items[n], e))
            return false;
    return true;
}

/* Reads an authoritative server's answer about the record's name itself. */
static bool
take_target(const struct search *s, size_t i, const struct resolver_question *q, struct err *e)
{
    struct zone_record *r = &s->zones->records[i];
    const struct dns_record *cname = cname_of(&q->answer, q->name);
    const struct dns_record *soa = soa_for(&q->answer, q->name);
    const struct dns_record *referral = referral_for(&q->answer, q->name);

    if (q->is_answered && cname != NULL) {
        if (!dns_name_copy(r->target, cname->data))
            return err_set(e, ERR_PROTOCOL, "'%s' is a CNAME for no name", q->name);
        restart(s, i);
        return true;
    }
    if (q->is_answered && soa != NULL) {
        r->zone = zone_get(s->zones, soa->owner, soa->data, e);
        if (r->zone != NULL && s->hint->at != NULL)
            r->zone->at = *s->hint->at;
        return r->zone != NULL;
    }
    if (!q->is_answered || referral == NULL || s->hint->at != NULL)
        return no_zone(s, q, e);
    /* the zone in between is delegated to others: find its primary first */
    s->seeks[i].at = NULL;
    return dns_name_copy(s->seeks[i].above, referral->owner) || no_zone(s, q, e);
}

static bool
ask_target(const struct search *s, struct err *e)
{
    own_questions struct questions q = {0};

    if (!questions_start(&q, s->zones->record_count, e))
        return false;
    for (size_t i = 0; i < s->zones->record_count; i++)
        if (s->zones->records[i].zone == NULL && s->seeks[i].at != NULL)
            add_question(&q, i, s->seeks[i].at, s->zones->records[i].target, DNS_TYPE_SOA, false);
    if (!ask(&q, s->d, e))
        return false;
    for (size_t n = 0; n < q.count; n++)
        if (!take_target(s, q.whose[n], &q.items[n], e))
            return false;
    return true;
}

/* With a zone and a server that were set, there is nothing to ask. */
static bool
take_hint(const struct search *s, struct err *e)
{
    struct zone *zone = NULL;

    if (s->hint->zone == NULL)
        return true;
    for (size_t i = 0; i < s->zones->record_count; i++) {
        struct zone_record *r = &s->zones->records[i];

        if (r->zone != NULL)
            continue;
        if (!dns_name_under(r->target, s->hint->zone))
            return err_set(e, ERR_CONFIG, "'%s' is not in the zone '%s', which [dns %s] is for",
                           r->target, s->hint->zone, s->d->name);
        if (s->hint->at == NULL)
            continue;
        zone = zone_get(s->zones, s->hint->zone, "", e);
        if (zone == NULL)
            return false;
        zone->at = *s->hint->at;
        r->zone = zone;
    }
    return true;
}

static const struct zone_record *
unfinished(const struct zones *z)
{
    for (size_t i = 0; i < z->record_count; i++)
        if (z->records[i].zone == NULL)
            return &z->records[i];
    return NULL;
}

static bool
search(const struct search *s, struct err *e)
{
    for (size_t i = 0; i < s->zones->record_count; i++)
        restart(s, i);
    if (!take_hint(s, e))
        return false;
    for (int round = 0; unfinished(s->zones) != NULL; round++) {
        if (round == ROUNDS_MAX)
            return err_set(e, ERR_CONFIG, "the CNAMEs or zones at '%s' lead in a circle",
                           unfinished(s->zones)->fqdn);
        if (s->hint->at == NULL && (!ask_above(s, e) || !find_addresses(s, e)))
            return false;
        if (!ask_target(s, e))
            return false;
    }
    return s->hint->at != NULL || find_addresses(s, e);
}

/* Records that could not be found are forgotten, so that later calls do not meet them again. */
static void
forget_unfinished(struct zones *z)
{
    size_t kept = 0;

    for (size_t i = 0; i < z->record_count; i++)
        if (z->records[i].zone != NULL)
            z->records[kept++] = z->records[i];
    z->record_count = kept;
}

bool
soa_find(struct dns *d, const struct soa_hint *hint, const struct dns_txt *records, size_t count,
         struct err *e)
{
    static const struct soa_hint nothing = {.any_server = true};
    struct search s = {.d = d, .hint = hint == NULL ? &nothing : hint, .zones = zone_all(d, e)};
    own_mem struct seek *seeks = NULL;

    if (s.zones == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!zone_add_record(s.zones, records[i].fqdn, e))
            return false;
    if (unfinished(s.zones) == NULL)
        return true;
    seeks = calloc(s.zones->record_count, sizeof(*seeks));
    if (seeks == NULL)
        return err_memory(e);
    s.seeks = seeks;
    if (search(&s, e))
        return true;
    forget_unfinished(s.zones);
    return false;
}

bool
soa_primary_is_elsewhere(struct dns *d, struct zone *zone)
{
    own_questions struct questions q = {0};
    struct err ignored = {0};
    const struct resolver *resolvers = zone_resolvers(d, &ignored);
    const struct dns_record *soa = NULL;
    struct resolver found = {.count = 0};

    if (resolvers == NULL || !questions_start(&q, 3, &ignored))
        return false;
    add_question(&q, 0, &zone->at, zone->name, DNS_TYPE_SOA, false);
    if (zone->primary[0] == '\0' && ask(&q, d, &ignored)) {
        soa = soa_for(&q.items[0].answer, zone->name);
        if (soa == NULL || !dns_name_copy(zone->primary, soa->data))
            zone->primary[0] = '\0';
    }
    resolver_questions_done(q.items, q.count);
    q.count = 0;
    if (zone->primary[0] == '\0')
        return false;
    add_question(&q, 0, resolvers, zone->primary, DNS_TYPE_A, true);
    add_question(&q, 0, resolvers, zone->primary, DNS_TYPE_AAAA, true);
    if (!ask(&q, d, &ignored))
        return false;
    for (size_t n = 0; n < q.count; n++)
        resolver_take(&found, &q.items[n].answer, DNS_ANSWER, q.items[n].name);
    for (size_t i = 0; i < found.count; i++)
        for (size_t k = 0; k < zone->at.count; k++)
            if (address_same_host(&found.servers[i], &zone->at.servers[k]))
                return false;
    return found.count > 0;
}
