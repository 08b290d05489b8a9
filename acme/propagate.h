/* propagate.h: wait until the world sees the published records. */
#ifndef PGCERT_ACME_PROPAGATE_H
#define PGCERT_ACME_PROPAGATE_H

#include "acme/dns.h"

/*
 * Waits until every server asked answers with every record's value, by d->config.propagation:
 * authoritative: every address of every NS of the record's zone, asked directly, in parallel;
 * recursive: each configured resolver (else the system's); wait: wait_s and nothing else.
 *
 * An address that has answered without a value must then answer with all of them three times in a
 * row: several machines may stand behind it. One that does not answer is no matter where another
 * address of the same server has the record.
 *
 * CNAMEs at the record's name are followed as soa.h says. The first question is asked after 50 ms
 * (at once when the primary just acknowledged and is asked directly), then with a pause that
 * doubles up to 5 s, until config.timeout_s is over. `progress` hears which servers are still
 * waited for.
 *
 * Errors: ERR_TIMEOUT  naming the servers without the value and what they answered instead
 *         ERR_NETWORK  the name servers of the zone cannot be found out
 */
MUST_USE bool propagate_wait(struct dns *d, const struct dns_txt *records, size_t count,
                             struct progress *progress, struct err *e);

#endif
