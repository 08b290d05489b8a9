/* handshake.h: ask one address for TLS, and see what it serves. Never waits by itself. */
#ifndef PGCERT_RELOAD_HANDSHAKE_H
#define PGCERT_RELOAD_HANDSHAKE_H

#include "base/cert.h"
#include "base/clock.h"
#include "base/err.h"
#include "reload/addresses.h"
#include "reload/pair.h"
#include "reload/reload.h"

#include <openssl/ssl.h>

/* The longest ErrorResponse that is read. */
#define HANDSHAKE_COMPLAINT_MAX 1024

/* The role and database of the canary's session, which need not exist. */
#define HANDSHAKE_CANARY "pgcert-canary"

struct handshake {
    const struct dial *address; /* borrowed */
    const char *host;           /* borrowed; sent as SNI when it is a name; NULL: nothing */
    enum probe_how how;
    const struct pair *client; /* borrowed; a canary that is shown; NULL: no certificate is */

    int fd; /* -1 at first */
    SSL *ssl;
    int step;    /* index of the table in handshake.c */
    short wants; /* POLLIN or POLLOUT */
    size_t sent; /* bytes of the SSLRequest */
    char complaint[HANDSHAKE_COMPLAINT_MAX];
    size_t complaint_size;

    bool is_heard;  /* whoever makes the connection is at it */
    bool is_shaken; /* as far as our side knows; a TLS 1.3 server may not like the certificate */
    int alert;      /* which the server ended it with (RFC 8446 section 6.2); 0: none */
    bool is_cut;    /* the connection ended in the midst of TLS */
    bool over;
    bool refused; /* nobody listens there */
    struct err e; /* ERR_NONE: it succeeded, and the rest is filled */
    struct chain chain;
    char protocol[16];
    char cipher[64];
};

#define own_handshake __attribute__((cleanup(handshake_done)))

/* A context for handshakes that look and do not judge. NULL and ERR_INTERNAL. */
MUST_USE SSL_CTX *handshake_context(struct err *e);

/* Starts to connect to h->address. With h->client, the handshake succeeds only when the server has
 * taken the certificate: it is asked for a session as `HANDSHAKE_CANARY`, and any answer is good.
 * What goes wrong stands in h->e. */
void handshake_start(struct handshake *h, SSL_CTX *ctx);

/* The same on a connection that is there already; takes the descriptor, which is non-blocking. */
void handshake_adopt(struct handshake *h, SSL_CTX *ctx, int fd);

/*
 * Runs all of them side by side until each is over, at the deadline at the latest.
 *
 * Gives:  in each: over, and e or chain, protocol, cipher. Codes:
 *         ERR_NETWORK   no connection, or it broke off
 *         ERR_TIMEOUT   silence
 *         ERR_FOUND     it is a PostgreSQL, but without TLS
 *         ERR_PROTOCOL  no PostgreSQL, or a TLS that cannot be
 */
void handshake_run(struct handshake *all, size_t count, int64_t deadline_ms, struct clock *clock);

void handshake_done(struct handshake *h);

#endif
