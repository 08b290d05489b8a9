/* publish.h: the records of several orders go out together, in few updates.
 *
 * Orders that are under way at the same time say so. The first of them that has records waits for
 * the others, for a moment; then all go to the provider in one call, and what comes meanwhile in
 * the next one. An order that runs alone waits for nobody.
 */
#ifndef PGCERT_ACME_PUBLISH_H
#define PGCERT_ACME_PUBLISH_H

#include "acme/dns.h"

/* One more order is under way which may have records for d. */
void publish_expect(struct dns *d);

/* It has said what it has, or will have nothing: not to be waited for any more. */
void publish_forgo(struct dns *d);

/*
 * Publishes, or removes, as the provider does, together with what others have.
 *
 * A call for several orders that fails is made again for each of them, so that only those fail
 * whose records are the reason; when three in a row fail for now, so do the rest.
 *
 * Errors: what the provider has
 */
MUST_USE bool publish_records(struct dns *d, const struct dns_txt *records, size_t count,
                              struct err *e);
MUST_USE bool publish_remove(struct dns *d, const struct dns_txt *records, size_t count,
                             struct err *e);

#endif
