/* nameserver.c: NS records and addresses. */
#include "acme/nameserver.h"

#include <stdlib.h>
#include <string.h>

#define own_questions __attribute__((cleanup(questions_drop)))

/* Those that are wanted, each once. */
struct some {
    struct zone *const *zones;
    size_t count;
};

/* The questions of one step; about which zone and which of its servers. */
struct questions {
    struct resolver_question *items;
    struct zone **zones;
    size_t *servers;
    size_t count;
};

static void
questions_drop(struct questions *q)
{
    resolver_questions_done(q->items, q->count);
    free(q->items);
    free(q->zones);
    free(q->servers);
}

static bool
questions_start(struct questions *q, size_t room, struct err *e)
{
    q->items = calloc(room + 1, sizeof(*q->items));
    q->zones = calloc(room + 1, sizeof(struct zone *));
    q->servers = calloc(room + 1, sizeof(*q->servers));
    return (q->items != NULL && q->zones != NULL && q->servers != NULL) || err_memory(e);
}

static void
add_question(struct questions *q, struct zone *zone, size_t server, const struct resolver *at,
             const char *name, enum dns_type type, bool recurse)
{
    struct resolver_question *item = &q->items[q->count];

    item->at = at;
    item->type = type;
    item->recurse = recurse;
    q->zones[q->count] = zone;
    q->servers[q->count] = server;
    if (dns_name_copy(item->name, name))
        q->count++;
}

/* Keeps the servers that the answer names, with the addresses that come along. Those are believed
 * only where a message had room for all of them: servers leave them out silently. */
static bool
take_servers(struct zone *zone, const struct dns_answer *answer, bool has_all, struct err *e)
{
    const struct dns_record *r = NULL;
    struct nameserver *servers = calloc(NAMESERVER_MAX, sizeof(*servers));
    size_t n = 0;

    if (servers == NULL)
        return err_memory(e);
    for (size_t i = 0;
         n < NAMESERVER_MAX && (r = dns_next(answer, DNS_ANSWER, DNS_TYPE_NS, &i)) != NULL;)
        if (strcmp(r->owner, zone->name) == 0 && dns_name_copy(servers[n].name, r->data))
            n++;
    for (size_t i = 0; i < n && has_all; i++)
        resolver_take(&servers[i].at, answer, DNS_ADDITIONAL, servers[i].name);
    if (n == 0) {
        free(servers);
        return true;
    }
    zone->nameservers = servers;
    zone->nameserver_count = n;
    return true;
}

/* Asks for the NS records of zones without servers; at their own server, or at the resolvers. */
static bool
ask_servers(struct dns *d, const struct some *some, bool by_resolvers, struct err *e)
{
    own_questions struct questions q = {0};
    const struct resolver *resolvers = by_resolvers ? zone_resolvers(d, e) : NULL;

    if ((by_resolvers && resolvers == NULL) || !questions_start(&q, some->count, e))
        return false;
    for (size_t i = 0; i < some->count; i++) {
        struct zone *zone = some->zones[i];
        const struct resolver *at = by_resolvers ? resolvers : &zone->at;

        if (zone->nameservers == NULL && at->count > 0)
            add_question(&q, zone, 0, at, zone->name, DNS_TYPE_NS, by_resolvers);
    }
    if (!resolver_ask(q.items, q.count, d->clock, zone_deadline_ms(d), e))
        return false;
    for (size_t n = 0; n < q.count; n++) {
        const struct dns_answer *answer = &q.items[n].answer;
        bool has_all = answer->authoritative && q.items[n].size <= DNS_UDP_MAX - 64;

        if (q.items[n].is_answered && !take_servers(q.zones[n], answer, has_all, e))
            return false;
        if (by_resolvers && q.zones[n]->nameservers == NULL)
            return err_set(e, ERR_NETWORK,
                           "the name servers of the zone '%s' cannot be found out: %s",
                           q.zones[n]->name,
                           q.items[n].is_answered ? "it has no NS records" : q.items[n].trouble);
    }
    return true;
}

static bool
has_all_servers(const struct some *some)
{
    for (size_t i = 0; i < some->count; i++)
        if (some->zones[i]->nameservers == NULL)
            return false;
    return true;
}

/* The addresses that did not come along. */
static bool
ask_addresses(struct dns *d, const struct some *some, struct err *e)
{
    own_questions struct questions q = {0};
    const struct resolver *resolvers = NULL;

    if (!questions_start(&q, some->count * NAMESERVER_MAX * 2, e))
        return false;
    for (size_t i = 0; i < some->count; i++)
        for (size_t n = 0; n < some->zones[i]->nameserver_count; n++) {
            struct zone *zone = some->zones[i];

            if (zone->nameservers[n].at.count > 0)
                continue;
            resolvers = zone_resolvers(d, e);
            if (resolvers == NULL)
                return false;
            add_question(&q, zone, n, resolvers, zone->nameservers[n].name, DNS_TYPE_A, true);
            add_question(&q, zone, n, resolvers, zone->nameservers[n].name, DNS_TYPE_AAAA, true);
        }
    if (!resolver_ask(q.items, q.count, d->clock, zone_deadline_ms(d), e))
        return false;
    for (size_t n = 0; n < q.count; n++)
        resolver_take(&q.zones[n]->nameservers[q.servers[n]].at, &q.items[n].answer, DNS_ANSWER,
                      q.items[n].name);
    for (size_t n = 0; n < q.count; n++)
        if (q.zones[n]->nameservers[q.servers[n]].at.count == 0)
            return err_set(
                e, ERR_NETWORK, "the name server '%s' of the zone '%s' has no address%s%s",
                q.items[n].name, q.zones[n]->name,
                q.items[n].is_answered ? "" : " that can be found out: ", q.items[n].trouble);
    return true;
}

static void
forget_incomplete(const struct some *some)
{
    for (size_t i = 0; i < some->count; i++) {
        struct zone *zone = some->zones[i];

        for (size_t n = 0; n < zone->nameserver_count; n++)
            if (zone->nameservers[n].at.count == 0) {
                free(zone->nameservers);
                zone->nameservers = NULL;
                zone->nameserver_count = 0;
            }
    }
}

bool
nameserver_find(struct dns *d, struct zone *const *zones, size_t count, struct err *e)
{
    const struct some all = {zones, count};
    const struct some *some = &all;

    if (has_all_servers(some))
        return true;
    if (!ask_servers(d, some, false, e) ||
        (!has_all_servers(some) && !ask_servers(d, some, true, e)))
        return false;
    if (ask_addresses(d, some, e))
        return true;
    forget_incomplete(some);
    return false;
}
