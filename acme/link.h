/* link.h: the Link header (RFC 8288), as far as ACME uses it. */
#ifndef PGCERT_ACME_LINK_H
#define PGCERT_ACME_LINK_H

#include "base/str.h"

#define LINK_MAX 16 /* that are kept */

/*
 * Adds the targets of one Link header that have a relation: "alternate" (RFC 8555 section 7.4.2),
 * "next" (section 7.1.2.1), "terms-of-service" (section 7.3.3), "help" (section 6.6). What is
 * malformed is passed over, and so is what is not https.
 *
 * Takes:  value     one or more links, separated by commas
 *         relation  the word
 *         base_url  of the request; a target without scheme and host is of the same server
 * Gives:  urls      appended, each once, LINK_MAX in all
 * Errors: false when memory ran out
 */
MUST_USE bool link_add(struct list *urls, const char *value, const char *relation,
                       const char *base_url);

#endif
