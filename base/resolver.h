/* resolver.h: ask name servers of which any will do, many questions at the same time. */
#ifndef PGCERT_BASE_RESOLVER_H
#define PGCERT_BASE_RESOLVER_H

#include "base/address.h"
#include "base/clock.h"
#include "base/dns.h"

#define RESOLVER_MAX 16         /* servers */
#define RESOLVER_STAGGER_MS 500 /* after which the next one is asked too */
#define RESOLVER_SYSTEM "/etc/resolv.conf"

/* Servers of which one answer is enough, the preferred first. */
struct resolver {
    struct address servers[RESOLVER_MAX];
    size_t count;
};

struct resolver_question {
    const struct resolver *at; /* borrowed; at least one server */
    char name[DNS_NAME_SIZE];
    enum dns_type type;
    bool recurse;

    /* What came of it. */
    bool is_answered;         /* NOERROR or NXDOMAIN */
    struct dns_answer answer; /* when has_rcode; not is_answered: of another rcode */
    bool has_rcode;
    size_t size;       /* bytes of the answer as it came */
    bool is_broken;    /* somebody sent what is no answer to it */
    char trouble[256]; /* not is_answered: who did what */
};

/*
 * Reads the nameserver lines of resolv.conf(5); without one, or without the file, it is 127.0.0.1.
 *
 * Gives:  r  empty before
 * Errors: ERR_SYSTEM, ERR_INPUT  the file cannot be read
 */
MUST_USE bool resolver_read(struct resolver *r, const char *path, struct err *e);

/* The same from memory. */
void resolver_parse(struct resolver *r, const char *text);

/*
 * Adds the addresses of HOST[:PORT], as option_parse_endpoint() reads it (the port is 53 when it is
 * not given); what does not fit is left out.
 *
 * Errors: ERR_CONFIG   malformed
 *         ERR_NETWORK  the host has no address
 */
MUST_USE bool resolver_add(struct resolver *r, const char *endpoint, struct err *e);

/* Adds the A and AAAA records which that section has for `name`, with port 53. */
void resolver_take(struct resolver *r, const struct dns_answer *answer, enum dns_section section,
                   const char *name);

/*
 * Asks all questions at the same time, each at the first server of its list, at the next one when
 * that fails or RESOLVER_STAGGER_MS have passed, and so on.
 *
 * Takes:  deadline_ms  of clock->steady_ms()
 * Gives:  each question's lower part; resolver_questions_done() them
 * Errors: ERR_SYSTEM, ERR_INTERNAL  a question cannot be built or sent at all
 */
MUST_USE bool resolver_ask(struct resolver_question *questions, size_t count, struct clock *clock,
                           int64_t deadline_ms, struct err *e);

/* Frees the answers and zeroes what came of each. */
void resolver_questions_done(struct resolver_question *questions, size_t count);

/* "192.0.2.1", "192.0.2.1 and 2001:db8::1", "192.0.2.1 and 3 more". */
#define RESOLVER_TEXT 200
void resolver_text(char text[static RESOLVER_TEXT], const struct resolver *r);

#endif
