/* problem.h: what the server says when it refuses (RFC 7807, RFC 8555 section 6.7), in a sentence.
 */
#ifndef PGCERT_ACME_PROBLEM_H
#define PGCERT_ACME_PROBLEM_H

#include "base/err.h"
#include "base/http.h"
#include "base/json.h"

/*
 * Fills the error from a problem document: its detail, its subproblems by name, and what to do.
 *
 * Takes:  problem     the object; NULL: there is none, the status speaks
 *         status      HTTP status; 0 when the problem came inside a resource
 *         retry_at_s  from Retry-After; 0: none
 * Errors: by the type's row in the table: ERR_REFUSED, ERR_BUSY, ERR_NETWORK, ERR_PROTOCOL,
 * ERR_CONFIG Returns false always.
 */
bool problem_tell(const struct json_t *problem, int status, int64_t retry_at_s, struct err *e);

/* Is it "urn:ietf:params:acme:error:TYPE"? */
bool problem_is(const struct json_t *problem, const char *type);

#endif
