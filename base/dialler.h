/* dialler.h: makes connections for a process that has no network.
 *
 * The one who asks has keys, and is not to speak with the world. It gets connections to servers of
 * this host, and to the hosts that the administrator has named; never the socket itself, which
 * could be connected anew, but what goes over it, which is TLS that is not understood here. Names
 * are found, whatever they are. For each question there is a process, so that none waits for
 * another.
 */
#ifndef PGCERT_BASE_DIALLER_H
#define PGCERT_BASE_DIALLER_H

#include "base/address.h"
#include "base/str.h"

#define DIALLER_VERSION 1U
#define DIALLER_HOST_SIZE 256
#define DIALLER_ADDRESSES_MAX 16

enum dialler_what { DIALLER_FIND = 1, DIALLER_BEGIN = 2 };

/* A message of a socket that keeps them apart (SOCK_SEQPACKET), between two processes of this host.
 * With it comes the stream socket where the answer goes: to FIND a struct dialler_answer; to BEGIN
 * two of int32_t, EINPROGRESS and how it went, an errno or 0, and then what the server sends, while
 * what is sent there goes to the server. Who cannot find out answers nothing, and closes it. */
struct dialler_question {
    uint32_t version;
    uint32_t what;                /* enum dialler_what */
    int32_t port;                 /* FIND */
    struct address address;       /* BEGIN */
    char host[DIALLER_HOST_SIZE]; /* FIND */
};

struct dialler_answer {
    uint32_t version;
    char text[256]; /* why not; "": */
    uint32_t count;
    struct address addresses[DIALLER_ADDRESSES_MAX];
};

struct dialler {
    const struct list *hosts; /* that were named, borrowed */
    struct address *known;    /* their addresses, of which somebody has asked; NULL at first */
    size_t known_count;
};

#define own_dialler __attribute__((cleanup(dialler_done)))

/* Is it a question, of `size` bytes? */
MUST_USE bool dialler_take(struct dialler_question *q, const void *bytes, size_t size);

/* Answers FIND. */
void dialler_find(const struct dialler_question *q, struct dialler_answer *a);

/* May that be dialled? 0, or an errno; ENOSYS: it cannot be found out. */
MUST_USE int dialler_may(const struct dialler *d, const struct address *a);

/* These are the addresses of a host that was named. What is too much is left out. */
void dialler_learn(struct dialler *d, const struct address *addresses, size_t count);

/* Answers at that socket until nobody is there to ask any more. ERR_SYSTEM. */
MUST_USE bool dialler_serve(struct dialler *d, int socket, struct err *e);

void dialler_done(struct dialler *d);

#endif
