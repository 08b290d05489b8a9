/* address.h: IP addresses with ports, and the names of hosts that stand for them. */
#ifndef PGCERT_BASE_ADDRESS_H
#define PGCERT_BASE_ADDRESS_H

#include "base/err.h"

#include <netinet/in.h>
#include <stddef.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } socket;
    socklen_t size;
};

/* From 4 or 16 bytes in network order. False for another size. */
MUST_USE bool address_set(struct address *a, const char *bytes, size_t size, int port);

/* The same address and port? */
bool address_same(const struct address *a, const struct address *b);

/* The same, whatever the ports. */
bool address_same_host(const struct address *a, const struct address *b);

#define ADDRESS_TEXT 80

/* "192.0.2.53", "2001:db8::53" when the port is `usual`; else "192.0.2.53:5353",
 * "[2001:db8::53]:5353". */
void address_text(char text[static ADDRESS_TEXT], const struct address *a, int usual);

/*
 * Finds the addresses of a host that the administrator named: an address, else by getaddrinfo(3),
 * which asks /etc/hosts and DNS.
 *
 * Gives:  addresses  each once, at most `room`
 *         count      at least 1
 * Errors: ERR_NETWORK  there is none, or it cannot be found out now
 */
MUST_USE bool address_of_host(struct address *addresses, size_t room, size_t *count,
                              const char *host, int port, struct err *e);

/* Begins a connection of TCP: a socket that does not block and may still be connecting; close it.
 * -1 and errno. */
MUST_USE int address_connect(const struct address *a);

#endif
