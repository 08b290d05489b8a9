/* alias.h: records that all go to one name, which was set ('alias'), to which CNAMEs lead. */
#ifndef PGCERT_ACME_ALIAS_H
#define PGCERT_ACME_ALIAS_H

#include "acme/records.h"

/*
 * Gives all records the name of d->config.alias, once it is seen that CNAMEs lead the issuer from
 * their own names to it; without an alias nothing is done. With 'propagation = wait' nobody is
 * asked.
 *
 * Errors: ERR_CONFIG   CNAMEs are missing, or lead elsewhere: which
 *         ERR_NETWORK  the resolvers cannot tell
 *         ERR_SYSTEM   out of memory
 */
MUST_USE bool alias_apply(struct dns *d, struct records *all, struct err *e);

#endif
