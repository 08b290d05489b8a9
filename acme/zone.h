/* zone.h: the zones that are known so far, and which records are in them; kept for a whole run. */
#ifndef PGCERT_ACME_ZONE_H
#define PGCERT_ACME_ZONE_H

#include "acme/dns.h"
#include "base/resolver.h"

/* One of a zone's authoritative servers; nameserver.h finds them. */
struct nameserver {
    char name[DNS_NAME_SIZE];
    struct resolver at; /* all of its addresses */
};

struct zone {
    char name[DNS_NAME_SIZE];
    char primary[DNS_NAME_SIZE]; /* MNAME of the SOA record; "": not known */
    struct resolver at;          /* who takes updates; none: not known */
    bool is_left; /* it has no address that can be found out: passed over until it is met again */
    struct nameserver *nameservers; /* NULL: not known */
    size_t nameserver_count;
    bool has_other_servers; /* in `at` stand those, as the primary did not answer */
};

/* Where a record lives. */
struct zone_record {
    char fqdn[DNS_NAME_SIZE];
    char target[DNS_NAME_SIZE]; /* where CNAMEs lead from fqdn; mostly fqdn itself */
    struct zone *zone;          /* borrowed; NULL: not known */
};

struct zones {
    struct zone **zones; /* each one stays where it is */
    size_t count;
    struct zone_record *records;
    size_t record_count;
    struct resolver resolvers; /* configured, else the system's; none: not known */
};

/* d->zones, made when there is none yet. NULL and ERR_SYSTEM. */
struct zones *zone_all(struct dns *d, struct err *e);

/* Where the record lives; NULL: not known. */
const struct zone_record *zone_of(const struct dns *d, const char *fqdn);

/* Finds the zone or adds it. NULL and ERR_SYSTEM; ERR_PROTOCOL when a name is not dns_name_is(). */
struct zone *zone_get(struct zones *z, const char *name, const char *primary, struct err *e);

/* Adds the record, in no zone yet, unless it is known. ERR_CONFIG: not a name. */
MUST_USE bool zone_add_record(struct zones *z, const char *fqdn, struct err *e);

/* The configured resolvers, else the system's. NULL and ERR_CONFIG, ERR_NETWORK, ERR_SYSTEM. */
const struct resolver *zone_resolvers(struct dns *d, struct err *e);

/* The moment at which one step of looking up has taken long enough. */
int64_t zone_deadline_ms(const struct dns *d);

/* Frees and forgets; NULL is nothing to free. */
void zone_free(struct zones *z);

#endif
