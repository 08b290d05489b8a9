/* delegation.h: say why a delegated zone cannot be found. */
#ifndef PGCERT_ACME_DELEGATION_H
#define PGCERT_ACME_DELEGATION_H

#include "acme/zone.h"

/*
 * Asks each server that a zone is delegated to, for the sentence of a failure: which of them has no
 * address, gives no answer, or does not have the zone (a lame delegation).
 *
 * Takes:  by    servers of the zone above, which have the NS records
 *         name  of the zone
 * Gives:  e     ERR_NETWORK, when it returns true; unchanged: nothing is wrong with any of them
 * Source: RFC 1034 section 4.2.2, RFC 1912 section 2.8 (lame), RFC 9471 (glue)
 */
bool delegation_explain(struct dns *d, const struct resolver *by, const char *name, struct err *e);

#endif
