/* nameserver.h: find the authoritative servers of zones, and all of their addresses. */
#ifndef PGCERT_ACME_NAMESERVER_H
#define PGCERT_ACME_NAMESERVER_H

#include "acme/zone.h"

#define NAMESERVER_MAX 16 /* of one zone; RFC 1035 knows no limit, the root has 13 */

/*
 * Finds the name servers of those zones that have none yet, all at the same time: the
 * NS records by the zone's own server (else by the resolvers), the addresses from the same answer
 * where it has them, else by the resolvers.
 *
 * Gives:  zone->nameservers  at least one, each with at least one address
 * Errors: ERR_NETWORK  a zone without NS records, a name server without an address: which, and why
 */
MUST_USE bool nameserver_find(struct dns *d, struct zone *const *zones, size_t count,
                              struct err *e);

#endif
