/* authz.h: authorizations and their challenge (RFC 8555 sections 7.1.4, 7.5). */
#ifndef PGCERT_ACME_AUTHZ_H
#define PGCERT_ACME_AUTHZ_H

#include "acme/acme.h"
#include "acme/client.h"

struct authz {
    char *name;    /* the identifier; without the "*." of a wildcard */
    bool is_valid; /* nothing to be proved any more */
    bool is_wildcard;
    char *challenge;       /* URL of the wanted challenge; NULL when is_valid */
    char *token;           /* base64url; NULL when is_valid, and for dns-persist-01 */
    struct json_t *object; /* the challenge as it came; NULL when is_valid */
};

/* Several, owned. */
struct authzs {
    enum acme_challenge type; /* the challenge that is wanted of each */
    struct authz *items;
    size_t count;
};

#define own_authzs __attribute__((cleanup(authzs_done)))

/*
 * Reads the authorizations of an order.
 *
 * Takes:  all    empty, but for the type
 *         urls   of the authorizations
 *         names  which we ordered: an authorization for anything else is refused
 * Errors: ERR_PROTOCOL  malformed, or a name we did not order
 *         ERR_TIMEOUT   the server takes more than five minutes to show them
 *         ERR_REFUSED   one is invalid, or the server offers no such challenge for it: what it
 *                       offers
 *         and what client_post() has
 */
MUST_USE bool authzs_get(struct authzs *all, struct client *c, const struct list *urls,
                         const struct list *names, struct err *e);

/* Says why the first invalid one of them is: the error of its challenge. Returns false always. */
bool authzs_explain(struct client *c, const struct list *urls, struct err *e);

void authzs_done(struct authzs *all);

#endif
