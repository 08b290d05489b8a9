/* persist.h: the dns-persist-01 challenge: a record that names issuer and account, published once.
 *
 * Two revisions of the draft are spoken, as the server shows which one is its: up to -01 the record
 * holds the account's URL, from -02 on a digest of domain, key and URL.
 */
#ifndef PGCERT_ACME_PERSIST_H
#define PGCERT_ACME_PERSIST_H

#include "acme/authz.h"
#include "acme/dns.h"

#define PERSIST_ISSUERS_MAX 10 /* the draft's section 3.1: more make a challenge malformed */
#define PERSIST_WHY_SIZE 160

/* What the record at one name must say. All is owned. */
struct persist {
    char *fqdn;          /* "_validation-persist.db.example.org." */
    struct list issuers; /* names of the issuer: one of them is in the record, we write the first */
    struct list accounts; /* what accounturi may be; we write the first */
    bool wildcard;        /* it must hold for "*." too */
};

#define own_persist __attribute__((cleanup(persist_done)))

/*
 * Finds out what a challenge wants.
 *
 * Takes:  c   with key and kid
 *         of  an authorization that is not valid, of type ACME_DNS_PERSIST
 * Gives:  p   empty before
 * Errors: ERR_PROTOCOL  no issuer, more than 10 or none that is a name; the record would be for
 *                       another account; and what client_meta() has
 * Source: draft-ietf-acme-dns-persist-02 sections 3.1 and 4.1; -01 for "issuer-domain-names"
 */
MUST_USE bool persist_from_challenge(struct persist *p, struct client *c, const struct authz *of,
                                     struct err *e);

/* The same before there is an order, by the directory alone. ERR_PROTOCOL also where it does not
 * say under which name the issuer wants to be found. */
MUST_USE bool persist_from_directory(struct persist *p, struct client *c, const char *name,
                                     struct err *e);

/* The value to publish, to be free()d; NULL: out of memory. */
MUST_USE char *persist_value(const struct persist *p);

/* Name and value as a line of a zone file, the value in strings of 255 bytes at most (RFC 1035
 * section 5.1); to be free()d; NULL: out of memory. */
MUST_USE char *persist_line(const char *fqdn, const char *value);

/*
 * Is that record what is wanted, now?
 *
 * Takes:  value  as it came from the DNS
 * Gives:  why    when it is not: what is wrong with it; "" when it is none of this issuer's
 * Source: draft-ietf-acme-dns-persist-02 section 4.1, RFC 8659 section 4.2
 */
bool persist_judge(const struct persist *p, const void *value, size_t size, int64_t now_s,
                   char why[static PERSIST_WHY_SIZE]);

/*
 * Looks whether all records are there that the challenges want; publishes nothing.
 *
 * Errors: ERR_CONFIG   one is not there: which, why not, and the line to publish
 *         ERR_TIMEOUT  some of the zone's servers have it already
 *         ERR_NETWORK  nobody could be asked
 *         and what persist_from_challenge() has
 */
MUST_USE bool persist_check(struct client *c, struct dns *d, const struct authzs *all,
                            struct err *e);

void persist_done(struct persist *p);

#endif
