/* addresses.h: which addresses a server listens on, as those that can be asked. */
#ifndef PGCERT_RELOAD_ADDRESSES_H
#define PGCERT_RELOAD_ADDRESSES_H

#include "base/address.h"
#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

#define DIAL_TEXT_SIZE 72 /* "[IPv6%scope]:port" */

/* One address that can be dialled. */
struct dial {
    struct address at;
    char text[DIAL_TEXT_SIZE]; /* numeric: "127.0.0.1:5432", "[::1]:5432" */
    bool listens;              /* false: only if somebody listens there; nobody told us so */
};

struct addresses {
    struct dial *items;
    size_t count;
};

#define own_addresses __attribute__((cleanup(addresses_done)))

/*
 * Adds all addresses of a host.
 *
 * Takes:  host     a name or an address
 *         listens  something must answer at each of them
 * Errors: ERR_NETWORK  the name has no address
 */
MUST_USE bool addresses_add(struct addresses *a, const char *host, int port, bool listens,
                            struct err *e);

/*
 * Adds what listen_addresses means: for a wildcard the loopback address of its families, for a name
 * all its addresses. PostgreSQL starts when it could listen on one of them, so none is a must.
 *
 * Errors: ERR_NETWORK  a name has no address
 */
MUST_USE bool addresses_add_listened(struct addresses *a, const char *listen_addresses, int port,
                                     struct err *e);

/*
 * Adds where the setting `prove` says, each of which must answer.
 *
 * Takes:  endpoints  HOST[:PORT]...
 *         standard   the port where none is said
 * Errors: ERR_TIMEOUT  a name is not found, which says nothing of the server; ERR_CONFIG
 */
MUST_USE bool addresses_add_endpoints(struct addresses *a, const struct list *endpoints,
                                      int standard, struct err *e);

void addresses_done(struct addresses *a);

#endif
