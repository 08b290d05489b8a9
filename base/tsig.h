/* tsig.h: sign DNS messages with a shared secret, and verify the answers (RFC 8945).
 *
 * libldns (1.8.3) is not used for it: it has no hmac-sha384 (its table says "hmac-shac384"), reads
 * the system's clock itself, and verifies neither the time nor whose key it was.
 */
#ifndef PGCERT_BASE_TSIG_H
#define PGCERT_BASE_TSIG_H

#include "base/dns.h"
#include "base/tsigkey.h"

#define TSIG_FUDGE_S 300 /* RFC 8945 section 10 */

/* The MAC of a request, which the answer's MAC covers too. */
struct tsig_mac {
    unsigned char bytes[DNS_MAC_MAX];
    size_t size;
};

enum tsig_verdict {
    TSIG_GOOD,     /* signed with our key, now; its error field is 0 or BADTIME */
    TSIG_UNSIGNED, /* no TSIG record, or one without a MAC: all that it says is hearsay */
    TSIG_WRONG,    /* another key, another algorithm, or a MAC that is not right */
    TSIG_UNTIMELY, /* right, but not signed within the fudge of now */
};

/*
 * Signs a message: adds a TSIG record as its last one.
 *
 * Takes:  message  whole, without one
 *         now_s    Unix seconds
 * Gives:  mac      for tsig_verify() of the answer
 * Errors: ERR_INTERNAL  the digest failed, or it would be too large; ERR_SYSTEM  out of memory
 * Source: RFC 8945 sections 4.2, 4.3.3 and 5.1
 */
MUST_USE bool tsig_sign(struct str *message, const struct tsig_key *key, int64_t now_s,
                        struct tsig_mac *mac, struct err *e);

/*
 * Judges the signature of an answer.
 *
 * Takes:  answer   as dns_parse() read it from message
 *         request  what tsig_sign() gave
 * Gives:  verdict
 * Errors: ERR_INTERNAL  the digest failed; ERR_SYSTEM  out of memory
 * Source: RFC 8945 sections 5.3 and 5.4; truncated MACs (5.2.2.1) are not accepted
 */
MUST_USE bool tsig_verify(enum tsig_verdict *verdict, const struct tsig_key *key,
                          const struct tsig_mac *request, const struct dns_answer *answer,
                          const void *message, size_t size, int64_t now_s, struct err *e);

/* The server's time in a BADTIME answer (section 5.2.3), Unix seconds; 0: it does not say. */
int64_t tsig_server_time(const struct dns_tsig *t);

#endif
