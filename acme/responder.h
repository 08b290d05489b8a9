/* responder.h: what an authoritative name server answers that has nothing but challenges. */
#ifndef PGCERT_ACME_RESPONDER_H
#define PGCERT_ACME_RESPONDER_H

#include "acme/dns.h"
#include "base/address.h"
#include "base/dnsreply.h"

#define RESPONDER_RECORDS_MAX 1024
#define RESPONDER_ZONES_MAX 1024
#define RESPONDER_ADDRESSES_MAX 8

struct responder_txt {
    char name[DNS_NAME_SIZE];
    char value[DNS_NAME_SIZE]; /* 1 to 255 bytes */
};

struct responder {
    /* Set once. */
    char nameserver[DNS_NAME_SIZE]; /* in NS and SOA records */
    char mailbox[DNS_NAME_SIZE];    /* RNAME */
    uint32_t ttl_s;
    struct address addresses[RESPONDER_ADDRESSES_MAX]; /* of the nameserver, where its name is in
                                                          one of the zones */
    size_t address_count;

    /* What is published now. */
    struct list zones; /* dns_name_copy() of each */
    struct responder_txt *records;
    size_t count;
    uint32_t serial;
};

#define own_responder __attribute__((cleanup(responder_done)))

/* The zone of ours that holds the name (lower case), the nearest one; NULL: none does. */
const char *responder_zone_of(const struct responder *r, const char *name);

/*
 * Adds what is not there yet, or takes a record away; zones without records stay.
 *
 * Errors: ERR_CONFIG  not a name, not a value, or too many; ERR_SYSTEM
 */
MUST_USE bool responder_add_zone(struct responder *r, const char *name, struct err *e);
MUST_USE bool responder_add(struct responder *r, const char *name, const char *value,
                            struct err *e);
void responder_remove(struct responder *r, const char *name, const char *value);

/* Zones, records and serial as text, for responder_load(). ERR_SYSTEM. */
MUST_USE bool responder_save(const struct responder *r, struct str *text, struct err *e);

/* Replaces zones, records and serial. ERR_INTERNAL: damaged; then nothing was replaced. */
MUST_USE bool responder_load(struct responder *r, const struct str *text, struct err *e);

/* What became of a message. */
enum responder_verdict {
    RESPONDER_SILENT,  /* there is no answer to it */
    RESPONDER_REFUSED, /* it is none of our zones', or is not understood */
    RESPONDER_ANSWERED,
};

/*
 * Answers one message, as an authoritative server that does no recursion.
 *
 * Takes:  query      any bytes
 *         by_tcp     an answer may be large
 *         truncated  only say that they shall come by TCP
 * Gives:  answer     appended, unless RESPONDER_SILENT; also when memory ran out it is silent
 * Source: RFC 1034 section 4.3.2; RFC 2308 section 2 (no such name, no such record); RFC 8020;
 *         RFC 8482 section 4.1 (ANY); RFC 5936 section 2.2.1 (transfers are refused)
 */
enum responder_verdict responder_answer(const struct responder *r, const void *query, size_t size,
                                        bool by_tcp, bool truncated, struct str *answer);

void responder_done(struct responder *r);

#endif
