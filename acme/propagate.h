/* propagate.h: wait until the world sees the published records; look for records of others. */
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

/* A search for records that somebody else publishes. */
struct propagate_look {
    /* NULL: that TXT record is what record number i shall be. Else what is wrong with it, "" when
     * it is about something else; valid until the next call. */
    const char *(*judge)(void *context, size_t i, const void *value, size_t size);
    void *context;
    size_t missing; /* given on failure: the first record that is not there; `count`: none is known
                       to be missing */
};

/*
 * Asks the same servers once whether each has a record that is judged good, and waits for nobody.
 * Where propagation is `wait` nobody can be asked, and nothing is.
 *
 * Takes:  records  their names; each is there once, and their values do not matter
 * Errors: ERR_CONFIG   no server has it; ERR_TIMEOUT  some have; ERR_NETWORK  none answered
 */
MUST_USE bool propagate_look(struct dns *d, const struct dns_txt *records, size_t count,
                             struct propagate_look *look, struct err *e);

#endif
