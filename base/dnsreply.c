/* dnsreply.c: read queries and build answers on libldns. */
#include "base/dnsreply.h"

#include "base/dnswire.h"

#include <ctype.h>
#include <string.h>

#define QR 0x80
#define RD 0x01
#define AUTHORITY_MAX 1  /* records of a query: IXFR brings an SOA */
#define ADDITIONAL_MAX 4 /* OPT, TSIG, SIG(0), and one to spare */
#define DO_BIT 0x8000u
#define REFRESH_S 3600
#define RETRY_S 600
#define EXPIRE_S 604800

/* ------------------------------------------------------------------ reading */

/* As text. A wire form of 255 bytes at most has no more than 254 characters. */
static void
take_name(char name[static DNS_NAME_SIZE], const unsigned char *wire, size_t size)
{
    size_t used = 0;

    for (size_t at = 0; at < size && wire[at] != 0; at += 1 + wire[at]) {
        for (size_t i = at + 1; i <= at + wire[at] && i < size && used + 2 < DNS_NAME_SIZE; i++)
            name[used++] = (char)(dnswire_is_name_character(wire[i]) ? tolower(wire[i]) : '?');
        name[used++] = '.';
    }
    if (used == 0)
        name[used++] = '.';
    name[used] = '\0';
}

static bool
take_question(struct dnsreply_query *q, const ldns_rr *rr)
{
    const ldns_rdf *owner = ldns_rr_owner(rr);
    size_t size = owner == NULL ? 0 : ldns_rdf_size(owner);

    if (size == 0 || size >= DNS_NAME_SIZE)
        return false;
    q->type = ldns_rr_get_type(rr);
    q->class = ldns_rr_get_class(rr);
    memcpy(q->question, ldns_rdf_data(owner), size);
    q->question[size] = (unsigned char)(q->type >> 8);
    q->question[size + 1] = (unsigned char)(q->type & 0xff);
    q->question[size + 2] = (unsigned char)(q->class >> 8);
    q->question[size + 3] = (unsigned char)(q->class & 0xff);
    q->question_size = size + 4;
    take_name(q->name, q->question, size);
    return true;
}

/* RFC 6891 section 6.1.3: the class is the size, the TTL is extended RCODE, version and flags. Of
 * two, or below another name than the root, it is FORMERR (section 6.1.1). */
static bool
take_opt(struct dnsreply_query *q, const ldns_rr *rr)
{
    const ldns_rdf *owner = ldns_rr_owner(rr);
    size_t size = ldns_rr_get_class(rr);

    if (q->has_edns || owner == NULL || ldns_rdf_size(owner) != 1)
        return false;
    q->has_edns = true;
    q->dnssec_ok = (ldns_rr_ttl(rr) & DO_BIT) != 0;
    q->udp_size = size < DNS_UDP_MAX        ? DNS_UDP_MAX
                  : size > DNSREPLY_UDP_MAX ? DNSREPLY_UDP_MAX
                                            : size;
    if ((ldns_rr_ttl(rr) >> 16 & 0xff) != 0)
        q->rcode = DNS_RCODE_BADVERS;
    return true;
}

static bool
read_records(struct dnsreply_query *q, const unsigned char *bytes, size_t size)
{
    static const ldns_pkt_section sections[] = {LDNS_SECTION_QUESTION, LDNS_SECTION_ANSWER,
                                                LDNS_SECTION_AUTHORITY, LDNS_SECTION_ADDITIONAL};
    static const unsigned most[] = {1, 0, AUTHORITY_MAX, ADDITIONAL_MAX};
    size_t at = DNS_HEADER_SIZE;

    for (size_t s = 0; s < COUNT(sections); s++) {
        unsigned count = dnswire_number16(bytes + 4 + 2 * s);

        if (count > most[s] || (sections[s] == LDNS_SECTION_QUESTION && count == 0))
            return false;
        for (; count > 0; count--) {
            own_rr ldns_rr *rr = NULL;

            if (ldns_wire2rr(&rr, bytes, size, &at, sections[s]) != LDNS_STATUS_OK)
                return false;
            if (sections[s] == LDNS_SECTION_QUESTION && !take_question(q, rr))
                return false;
            if (sections[s] == LDNS_SECTION_ADDITIONAL &&
                ldns_rr_get_type(rr) == LDNS_RR_TYPE_OPT && !take_opt(q, rr))
                return false;
        }
    }
    return at == size;
}

bool
dnsreply_read(struct dnsreply_query *q, const void *message, size_t size)
{
    const unsigned char *bytes = message;

    *q = (struct dnsreply_query){.rcode = DNS_RCODE_NOERROR, .udp_size = DNS_UDP_MAX};
    if (size < DNS_HEADER_SIZE || (bytes[2] & QR) != 0)
        return false;
    q->id = (uint16_t)dnswire_number16(bytes);
    q->opcode = (bytes[2] & 0x78u) >> 3;
    q->recursion_desired = (bytes[2] & RD) != 0;
    /* what other operations bring is not ours to judge */
    if (q->opcode != LDNS_PACKET_QUERY) {
        q->rcode = DNS_RCODE_NOTIMP;
        return true;
    }
    if (size > DNSREPLY_QUERY_MAX || !read_records(q, bytes, size)) {
        q->rcode = DNS_RCODE_FORMERR;
        q->question_size = 0;
        q->has_edns = false;
    }
    return true;
}

/* ------------------------------------------------------------------ writing */

static ldns_rr *
soa_rr(const struct dnsreply_record *r)
{
    const uint32_t numbers[] = {r->serial, REFRESH_S, RETRY_S, EXPIRE_S, r->minimum_s};
    own_rr ldns_rr *rr = dnswire_rr(r->owner, r->type, LDNS_RR_CLASS_IN, false);
    const char *const names[] = {r->data, r->mailbox};

    for (size_t i = 0; rr != NULL && i < COUNT(names) + COUNT(numbers); i++) {
        ldns_rdf *rdf = i < COUNT(names)
                            ? ldns_dname_new_frm_str(names[i])
                            : ldns_native2rdf_int32(LDNS_RDF_TYPE_INT32, numbers[i - COUNT(names)]);

        if (rdf == NULL || !ldns_rr_push_rdf(rr, rdf)) {
            ldns_rdf_deep_free(rdf);
            return NULL;
        }
    }
    return TAKE(rr);
}

/* NS, A, AAAA. */
static ldns_rr *
plain_rr(const struct dnsreply_record *r)
{
    own_rr ldns_rr *rr = dnswire_rr(r->owner, r->type, LDNS_RR_CLASS_IN, false);
    ldns_rdf *rdf = NULL;

    if (r->type == DNS_TYPE_NS)
        rdf = ldns_dname_new_frm_str(r->data);
    else if (r->type == DNS_TYPE_A)
        rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_A, 4, r->data);
    else
        rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_AAAA, 16, r->data);
    if (rr == NULL || rdf == NULL || !ldns_rr_push_rdf(rr, rdf)) {
        ldns_rdf_deep_free(rdf);
        return NULL;
    }
    return TAKE(rr);
}

static ldns_rr *
rr_of(const struct dnsreply_record *r)
{
    ldns_rr *rr = r->type == DNS_TYPE_TXT   ? dnswire_txt(r->owner, r->data, LDNS_RR_CLASS_IN)
                  : r->type == DNS_TYPE_SOA ? soa_rr(r)
                                            : plain_rr(r);

    if (rr != NULL)
        ldns_rr_set_ttl(rr, r->ttl_s);
    return rr;
}

static ldns_rr *
question_of(const struct dnsreply_query *q)
{
    own_rr ldns_rr *rr = NULL;
    size_t at = 0;

    if (ldns_wire2rr(&rr, q->question, q->question_size, &at, LDNS_SECTION_QUESTION) !=
        LDNS_STATUS_OK)
        return NULL;
    return TAKE(rr);
}

static bool
fill(ldns_pkt *packet, const struct dnsreply_query *q, const struct dnsreply *reply, bool whole,
     struct err *e)
{
    static const ldns_pkt_section sections[] = {[DNS_ANSWER] = LDNS_SECTION_ANSWER,
                                                [DNS_AUTHORITY] = LDNS_SECTION_AUTHORITY,
                                                [DNS_ADDITIONAL] = LDNS_SECTION_ADDITIONAL};

    ldns_pkt_set_id(packet, q->id);
    ldns_pkt_set_qr(packet, true);
    ldns_pkt_set_opcode(packet, (ldns_pkt_opcode)q->opcode);
    ldns_pkt_set_rd(packet, q->recursion_desired);
    ldns_pkt_set_aa(packet, reply->authoritative);
    ldns_pkt_set_tc(packet, !whole);
    ldns_pkt_set_rcode(packet, (uint8_t)(reply->rcode & 0x0f));
    if (q->has_edns) {
        ldns_pkt_set_edns_udp_size(packet, DNSREPLY_UDP_MAX);
        ldns_pkt_set_edns_do(packet, q->dnssec_ok);
        ldns_pkt_set_edns_extended_rcode(packet, (uint8_t)(reply->rcode >> 4));
    }
    if (q->question_size > 0 && !dnswire_push(packet, LDNS_SECTION_QUESTION, question_of(q), e))
        return false;
    for (size_t i = 0; whole && i < reply->count; i++)
        if (!dnswire_push(packet, sections[reply->records[i].section], rr_of(&reply->records[i]),
                          e))
            return false;
    return true;
}

static bool
write_one(struct str *message, const struct dnsreply_query *q, const struct dnsreply *reply,
          bool whole, struct err *e)
{
    own_packet ldns_pkt *packet = ldns_pkt_new();

    if (packet == NULL)
        return err_memory(e);
    return fill(packet, q, reply, whole, e) && dnswire_finish(message, packet, e);
}

bool
dnsreply_write(struct str *message, const struct dnsreply_query *q, const struct dnsreply *reply,
               size_t size_max, struct err *e)
{
    own_str struct str built = {0};

    if (!write_one(&built, q, reply, !reply->truncated, e))
        return false;
    if (built.size > size_max) {
        str_clear(&built);
        if (!write_one(&built, q, reply, false, e))
            return false;
    }
    return str_add(message, built.text, built.size) || err_memory(e);
}
