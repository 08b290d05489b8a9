/* soa.h: find the zone of a record, and its primary, by SOA records (RFC 1035 section 3.3.13). */
#ifndef PGCERT_ACME_SOA_H
#define PGCERT_ACME_SOA_H

#include "acme/zone.h"

/* What the administrator has said; either may be NULL. */
struct soa_hint {
    const struct resolver *at; /* the server to ask, and to update */
    const char *zone;          /* the zone's name */
    bool any_server;           /* only to look: another server of the zone will do as well */
};

/*
 * Finds the zones of records, all at the same time; what is known already is not asked again.
 *
 * Takes:  hint  NULL: nothing was said, and any server will do
 * With a server: it is asked for the SOA of each name, and answers with it or names the zone in
 * its authority section (RFC 2308). Without: a resolver is asked for the SOA of the name above (to
 * ask it for a name that is about to be published would make it remember that there is none), then
 * the primary found so, which knows about zones in between. A primary that is hidden, or named by
 * a default which nobody changed, has no address or gives no answer: where any server will do, the
 * zone's others are asked then.
 *
 * CNAMEs are followed, but not those which a wildcard makes: when a random name beside it has the
 * same one, the record's place is the name itself. Neither are those at config.alias.
 *
 * Gives:  what zone_of() finds for each: zone->at has at least one address
 * Source: RFC 1034 section 3.6.2 (CNAME), RFC 4592 section 3.3 (wildcards)
 * Errors: ERR_PERMISSION  the server says that it does not have the zone
 *         ERR_CONFIG      a name is not in the zone that was set; CNAMEs lead in a circle
 *         ERR_NETWORK     no answer, or none with an SOA record; the primary has no address; a zone
 *                         is delegated to servers that do not have it
 *         ERR_PROTOCOL    what came is no answer
 */
MUST_USE bool soa_find(struct dns *d, const struct soa_hint *hint, const struct dns_txt *records,
                       size_t count, struct err *e);

/*
 * Asks the zone's server who the primary is, for the sentence of a refusal. Never fails.
 *
 * Gives:  zone->primary  stays "" when that cannot be found out
 * Returns whether the primary has addresses of which none is in zone->at
 */
bool soa_primary_is_elsewhere(struct dns *d, struct zone *zone);

#endif
