/* awserror.h: what Amazon's services say when they refuse, as a sentence. */
#ifndef PGCERT_ACME_AWSERROR_H
#define PGCERT_ACME_AWSERROR_H

#include "acme/restxml.h"

/*
 * Finds the code of an error, and what is said of it.
 *
 * Takes:  xml  may be NULL
 * Gives:  the code, and *message; NULL where there is none; borrowed from xml
 * Source: docs.aws.amazon.com/Route53/latest/APIReference/requests-rest-responses.html:
 * <ErrorResponse>; and <InvalidChangeBatch>, an older form
 */
const char *awserror_find(const struct xml *xml, const char **message);

/* Throttling and the like, which come with 400: a rest_judge. */
bool awserror_is_busy(const struct http_response *response);

/*
 * The sentence for an answer which is not good. Always false.
 *
 * Takes:  what  was to be done: "list the hosted zones"
 * Errors: ERR_PERMISSION  the key is refused, or what was asked for is
 *         ERR_NETWORK     the service fails (5xx)
 */
bool awserror_refused(const struct rest *r, const struct restxml_answer *answer, const char *what,
                      struct err *e);

#endif
