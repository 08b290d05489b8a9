/* ncapi.h: requests of Namecheap's API: a form goes there, XML comes back.
 *
 * Source: www.namecheap.com/support/api: global parameters, error codes, namecheap.domains.getList.
 */
#ifndef PGCERT_ACME_NCAPI_H
#define PGCERT_ACME_NCAPI_H

#include "acme/restxml.h"

/* Who asks. */
struct ncapi {
    const char *api_user;  /* borrowed, as the next two */
    const char *user_name; /* who has the domain */
    const char *client_ip; /* IPv4 */
    struct str key;        /* never to be told */
};

/* Reads the key. ERR_CONFIG when the file has another form; else as file_read_secret(). */
MUST_USE bool ncapi_read_key(struct ncapi *a, const char *path, struct err *e);

/* Begins the body of a request with what all requests have. Out of memory is the only error. */
MUST_USE bool ncapi_begin(const struct ncapi *a, struct str *body, const char *command,
                          struct err *e);

/* Adds "&name=value", the value encoded. False: out of memory. */
MUST_USE bool ncapi_add(struct str *body, const char *name, const char *value);

/* Adds a registered domain, as "domain" and "co.uk" for "domain.co.uk": what is registered has one
 * label before the others. */
MUST_USE bool ncapi_add_domain(struct str *body, const char *domain, struct err *e);

/*
 * Asks.
 *
 * Takes:  what  is to be done: "list the domains"
 * Gives:  the element CommandResponse, borrowed from *answer, which was empty before
 * Errors: ERR_PERMISSION, ERR_CONFIG  it is refused; the sentence says what to do
 *         ERR_NETWORK                 the service, or the registry behind it, fails
 *         ERR_PROTOCOL                it is no answer
 *         as restxml_call()
 */
MUST_USE const struct xml *ncapi_call(struct rest *r, const struct ncapi *a, const struct str *body,
                                      const char *what, struct restxml_answer *answer,
                                      struct err *e);

/* Adds the names of all domains of the user. Which domain a name is in is told by that list alone:
 * "co.uk" is no domain, "example.uk" is one. Errors as ncapi_call(). */
MUST_USE bool ncapi_domains(struct rest *r, const struct ncapi *a, struct list *domains,
                            struct err *e);

/* Too many requests, more than 20 a minute or so, is 405, or an error with 200: a rest_judge. */
bool ncapi_is_busy(const struct http_response *response);

#endif
