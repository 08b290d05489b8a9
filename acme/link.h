/* link.h: the Link header (RFC 8288), as far as ACME uses it for alternate chains. */
#ifndef PGCERT_ACME_LINK_H
#define PGCERT_ACME_LINK_H

#include "base/str.h"

#define LINK_MAX 16 /* alternates that are kept */

/*
 * Adds the targets of one Link header that have the relation "alternate" (RFC 8555 section 7.4.2).
 * What is malformed is passed over.
 *
 * Takes:  value     one or more links, separated by commas
 *         base_url  of the request; a target without scheme and host is of the same server
 * Gives:  urls      appended, each once, LINK_MAX in all
 * Errors: false when memory ran out
 */
MUST_USE bool link_add_alternates(struct list *urls, const char *value, const char *base_url);

#endif
