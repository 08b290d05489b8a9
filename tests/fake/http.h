/* http.h: a server which gives written answers, one after the other, and remembers what it was
 * asked. */
#ifndef PGCERT_FAKE_HTTP_H
#define PGCERT_FAKE_HTTP_H

#include "base/http.h"

/* One answer. */
struct reply {
    int status;           /* 0: there is no answer (ERR_NETWORK); -1: none in time (ERR_TIMEOUT) */
    const char *type;     /* Content-Type; NULL: no such header */
    const char *body;     /* NULL: empty */
    const char *nonce;    /* Replay-Nonce */
    const char *location; /* Location */
    const char *links[3]; /* Link headers */
    int64_t retry_at_s;
};

struct fake_http {
    struct http base; /* first, so that a struct http * is one of these */
    const struct reply *replies;
    size_t count;
    size_t next; /* how many were given */

    /* A line for each request: "HEAD URL", "GET URL", for one of ACME "POST URL jwk|KID NONCE
     * PAYLOAD", for another one with a body "POST URL TYPE BODY"; its own header lines follow, each
     * in brackets. Asked more than was written: the line ends in " (unexpected)". */
    struct str asked;
};

#define own_fake_http __attribute__((cleanup(fake_http_done)))

/* A server with these answers. `replies` is borrowed. */
struct fake_http fake_http_with(const struct reply *replies, size_t count);

/* What it was asked; "" when nothing. */
const char *fake_http_asked(const struct fake_http *f);

void fake_http_done(struct fake_http *f);

#endif
