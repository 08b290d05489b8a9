/* responder.c: from a query to its answer. */
#include "acme/responder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Somebody who asked a moment too early shall not remember that there is nothing. */
#define NEGATIVE_TTL_S 1

enum { TYPE_OPT = 41, TYPE_META_FIRST = 128, TYPE_META_LAST = 254, TYPE_ANY = 255, CLASS_IN = 1 };

/* ------------------------------------------------------------------ what is published */

const char *
responder_zone_of(const struct responder *r, const char *name)
{
    const char *nearest = NULL;

    for (size_t i = 0; i < r->zones.count; i++)
        if (dns_name_under(name, r->zones.items[i]) &&
            (nearest == NULL || strlen(r->zones.items[i]) > strlen(nearest)))
            nearest = r->zones.items[i];
    return nearest;
}

bool
responder_add_zone(struct responder *r, const char *name, struct err *e)
{
    char zone[DNS_NAME_SIZE];

    if (!dns_name_copy(zone, name))
        return err_set(e, ERR_CONFIG, "'%s' is not a name that DNS can hold", name);
    if (list_has(&r->zones, zone))
        return true;
    if (r->zones.count == RESPONDER_ZONES_MAX)
        return err_set(e, ERR_CONFIG, "there are more than %d zones", RESPONDER_ZONES_MAX);
    return list_add(&r->zones, zone) || err_memory(e);
}

static struct responder_txt *
find(const struct responder *r, const char *name, const char *value)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcasecmp(r->records[i].name, name) == 0 && strcmp(r->records[i].value, value) == 0)
            return &r->records[i];
    return NULL;
}

bool
responder_add(struct responder *r, const char *name, const char *value, struct err *e)
{
    struct responder_txt *records = NULL;
    struct responder_txt new = {.value = ""};
    size_t size = strlen(value);

    if (!dns_name_copy(new.name, name) || size == 0 || size > 255)
        return err_set(e, ERR_CONFIG, "'%s' is not a name that DNS can hold", name);
    if (find(r, new.name, value) != NULL)
        return true;
    if (r->count == RESPONDER_RECORDS_MAX)
        return err_set(e, ERR_CONFIG, "there are more than %d records", RESPONDER_RECORDS_MAX);
    memcpy(new.value, value, size + 1);
    records = reallocarray(r->records, r->count + 1, sizeof(new));
    if (records == NULL)
        return err_memory(e);
    r->records = records;
    r->records[r->count++] = new;
    return true;
}

void
responder_remove(struct responder *r, const char *name, const char *value)
{
    struct responder_txt *found = find(r, name, value);

    if (found != NULL)
        *found = r->records[--r->count];
}

bool
responder_save(const struct responder *r, struct str *text, struct err *e)
{
    bool good = str_addf(text, "serial %u\n", (unsigned)r->serial);

    for (size_t i = 0; good && i < r->zones.count; i++)
        good = str_addf(text, "zone %s\n", r->zones.items[i]);
    for (size_t i = 0; good && i < r->count; i++)
        good = str_addf(text, "txt %s %s\n", r->records[i].name, r->records[i].value);
    return good || err_memory(e);
}

static bool
load_line(struct responder *r, char *line, struct err *e)
{
    char *name = strchr(line, ' ');
    char *value = name == NULL ? NULL : strchr(name + 1, ' ');

    if (name == NULL)
        return err_set(e, ERR_INTERNAL, "a line for the name server is damaged");
    *name++ = '\0';
    if (value != NULL)
        *value++ = '\0';
    if (strcmp(line, "serial") == 0) {
        r->serial = (uint32_t)strtoul(name, NULL, 10);
        return true;
    }
    if (strcmp(line, "zone") == 0)
        return responder_add_zone(r, name, e);
    if (strcmp(line, "txt") == 0 && value != NULL)
        return responder_add(r, name, value, e);
    return err_set(e, ERR_INTERNAL, "a line for the name server is damaged");
}

bool
responder_load(struct responder *r, const struct str *text, struct err *e)
{
    own_responder struct responder new = {.ttl_s = 0};
    own_mem char *lines = text->size == 0 ? NULL : strdup(text->text);
    struct list zones = r->zones;
    struct responder_txt *records = r->records;

    if (text->size > 0 && lines == NULL)
        return err_memory(e);
    for (char *line = lines; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');

        if (end != NULL)
            *end++ = '\0';
        if (!load_line(&new, line, e))
            return err_set(e, ERR_INTERNAL, "what the name server is to publish is damaged");
        line = end;
    }
    r->zones = new.zones;
    r->records = new.records;
    r->count = new.count;
    r->serial = new.serial;
    new.zones = zones;
    new.records = records;
    return true;
}

/* ------------------------------------------------------------------ one answer */

/* The records of an answer as they are collected. */
struct collected {
    struct dnsreply_record *items;
    size_t count;
};

static struct dnsreply_record
soa_of(const struct responder *r, const char *zone, enum dns_section section)
{
    return (struct dnsreply_record){
        .section = section,
        .type = DNS_TYPE_SOA,
        .owner = zone,
        .data = r->nameserver,
        .mailbox = r->mailbox,
        .serial = r->serial,
        .minimum_s = NEGATIVE_TTL_S,
        /* RFC 2308 section 3: that of a denial is the lesser one */
        .ttl_s = section == DNS_AUTHORITY || r->ttl_s < NEGATIVE_TTL_S ? NEGATIVE_TTL_S : r->ttl_s,
    };
}

static void
collect(struct collected *c, const struct responder *r, enum dns_type type, const char *owner,
        const char *data)
{
    c->items[c->count++] = (struct dnsreply_record){
        .section = DNS_ANSWER, .type = type, .owner = owner, .data = data, .ttl_s = r->ttl_s};
}

static void
collect_values(struct collected *c, const struct responder *r, const struct dnsreply_query *q)
{
    if (q->type != DNS_TYPE_TXT && q->type != TYPE_ANY)
        return;
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->records[i].name, q->name) == 0)
            collect(c, r, DNS_TYPE_TXT, r->records[i].name, r->records[i].value);
}

static void
collect_apex(struct collected *c, const struct responder *r, const struct dnsreply_query *q,
             const char *zone)
{
    if (strcmp(q->name, zone) != 0)
        return;
    if (q->type == DNS_TYPE_NS)
        collect(c, r, DNS_TYPE_NS, zone, r->nameserver);
    /* of ANY one RRset is enough */
    if (q->type == DNS_TYPE_SOA || (q->type == TYPE_ANY && c->count == 0))
        c->items[c->count++] = soa_of(r, zone, DNS_ANSWER);
}

static void
collect_addresses(struct collected *c, const struct responder *r, const struct dnsreply_query *q)
{
    if (strcmp(q->name, r->nameserver) != 0)
        return;
    for (size_t i = 0; i < r->address_count; i++) {
        const struct address *a = &r->addresses[i];

        if (q->type == DNS_TYPE_A && a->socket.any.sa_family == AF_INET)
            collect(c, r, DNS_TYPE_A, r->nameserver, (const char *)&a->socket.v4.sin_addr);
        if (q->type == DNS_TYPE_AAAA && a->socket.any.sa_family == AF_INET6)
            collect(c, r, DNS_TYPE_AAAA, r->nameserver, (const char *)&a->socket.v6.sin6_addr);
    }
}

/* RFC 8020: a name exists, too, when one below it does. */
static bool
is_there(const struct responder *r, const char *name, const char *zone)
{
    if (strcmp(name, zone) == 0 ||
        (dns_name_under(r->nameserver, name) && responder_zone_of(r, r->nameserver) == zone))
        return true;
    for (size_t i = 0; i < r->count; i++)
        if (dns_name_under(r->records[i].name, name))
            return true;
    return false;
}

/* Fills the reply from a zone of ours; `c` has room. */
static void
answer_in(struct dnsreply *reply, struct collected *c, const struct responder *r,
          const struct dnsreply_query *q, const char *zone)
{
    collect_values(c, r, q);
    collect_addresses(c, r, q);
    collect_apex(c, r, q, zone);
    reply->authoritative = true;
    if (c->count == 0) {
        c->items[c->count++] = soa_of(r, zone, DNS_AUTHORITY);
        if (!is_there(r, q->name, zone))
            reply->rcode = DNS_RCODE_NXDOMAIN;
    }
    reply->records = c->items;
    reply->count = c->count;
}

/* OPT and those above are no types of records; ANY is. Transfers are among them. */
static bool
is_for_us(const struct dnsreply_query *q)
{
    return q->class == CLASS_IN && q->type != 0 && q->type != TYPE_OPT &&
           !(q->type >= TYPE_META_FIRST && q->type <= TYPE_META_LAST);
}

enum responder_verdict
responder_answer(const struct responder *r, const void *query, size_t size, bool by_tcp,
                 bool truncated, struct str *answer)
{
    struct dnsreply_query q;
    struct dnsreply reply = {.rcode = DNS_RCODE_REFUSED};
    own_mem struct dnsreply_record *items = NULL;
    struct collected c = {.count = 0};
    const char *zone = NULL;
    struct err ignored = {0};

    if (!dnsreply_read(&q, query, size))
        return RESPONDER_SILENT;
    if (q.rcode != DNS_RCODE_NOERROR)
        reply.rcode = q.rcode;
    else if (is_for_us(&q))
        zone = responder_zone_of(r, q.name);
    if (zone != NULL) {
        /* values, addresses, and one of the apex or of the denial */
        items = calloc(r->count + r->address_count + 1, sizeof(*items));
        if (items == NULL)
            return RESPONDER_SILENT;
        c.items = items;
        reply.rcode = DNS_RCODE_NOERROR;
        reply.truncated = truncated && !by_tcp;
        answer_in(&reply, &c, r, &q, zone);
    }
    if (!dnsreply_write(answer, &q, &reply, by_tcp ? DNS_MESSAGE_MAX : q.udp_size, &ignored))
        return RESPONDER_SILENT;
    return zone == NULL ? RESPONDER_REFUSED : RESPONDER_ANSWERED;
}

void
responder_done(struct responder *r)
{
    list_done(&r->zones);
    free(r->records);
    *r = (struct responder){.count = 0};
}
