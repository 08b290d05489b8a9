/* oauth.h: an access token of OAuth 2.0, asked for when it is needed and remembered until shortly
 * before it ends.
 *
 * A service with OAuth has a function rest_authorize, which does nothing while oauth_is_valid(),
 * and else makes the form of its grant and calls oauth_ask().
 */
#ifndef PGCERT_ACME_OAUTH_H
#define PGCERT_ACME_OAUTH_H

#include "acme/rest.h"

/* The token itself is in the header of struct rest, which wipes it. */
struct oauth {
    int64_t until_ms; /* of the steady clock; 0: there is none */
};

/* What to do about an error of a token endpoint. */
struct oauth_hint {
    const char *sign; /* what its text holds */
    const char *hint; /* "make a new secret ..." */
};

/* One request for a token. All is borrowed. */
struct oauth_request {
    const char *url;                /* of the token endpoint: https */
    const char *form;               /* the body, see oauth_add_field() */
    const char *secret;             /* in the form: never to be told */
    const struct oauth_hint *hints; /* ended by a row without sign */
};

/* Is there a token, which will do for the next request? */
bool oauth_is_valid(const struct oauth *o, const struct rest *r);

/*
 * Asks a token endpoint, again when it is busy, as rest_call() does.
 *
 * Gives:  r->header, r->token, o
 * Errors: ERR_PERMISSION  no token is given to who asks; what the endpoint says, and the hint
 *         ERR_NETWORK     it fails (5xx), or is not available
 *         ERR_PROTOCOL    success was answered, without a token that can be used
 *         as rest_call()
 * Source: RFC 6749 sections 4.4, 5.1 and 5.2
 */
MUST_USE bool oauth_ask(struct oauth *o, struct rest *r, const struct oauth_request *request,
                        struct err *e);

/* Appends NAME=VALUE to a form. False: out of memory. */
MUST_USE bool oauth_add_field(struct str *form, const char *name, const char *value);

#endif
