/* dial.h: connections to servers, also for a process that has no network: then another one, which
 * has nothing else, makes them (base/dialler.h), and what it hands over is a pair of Unix sockets'
 * end: nothing that could be connected to somebody else.
 */
#ifndef PGCERT_BASE_DIAL_H
#define PGCERT_BASE_DIAL_H

#include "base/address.h"

/*
 * From now on this process has its names found and its connections made by who is at the other end
 * of that socket, which is taken; -1: nobody is there any more ...
 */
void dial_by(int fd);

/* ... or by who listens at that path; there it is looked for when it is needed. Borrowed. */
void dial_at(const char *path);

/*
 * As address_of_host(). A name may take seconds; other fibers go on meanwhile.
 *
 * Errors: as address_of_host(); ERR_SYSTEM  nobody is there to ask
 */
MUST_USE bool dial_find(struct address *addresses, size_t room, size_t *count, const char *host,
                        int port, struct err *e);

/* An errno: the one who makes our connections is gone, or was not told of such a host; which says
 * nothing of the server. */
#define DIAL_NOBODY EOWNERDEAD

/*
 * Begins a connection: a socket that does not block; close it. Ask dial_connected() before it is
 * used.
 *
 * Returns it, or -1 and errno: that of connect(2); DIAL_NOBODY
 */
MUST_USE int dial_begin(const struct address *a);

/*
 * Is it connected by now?
 *
 * Gives:  wants  poll(2)'s event to wait for, when it is not known yet
 * Returns 0: it is; EINPROGRESS: not yet; EAGAIN: nobody has begun yet; else why not: what
 *         connect(2) has; EADDRNOTAVAIL  it is no address of this host, and was not named either;
 *         DIAL_NOBODY
 */
MUST_USE int dial_connected(int fd, short *wants);

#endif
