/* prove.h: does the server serve what was deployed, on every address? */
#ifndef PGCERT_RELOAD_PROVE_H
#define PGCERT_RELOAD_PROVE_H

#include "reload/addresses.h"
#include "reload/reload.h"

/* What is to be proved. */
struct proof {
    const struct addresses *addresses;
    const struct chain *chain; /* which must be served; NULL: any */
    const struct pair *client; /* a client who must be let in; NULL: nobody comes ... */
    bool is_refused;           /* ... or who must not */
    enum probe_how how;        /* TLS begins there */
    const char *server_name;   /* which is asked for (SNI); NULL: none */
    struct clock *clock;
    struct progress *progress;
    int64_t timeout_ms;
};

/*
 * Asks each address once.
 *
 * Gives:  out  endpoints and served_sha256 anew, also when it fails
 * Errors: ERR_FOUND    another certificate is served, or none
 *         ERR_NETWORK, ERR_TIMEOUT, ERR_PROTOCOL, ERR_INTERNAL
 */
MUST_USE bool prove_once(const struct proof *p, struct served *out, struct err *e);

/*
 * Asks again and again until each has served it, or time is over. The server reloads when it finds
 * the time: at once, after 2 ms, then with a pause that doubles up to 100 ms.
 *
 * Errors: as prove_once(), of the last time
 */
MUST_USE bool prove_until(const struct proof *p, struct served *out, struct err *e);

/* Only looks, as prove_once() with nothing wanted. `p->chain` may be NULL. Errors: ERR_NETWORK and
 * the like, when none of them could be asked. */
MUST_USE bool prove_look(const struct proof *p, struct served *out, struct err *e);

/* Is `served` what a server makes of the file with `deployed`? It may add issuers which it knows
 * when the file has the leaf alone (OpenSSL: SSL_MODE_NO_AUTO_CHAIN is not set). */
bool prove_same(const struct chain *served, const struct chain *deployed);

#endif
