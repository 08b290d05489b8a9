/* dns.h: DNS messages: build queries and updates, read answers. The only door to libldns. */
#ifndef PGCERT_BASE_DNS_H
#define PGCERT_BASE_DNS_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

#define DNS_PORT 53
#define DNS_NAME_SIZE 256     /* bytes of a name as text, with the final dot and the NUL */
#define DNS_HEADER_SIZE 12    /* RFC 1035 section 4.1.1 */
#define DNS_UDP_MAX 512       /* bytes of a message by UDP, section 4.2.1: we do without EDNS */
#define DNS_MESSAGE_MAX 65535 /* bytes of a message by TCP, section 4.2.2 */
#define DNS_MAC_MAX 64        /* bytes of HMAC-SHA-512 */
#define DNS_TSIG_OTHER_MAX 16 /* bytes of "other data": 6 are specified */

/* The types that we ask for. */
enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_NS = 2,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_TSIG = 250,
    DNS_TYPE_CAA = 257,
};

/* RFC 1035 section 4.1.1, RFC 2136 section 2.2, RFC 8945 section 3 (16 and above: TSIG only). */
enum dns_rcode {
    DNS_RCODE_NOERROR = 0,
    DNS_RCODE_FORMERR = 1,
    DNS_RCODE_SERVFAIL = 2,
    DNS_RCODE_NXDOMAIN = 3,
    DNS_RCODE_NOTIMP = 4,
    DNS_RCODE_REFUSED = 5,
    DNS_RCODE_NOTAUTH = 9,
    DNS_RCODE_NOTZONE = 10,
    DNS_RCODE_BADSIG = 16,
    DNS_RCODE_BADKEY = 17,
    DNS_RCODE_BADTIME = 18,
    DNS_RCODE_BADTRUNC = 22,
    DNS_RCODE_BADVERS = 16, /* RFC 6891 section 9; in an OPT record, where there is no BADSIG */
};

enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };

/* One record of an answer, of a type above and of class IN. */
struct dns_record {
    enum dns_section section;
    enum dns_type type;
    char owner[DNS_NAME_SIZE]; /* lower case, as every name that comes out of here */

    /* NS, CNAME: the name. SOA: MNAME, the primary. TXT: its strings joined. NUL-ended, though a
     * TXT may hold NULs. A, AAAA: 4 and 16 bytes. CAA: "issue ca.example" (RFC 8659), tag in lower
     * case. */
    char *data;
    size_t size;
};

/* A TSIG record as it came (RFC 8945 section 4.2); nothing in it is verified. */
struct dns_tsig {
    size_t at; /* where it begins in the message; 0: there is none */
    char key[DNS_NAME_SIZE];
    char algorithm[DNS_NAME_SIZE]; /* "hmac-sha256." */
    int64_t signed_at_s;
    unsigned fudge_s;
    unsigned original_id;
    unsigned error; /* enum dns_rcode */
    unsigned char mac[DNS_MAC_MAX];
    size_t mac_size;
    unsigned char other[DNS_TSIG_OTHER_MAX];
    size_t other_size;
};

struct dns_answer {
    unsigned rcode; /* enum dns_rcode, or a number that we have no word for */
    bool authoritative;
    bool truncated;
    struct dns_record *records;
    size_t count;
    struct dns_tsig tsig;
};

#define own_dns_answer __attribute__((cleanup(dns_answer_done)))

/* What an update does with one TXT record. */
struct dns_change {
    const char *name;
    const char *value; /* 1 to 255 bytes */
    int64_t ttl_s;     /* when it is added */
    bool remove;       /* false: add it */
};

/* Is it an absolute name of letters, digits, '-' and '_', with the final dot, not the root? Names
 * out of answers which are not are never handed on. */
bool dns_name_is(const char *name);

/* Is `name` the zone's own or below it? Both end in a dot. */
bool dns_name_under(const char *name, const char *zone);

/* Without the first label: "b.c." of "a.b.c."; NULL when nothing but the root is left. */
const char *dns_name_parent(const char *name);

/* Copies in lower case, adds the final dot where it is missing. False: not dns_name_is(). */
MUST_USE bool dns_name_copy(char copy[static DNS_NAME_SIZE], const char *name);

/* A random number for a message's id (RFC 5452 section 9.2). */
uint16_t dns_random_id(void);

/* Writes the id into the message's header. */
void dns_set_id(struct str *message, uint16_t id);

/*
 * Builds a question.
 *
 * Takes:  name     dns_name_is()
 *         recurse  the server is a resolver: it shall find out
 * Gives:  message  appended, with a random id
 * Errors: ERR_INTERNAL  libldns does not accept it; ERR_SYSTEM  out of memory
 * Source: RFC 1035 section 4.1
 */
MUST_USE bool dns_query(struct str *message, const char *name, enum dns_type type, bool recurse,
                        struct err *e);

/*
 * Builds an update: values are added to the RRset, or those very values deleted from it.
 *
 * Takes:  zone     dns_name_is()
 *         changes  names under the zone
 * Gives:  message  appended, with a random id
 * Errors: ERR_INTERNAL  libldns does not accept it, or it would be too large; ERR_SYSTEM
 * Source: RFC 2136 sections 2.3, 2.5.1 and 2.5.4
 */
MUST_USE bool dns_update(struct str *message, const char *zone, const struct dns_change *changes,
                         size_t count, struct err *e);

/* Does the message answer the query: same id, an answer, same kind, same question (compared
 * without case)? An update's answer and an error's may come without the question. */
bool dns_is_answer_to(const struct str *query, const void *message, size_t size);

/*
 * Reads an answer. Records of other types and classes, and those with names that are not
 * dns_name_is(), are passed over.
 *
 * Gives:  answer  empty before; also half filled after a failure
 * Errors: ERR_PROTOCOL  it is damaged, or a TSIG record is not the last one (RFC 8945 section 5.1)
 *         ERR_SYSTEM    out of memory
 */
MUST_USE bool dns_parse(struct dns_answer *answer, const void *message, size_t size, struct err *e);

void dns_answer_done(struct dns_answer *answer);

/* The first record of the section and type at or after *i, NULL when there is none; *i is moved
 * behind it. */
const struct dns_record *dns_next(const struct dns_answer *answer, enum dns_section section,
                                  enum dns_type type, size_t *i);

/* "REFUSED"; "RCODE 11" for one without a word. Valid until the next call. */
const char *dns_rcode_text(unsigned rcode);

/* The version of libldns that runs. */
const char *dns_library(void);

#endif
