/* nameserver.h: a name server on a random port of 127.0.0.1, in a process of its own, which answers
 * what a test's script says. */
#ifndef PGCERT_TESTS_FAKE_NAMESERVER_H
#define PGCERT_TESTS_FAKE_NAMESERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define NAMESERVER_ROOM 4096 /* bytes of a message */

/* What the parent sees too. */
struct nameserver_seen {
    int udp, tcp; /* messages */
    unsigned char last[NAMESERVER_ROOM];
    size_t last_size;
};

/* Builds the answer to a query; 0: none. `turn` counts all messages from 1. */
typedef size_t nameserver_script(unsigned char *answer, const unsigned char *query, size_t size,
                                 int turn, bool by_tcp);

struct fake_nameserver {
    pid_t process;
    int port;
    struct nameserver_seen *seen;
};

void nameserver_start(struct fake_nameserver *n, nameserver_script *script);
void nameserver_stop(struct fake_nameserver *n);

/* Header and question of an answer; gives the bytes used. */
size_t nameserver_begin(unsigned char *answer, const unsigned char *query, unsigned rcode);

/* Adds a record of class IN to a section (1 answer, 2 authority, 3 additional); gives the bytes
 * used then. Sections must come in order. */
size_t nameserver_add(unsigned char *answer, size_t used, int section, const char *owner,
                      unsigned type, const void *data, size_t size);

/* The same with an SOA record whose primary is that name. */
size_t nameserver_add_soa(unsigned char *answer, size_t used, int section, const char *owner,
                          const char *primary);

/* The same with a TXT record of one string. */
size_t nameserver_add_txt(unsigned char *answer, size_t used, const char *owner, const char *value);

/* Is it an update? */
bool nameserver_is_update(const unsigned char *query);

#endif
