/* order.h: an order from whatever state it is in to a downloaded chain (RFC 8555 section 7.1.6). */
#ifndef PGCERT_ACME_ORDER_H
#define PGCERT_ACME_ORDER_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

enum order_status { ORDER_PENDING, ORDER_READY, ORDER_PROCESSING, ORDER_VALID, ORDER_INVALID };

struct order {
    enum order_status status;
    char *url;
    char *finalize;             /* URL */
    char *certificate;          /* URL; NULL: not there yet */
    struct list authorizations; /* URLs */
    int64_t retry_at_s;         /* the server's advice with the last answer; 0: none */
    struct json_t *error;       /* why it became invalid; NULL: not said */
    bool is_answered;           /* the challenges are answered in this run */
    bool is_finalized;          /* the request is sent in this run */
    struct str chain_pem;       /* filled by the download */
};

/* What an order needs from outside; each fills or renews the order. */
typedef bool order_step(struct order *o, void *self, struct err *e);

struct order_ports {
    void *self;
    order_step *answer;   /* publish the records, wait, answer the challenges */
    order_step *poll;     /* wait a while, then ask for the order */
    order_step *finalize; /* send the request */
    order_step *download;
    order_step *refuse; /* say why it is invalid: always fails */
};

/*
 * Reads an order object.
 *
 * Takes:  o  its url stays as it is
 * Errors: ERR_PROTOCOL  a member is missing or of another kind
 */
MUST_USE bool order_fill(struct order *o, const struct json_t *object, struct err *e);

/* Is it for these names, in whatever order? One that does not say is not for others. */
bool order_is_for(const struct json_t *object, const struct list *names);

/* Runs to the end. Errors: what the ports say; ERR_TIMEOUT when it takes too many turns. */
MUST_USE bool order_run(struct order *o, const struct order_ports *ports, struct err *e);

void order_done(struct order *o);

#endif
