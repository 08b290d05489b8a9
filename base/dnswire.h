/* dnswire.h: what base/dns*.c share of libldns; nobody else includes it. */
#ifndef PGCERT_BASE_DNSWIRE_H
#define PGCERT_BASE_DNSWIRE_H

#include "base/dns.h"

#include <ldns/ldns.h>

#define own_packet __attribute__((cleanup(dnswire_packet_drop)))
#define own_rr __attribute__((cleanup(dnswire_rr_drop)))

void dnswire_packet_drop(ldns_pkt **packet);
void dnswire_rr_drop(ldns_rr **rr);

/* May it be in a name of ours? */
bool dnswire_is_name_character(unsigned char c);

/* Two bytes in network order. */
unsigned dnswire_number16(const unsigned char *bytes);

/* A record without data: a question, or the shell of one. NULL: out of memory, or no name. */
ldns_rr *dnswire_rr(const char *name, enum dns_type type, ldns_rr_class class, bool is_question);

/* A TXT record with one string of 1 to 255 bytes; its TTL is 0. NULL: as above, or another size. */
ldns_rr *dnswire_txt(const char *name, const char *value, ldns_rr_class class);

/* Adds a record, which is taken, to a section. ERR_INTERNAL: it is NULL; ERR_SYSTEM. */
MUST_USE bool dnswire_push(ldns_pkt *packet, ldns_pkt_section section, ldns_rr *rr, struct err *e);

/* Appends the message in wire form. ERR_INTERNAL: it cannot be made, or is too large; ERR_SYSTEM.
 */
MUST_USE bool dnswire_finish(struct str *message, const ldns_pkt *packet, struct err *e);

#endif
