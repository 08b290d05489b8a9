/* soa.c: from records to zones and primaries. */
#include "acme/soa.h"

#include "acme/delegation.h"
#include "acme/nameserver.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 48 /* labels of a name, zones in between and CNAMEs: more is a circle */
#define ADVICE_SIZE 140
#define own_questions __attribute__((cleanup(questions_drop)))

/* What the zone's server is asked about. */
enum step {
    THE_TARGET,  /* the record's name, or where CNAMEs have led to */
    ITS_SIBLING, /* a name beside it that nobody made: does a wildcard give it the same CNAME? */
    ITS_PARENT,  /* and further up: whose zone is it, as there is no CNAME to follow? */
};

/* Where the search for one record stands; as many as there are records. */
struct seek {
    const struct resolver
        *at; /* whom to ask about the target; NULL: a zone above is wanted first */
    char above[DNS_NAME_SIZE]; /* which the resolvers are asked about */
    const struct resolver *by; /* who says that `above` is delegated; NULL: nobody has */
    enum step step;
    char name[DNS_NAME_SIZE];  /* that `at` is asked about in this step */
    char cname[DNS_NAME_SIZE]; /* what the target is a CNAME for; not to be followed yet */
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

/* "; set 'server' ..." for those who have that setting; the others only look. */
static const char *
advice(char text[static ADVICE_SIZE], const struct search *s)
{
    text[0] = '\0';
    if (!s->hint->any_server)
        (void)snprintf(text, ADVICE_SIZE,
                       "; set 'server' of [dns %.60s] to the primary of its zone", s->d->name);
    return text;
}

/* Why the answer of a server does not name the zone. */
static bool
tell_no_zone(const struct search *s, const struct resolver_question *q, struct err *e)
{
    const struct dns_record *ns = referral_for(&q->answer, q->name);
    const char *rcode = dns_rcode_text(q->answer.rcode);
    char who[RESOLVER_TEXT];
    char more[ADVICE_SIZE];

    resolver_text(who, q->at);
    if (!q->has_rcode)
        return err_set(
            e, q->is_broken ? ERR_PROTOCOL : ERR_NETWORK,
            "the name server of [dns %s] gives no answer to the question for the zone of "
            "'%s' (%s)",
            s->d->name, q->name, q->trouble);
    if (q->answer.rcode == DNS_RCODE_REFUSED || q->answer.rcode == DNS_RCODE_NOTAUTH)
        return err_set(e, ERR_PERMISSION,
                       "the name server %s has no zone for '%s' (it answers %s)%s", who, q->name,
                       rcode, advice(more, s));
    if (!q->is_answered)
        return err_set(
            e, ERR_NETWORK,
            "the name server %s answers %s to the question for the zone of '%s'; its log "
            "says why",
            who, rcode, q->name);
    if (ns != NULL)
        return err_set(e, ERR_PERMISSION,
                       "the name server %s does not have the zone '%s', but says that '%s' has%s",
                       who, ns->owner, ns->data, advice(more, s));
    return err_set(e, ERR_PERMISSION, "the name server %s knows no zone for '%s'%s", who, q->name,
                   advice(more, s));
}

/* Says first how we came to ask for that name, when it is not the record's own. */
static bool
tell_cname(const struct zone_record *r, struct err *e)
{
    if (strcmp(r->fqdn, r->target) != 0)
        (void)err_wrap(e, "'%s' is a CNAME for '%s'", r->fqdn, r->target);
    return false;
}

static bool
no_zone(const struct search *s, size_t i, const struct resolver_question *q, struct err *e)
{
    (void)tell_no_zone(s, q, e);
    return tell_cname(&s->zones->records[i], e);
}

/* ------------------------------------------------------------------ one step at a time */

static bool
next_step(struct seek *seek, enum step step, const char *name)
{
    seek->step = step;
    return name != NULL && dns_name_copy(seek->name, name);
}

/* Begins again for a record, with the name above its target. */
static void
restart(const struct search *s, size_t i)
{
    const struct zone_record *r = &s->zones->records[i];
    const char *above = dns_name_parent(r->target);

    if (s->hint->zone != NULL)
        above = s->hint->zone;
    s->seeks[i].at = s->hint->at;
    s->seeks[i].by = NULL;
    (void)next_step(&s->seeks[i], THE_TARGET, r->target); /* it was copied before, so it can be */
    if (above == NULL || !dns_name_copy(s->seeks[i].above, above))
        s->seeks[i].above[0] = '\0';
}

/* For a zone whose primary has no address: one address of each of its other servers. */
static bool
use_nameservers(const struct search *s, struct zone *zone)
{
    struct err ignored = {0};

    if (!s->hint->any_server || !nameserver_find(s->d, &zone, 1, &ignored))
        return false;
    for (size_t i = 0; i < zone->nameserver_count && zone->at.count < RESOLVER_MAX; i++)
        zone->at.servers[zone->at.count++] = zone->nameservers[i].at.servers[0];
    return zone->at.count > 0;
}

/* A primary that hides behind a firewall has an address, and does not answer. */
static bool
widen(const struct search *s, const struct resolver *at)
{
    for (size_t i = 0; i < s->zones->count; i++) {
        struct zone *zone = s->zones->zones[i];

        if (&zone->at != at || zone->has_other_servers || !s->hint->any_server)
            continue;
        zone->has_other_servers = true;
        zone->at.count = 0;
        return use_nameservers(s, zone);
    }
    return false;
}

/* Finds the addresses of primaries that have none yet. */
static bool
find_addresses(const struct search *s, struct err *e)
{
    own_questions struct questions q = {0};
    const struct resolver *resolvers = NULL;
    char more[ADVICE_SIZE];

    if (!questions_start(&q, 2 * s->zones->count, e))
        return false;
    for (size_t i = 0; i < s->zones->count; i++) {
        const struct zone *zone = s->zones->zones[i];

        if (zone->at.count != 0 || zone->is_left)
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
                           "out%s%s%s",
                           q.items[n].name, s->zones->zones[q.whose[n]]->name,
                           q.items[n].trouble[0] != '\0' ? ": " : "", q.items[n].trouble,
                           advice(more, s));
    return true;
}

/* The resolvers fail, mostly because the name is delegated to servers that do not know it. */
static bool
above_unknown(const struct search *s, size_t i, const struct resolver_question *q, struct err *e)
{
    const struct seek *seek = &s->seeks[i];
    char more[ADVICE_SIZE];

    if (seek->by != NULL && delegation_explain(s->d, seek->by, seek->above, e))
        return tell_cname(&s->zones->records[i], e);
    if (q->is_answered)
        (void)err_set(e, ERR_NETWORK, "the zone '%s' is delegated, but the resolvers know none%s",
                      seek->above, advice(more, s));
    else
        (void)err_set(e, ERR_NETWORK,
                      "the zone of '%s' cannot be found out by the resolvers (%s)%s",
                      s->zones->records[i].target, q->trouble, advice(more, s));
    return tell_cname(&s->zones->records[i], e);
}

/* Reads a resolver's answer about a name above the record's. */
static bool
take_above(const struct search *s, size_t i, const struct resolver_question *q, struct err *e)
{
    const struct dns_record *soa = soa_for(&q->answer, q->name);
    const char *above = dns_name_parent(q->name);
    struct zone *zone = NULL;

    if (!q->is_answered ||
        (s->seeks[i].by != NULL && (soa == NULL || strcmp(soa->owner, q->name) != 0)))
        return above_unknown(s, i, q, e);
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
    char more[ADVICE_SIZE];

    if (resolvers == NULL || !questions_start(&q, s->zones->record_count, e))
        return false;
    for (size_t i = 0; i < s->zones->record_count; i++) {
        const struct zone_record *r = &s->zones->records[i];

        if (r->zone != NULL || s->seeks[i].at != NULL)
            continue;
        if (s->seeks[i].above[0] == '\0')
            return err_set(e, ERR_NETWORK, "no zone is found for '%s'%s", r->target,
                           advice(more, s));
        add_question(&q, i, resolvers, s->seeks[i].above, DNS_TYPE_SOA, true);
    }
    if (!ask(&q, s->d, e))
        return false;
    for (size_t n = 0; n < q.count; n++)
        if (!take_above(s, q.whose[n], &q.items[n], e))
            return false;
    return true;
}

/* A CNAME that a wildcard makes (RFC 4592) leads away any name that nobody has made. It delegates
 * nothing, and a record at the name itself ends it: so a name beside the target is asked for. */
static bool
make_sibling(char name[static DNS_NAME_SIZE], const char *target)
{
    const char *parent = dns_name_parent(target);
    char text[2 * DNS_NAME_SIZE];

    if (parent == NULL)
        return false;
    (void)snprintf(text, sizeof(text), "pgcert-%04x%04x.%s", dns_random_id(), dns_random_id(),
                   parent);
    return dns_name_copy(name, text);
}

static bool
follow(const struct search *s, size_t i, struct err *e)
{
    struct zone_record *r = &s->zones->records[i];

    if (!dns_name_copy(r->target, s->seeks[i].cname))
        return err_set(e, ERR_PROTOCOL, "'%s' is a CNAME for no name", r->target);
    restart(s, i);
    return true;
}

/* The alias that was set is where records go, whatever stands there. */
static bool
is_alias(const struct search *s, const struct zone_record *r)
{
    const char *alias = s->d->config.alias;

    return alias != NULL && strcmp(alias, r->fqdn) == 0;
}

static bool
climb(const struct search *s, size_t i, const struct resolver_question *q, struct err *e)
{
    struct seek *seek = &s->seeks[i];

    return next_step(seek, ITS_PARENT, dns_name_parent(seek->name)) || no_zone(s, i, q, e);
}

static bool
take_cname(const struct search *s, size_t i, const struct resolver_question *q,
           const struct dns_record *cname, struct err *e)
{
    struct seek *seek = &s->seeks[i];
    char sibling[DNS_NAME_SIZE];

    if (seek->step == ITS_PARENT || is_alias(s, &s->zones->records[i]))
        return climb(s, i, q, e);
    if (!dns_name_copy(seek->cname, cname->data))
        seek->cname[0] = '\0';
    if (make_sibling(sibling, seek->name) && next_step(seek, ITS_SIBLING, sibling))
        return true;
    return follow(s, i, e);
}

/* Without an answer the CNAME is believed. */
static bool
take_sibling(const struct search *s, size_t i, const struct resolver_question *q, struct err *e)
{
    const struct dns_record *cname = cname_of(&q->answer, q->name);
    struct seek *seek = &s->seeks[i];

    if (!q->is_answered || cname == NULL || strcasecmp(cname->data, seek->cname) != 0)
        return follow(s, i, e);
    log_debug("'%s' is a CNAME for '%s' by a wildcard only, which is not followed",
              s->zones->records[i].target, seek->cname);
    return climb(s, i, q, e);
}

/* Reads an authoritative server's answer about the record's name itself, or what is above it. */
static bool
take_target(const struct search *s, size_t i, const struct resolver_question *q, struct err *e)
{
    struct zone_record *r = &s->zones->records[i];
    struct seek *seek = &s->seeks[i];
    const struct dns_record *cname = cname_of(&q->answer, q->name);
    const struct dns_record *soa = soa_for(&q->answer, q->name);
    const struct dns_record *referral = referral_for(&q->answer, q->name);

    if (!q->has_rcode && widen(s, seek->at))
        return true; /* ask them */
    if (q->is_answered && cname != NULL)
        return take_cname(s, i, q, cname, e);
    if (q->is_answered && soa != NULL) {
        r->zone = zone_get(s->zones, soa->owner, soa->data, e);
        if (r->zone != NULL && s->hint->at != NULL)
            r->zone->at = *s->hint->at;
        return r->zone != NULL;
    }
    if (!q->is_answered || referral == NULL || s->hint->at != NULL)
        return no_zone(s, i, q, e);
    /* the zone in between is delegated to others: find its primary first */
    seek->by = seek->at;
    seek->at = NULL;
    return dns_name_copy(seek->above, referral->owner) || no_zone(s, i, q, e);
}

static bool
ask_target(const struct search *s, struct err *e)
{
    own_questions struct questions q = {0};

    if (!questions_start(&q, s->zones->record_count, e))
        return false;
    for (size_t i = 0; i < s->zones->record_count; i++)
        if (s->zones->records[i].zone == NULL && s->seeks[i].at != NULL)
            add_question(&q, i, s->seeks[i].at, s->seeks[i].name, DNS_TYPE_SOA, false);
    if (!ask(&q, s->d, e))
        return false;
    for (size_t n = 0; n < q.count; n++) {
        size_t i = q.whose[n];
        bool is_sibling = s->seeks[i].step == ITS_SIBLING;

        if (is_sibling ? !take_sibling(s, i, &q.items[n], e) : !take_target(s, i, &q.items[n], e))
            return false;
    }
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

/* Records that could not be found are forgotten, and so are zones without an address: later calls,
 * maybe for other orders, do not meet them again. */
static void
forget_unfinished(struct zones *z)
{
    size_t kept = 0;

    for (size_t i = 0; i < z->count; i++)
        z->zones[i]->is_left = z->zones[i]->at.count == 0;
    for (size_t i = 0; i < z->record_count; i++)
        if (z->records[i].zone != NULL && !z->records[i].zone->is_left)
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
