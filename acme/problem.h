/* problem.h: what the server says when it refuses (RFC 7807, RFC 8555 section 6.7), in a sentence.
 */
#ifndef PGCERT_ACME_PROBLEM_H
#define PGCERT_ACME_PROBLEM_H

#include "base/err.h"
#include "base/http.h"
#include "base/json.h"

/*
 * Fills the error from a problem document: its detail, its first subproblems by name, and what to
 * do, also about each of those. Returns false always.
 *
 * Takes:  problem     whatever it is; NULL: there is none, the status speaks
 *         status      HTTP status; 0 when the problem came inside a resource
 *         retry_at_s  from Retry-After; 0: none
 * Errors: by the type's row in the table: ERR_REFUSED, ERR_BUSY, ERR_NETWORK, ERR_PROTOCOL,
 *         ERR_CONFIG; for a compound one, that of its subproblems when they agree
 * Source: RFC 8555 sections 6.7, 6.7.1, 7.3.3
 */
bool problem_tell(const struct json_t *problem, int status, int64_t retry_at_s, struct err *e);

/*
 * Adds to what problem_tell() said where a person can read more: the terms of service to agree to
 * (userActionRequired), the rules (rateLimited). Other problems, and URLs that are not https or too
 * long for a sentence, add nothing.
 *
 * Takes:  help   the targets of Link: ...;rel="help"
 *         terms  and of rel="terms-of-service"
 * Source: RFC 8555 sections 6.6, 7.3.3
 */
void problem_point(const struct json_t *problem, const struct list *help, const struct list *terms,
                   struct err *e);

/* Is it "urn:ietf:params:acme:error:TYPE"? */
bool problem_is(const struct json_t *problem, const char *type);

#endif
