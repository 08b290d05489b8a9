/* dnsreply.h: the other side of dns.h: read what others ask, and build what they are answered. */
#ifndef PGCERT_BASE_DNSREPLY_H
#define PGCERT_BASE_DNSREPLY_H

#include "base/dns.h"

#define DNSREPLY_QUERY_MAX 1024 /* bytes of a query that is looked at */
#define DNSREPLY_UDP_MAX 1232   /* of an answer by UDP: fits wherever IPv6 does (RFC 9715) */

/* A message as it came. */
struct dnsreply_query {
    unsigned rcode; /* what is wrong with it (enum dns_rcode): FORMERR, NOTIMP, BADVERS; NOERROR:
                       it is a question */
    uint16_t id;
    unsigned opcode;
    bool recursion_desired;

    char name[DNS_NAME_SIZE]; /* lower case; '?' for every character that is in no dns_name_is();
                                 ".": the root */
    unsigned type, class;
    unsigned char question[DNS_NAME_SIZE + 4]; /* as it came, with its own letters, uncompressed */
    size_t question_size;                      /* 0: there is none that can be repeated */

    bool has_edns;   /* RFC 6891 */
    bool dnssec_ok;  /* RFC 3225; repeated */
    size_t udp_size; /* what they take by UDP: 512 to DNSREPLY_UDP_MAX */
};

/* One record of class IN to be given. */
struct dnsreply_record {
    enum dns_section section;
    enum dns_type type;
    const char *owner; /* dns_name_is() */
    const char *data;  /* TXT: the value; NS: a name; SOA: MNAME; A, AAAA: 4, 16 bytes */
    uint32_t ttl_s;
    const char *mailbox;        /* SOA: RNAME */
    uint32_t serial, minimum_s; /* SOA */
};

struct dnsreply {
    unsigned rcode; /* enum dns_rcode */
    bool authoritative;
    bool truncated; /* they shall come by TCP */
    const struct dnsreply_record *records;
    size_t count;
};

/*
 * Reads a message from a client. False: nothing is to be answered, because it has no header, or is
 * an answer itself (two servers would talk forever).
 *
 * Takes:  size  of more than DNSREPLY_QUERY_MAX bytes it is FORMERR
 * Source: RFC 1035 section 4.1, RFC 6891 section 6.1, RFC 9619 (one question)
 */
MUST_USE bool dnsreply_read(struct dnsreply_query *q, const void *message, size_t size);

/*
 * Builds the answer: header, the question as it came, records, and OPT when OPT came. What does not
 * fit is left out as a whole, with the TC bit (RFC 2181 section 9).
 *
 * Takes:  size_max  bytes
 * Gives:  message   appended
 * Errors: ERR_INTERNAL  libldns does not accept it; ERR_SYSTEM  out of memory
 */
MUST_USE bool dnsreply_write(struct str *message, const struct dnsreply_query *q,
                             const struct dnsreply *reply, size_t size_max, struct err *e);

#endif
