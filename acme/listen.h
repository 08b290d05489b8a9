/* listen.h: the sockets of the name server that pgcert itself is, and who serves them. */
#ifndef PGCERT_ACME_LISTEN_H
#define PGCERT_ACME_LISTEN_H

#include "acme/responder.h"
#include "base/child.h"

#define LISTEN_MAX 32 /* sockets */

struct listen_socket {
    int fd;
    bool is_tcp;
    struct address at;
};

struct listen {
    struct listen_socket sockets[LISTEN_MAX];
    size_t count;
};

#define own_listen __attribute__((cleanup(listen_close)))

/*
 * Binds a UDP and a TCP socket for each address.
 *
 * Takes:  l      zeroed
 *         where  ADDRESS[:PORT], [V6]:PORT; none: every address, port 53
 * Errors: ERR_CONFIG      malformed, a name, no address of this machine, or too many
 *         ERR_BUSY        another program has the port
 *         ERR_PERMISSION  it is below 1024, and that capability is missing
 *         ERR_SYSTEM
 */
MUST_USE bool listen_open(struct listen *l, const struct list *where, struct err *e);

/* The addresses that are no wildcards; gives how many. */
size_t listen_addresses(const struct listen *l, struct address *addresses, size_t room);

/* What a child does with them: answers whoever asks, and its parent by child_turn(), until that is
 * false. Bounded in connections, in time and in answers a second. */
void listen_serve(struct listen *l, const struct responder *r, struct child *self, int control);

void listen_close(struct listen *l);

#endif
