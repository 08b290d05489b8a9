/* dns.c: DNS messages on libldns. */
#include "base/dns.h"

#include "base/dnswire.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#define LABEL_MAX 63
#define RECORDS_MAX 1024 /* of one answer that we keep */
#define TTL_NONE 0

/* ------------------------------------------------------------------ names */

bool
dns_name_is(const char *name)
{
    size_t length = strlen(name);
    size_t label = 0;

    /* 255 bytes on the wire (RFC 1035 section 2.3.4) are 254 characters with the final dot */
    if (length < 2 || length > 254 || name[length - 1] != '.')
        return false;
    for (const char *c = name; *c != '\0'; c++) {
        if (*c != '.' && !dnswire_is_name_character((unsigned char)*c))
            return false;
        label = *c == '.' ? label : label + 1;
        if (label > LABEL_MAX || (*c == '.' && label == 0))
            return false;
        if (*c == '.')
            label = 0;
    }
    return true;
}

bool
dns_name_under(const char *name, const char *zone)
{
    size_t length = strlen(name);
    size_t zone_length = strlen(zone);

    if (length < zone_length || strcasecmp(name + length - zone_length, zone) != 0)
        return false;
    return length == zone_length || name[length - zone_length - 1] == '.';
}

const char *
dns_name_parent(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot == NULL || dot[1] == '\0' ? NULL : dot + 1;
}

bool
dns_name_copy(char copy[static DNS_NAME_SIZE], const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length > DNS_NAME_SIZE - 2)
        return false;
    for (size_t i = 0; i <= length; i++)
        copy[i] = (char)tolower((unsigned char)name[i]);
    if (copy[length - 1] != '.')
        memcpy(copy + length, ".", 2);
    return dns_name_is(copy);
}

/* From wire form, as libldns hands it out: lengths and labels, uncompressed. */
static bool
name_from_rdf(char name[static DNS_NAME_SIZE], const ldns_rdf *rdf)
{
    const unsigned char *wire = rdf == NULL ? NULL : ldns_rdf_data(rdf);
    size_t size = rdf == NULL ? 0 : ldns_rdf_size(rdf);
    size_t used = 0;
    size_t at = 0;

    while (at < size && wire[at] != 0) {
        size_t label = wire[at];

        if (at + 1 + label >= size || used + label + 2 > DNS_NAME_SIZE)
            return false;
        for (size_t i = 1; i <= label; i++) {
            if (!dnswire_is_name_character(wire[at + i]))
                return false;
            name[used++] = (char)tolower(wire[at + i]);
        }
        name[used++] = '.';
        at += 1 + label;
    }
    name[used] = '\0';
    return dns_name_is(name);
}

/* ------------------------------------------------------------------ building */

uint16_t
dns_random_id(void)
{
    unsigned char bytes[2] = {0};

    /* libcrypto's generator does not fail once it is seeded; a constant id would still be safe
     * together with the random port */
    (void)RAND_bytes(bytes, sizeof(bytes));
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

void
dns_set_id(struct str *message, uint16_t id)
{
    if (message->size < DNS_HEADER_SIZE)
        return;
    message->text[0] = (char)(id >> 8);
    message->text[1] = (char)(id & 0xff);
}

bool
dns_query(struct str *message, const char *name, enum dns_type type, bool recurse, struct err *e)
{
    own_packet ldns_pkt *packet = ldns_pkt_new();

    if (packet == NULL)
        return err_memory(e);
    ldns_pkt_set_id(packet, dns_random_id());
    ldns_pkt_set_rd(packet, recurse);
    if (!dnswire_push(packet, LDNS_SECTION_QUESTION, dnswire_rr(name, type, LDNS_RR_CLASS_IN, true),
                      e))
        return err_wrap(e, "ask for '%s'", name);
    return dnswire_finish(message, packet, e);
}

/* RFC 2136 section 2.5.1: add to an RRset is class IN; 2.5.4: delete an RR from it is class NONE
 * with TTL 0. */
static ldns_rr *
change_rr(const struct dns_change *c)
{
    ldns_rr *rr = dnswire_txt(c->name, c->value, c->remove ? LDNS_RR_CLASS_NONE : LDNS_RR_CLASS_IN);

    if (rr != NULL)
        ldns_rr_set_ttl(rr, c->remove ? TTL_NONE : (uint32_t)c->ttl_s);
    return rr;
}

bool
dns_update(struct str *message, const char *zone, const struct dns_change *changes, size_t count,
           struct err *e)
{
    own_packet ldns_pkt *packet = ldns_pkt_new();

    if (packet == NULL)
        return err_memory(e);
    ldns_pkt_set_id(packet, dns_random_id());
    ldns_pkt_set_opcode(packet, LDNS_PACKET_UPDATE);
    if (!dnswire_push(packet, LDNS_SECTION_QUESTION,
                      dnswire_rr(zone, DNS_TYPE_SOA, LDNS_RR_CLASS_IN, true), e))
        return err_wrap(e, "update '%s'", zone);
    for (size_t i = 0; i < count; i++)
        if (!dnswire_push(packet, LDNS_SECTION_AUTHORITY, change_rr(&changes[i]), e))
            return err_wrap(e, "update '%s'", changes[i].name);
    return dnswire_finish(message, packet, e);
}

/* ------------------------------------------------------------------ reading */

/* Bytes of the question behind the header of a message that we built; its name is uncompressed. */
static size_t
question_size(const struct str *query)
{
    size_t at = DNS_HEADER_SIZE;

    while (at < query->size && query->text[at] != 0)
        at += 1 + (size_t)(unsigned char)query->text[at];
    return at + 5 <= query->size ? at + 5 - DNS_HEADER_SIZE : 0;
}

/* Length bytes are below 64, hence no letters: comparing without case harms none. Type and class
 * at the end are compared as they are. */
static bool
same_question(const unsigned char *a, const unsigned char *b, size_t size)
{
    size_t name_size = size - 4;

    for (size_t i = 0; i < name_size; i++)
        if (tolower(a[i]) != tolower(b[i]))
            return false;
    return memcmp(a + name_size, b + name_size, 4) == 0;
}

bool
dns_is_answer_to(const struct str *query, const void *message, size_t size)
{
    const unsigned char *asked = (const unsigned char *)query->text;
    const unsigned char *got = message;
    size_t question = question_size(query);
    bool is_update = false;
    unsigned rcode = 0;

    if (size < DNS_HEADER_SIZE || question == 0 || memcmp(asked, got, 2) != 0)
        return false;
    if ((got[2] & 0x80) == 0 || (got[2] & 0x78) != (asked[2] & 0x78))
        return false;
    is_update = (got[2] & 0x78) >> 3 == LDNS_PACKET_UPDATE;
    rcode = got[3] & 0x0f;
    if (dnswire_number16(got + 4) == 0)
        return is_update || rcode != DNS_RCODE_NOERROR;
    return dnswire_number16(got + 4) == 1 && size >= DNS_HEADER_SIZE + question &&
           same_question(asked + DNS_HEADER_SIZE, got + DNS_HEADER_SIZE, question);
}

/* Joins the strings of a TXT record. */
static bool
join_strings(struct str *data, const ldns_rr *rr)
{
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        const unsigned char *string = ldns_rdf_data(rdf);
        size_t size = ldns_rdf_size(rdf);

        if (size > 1 && !str_add(data, string + 1, size - 1))
            return false;
    }
    return true;
}

/* Flags, a tag with its length in front, a value (RFC 8659 section 4.1). */
static bool
join_caa(struct str *data, const ldns_rr *rr)
{
    const ldns_rdf *tag = ldns_rr_rd_count(rr) == 3 ? ldns_rr_rdf(rr, 1) : NULL;
    const unsigned char *letters = tag == NULL ? NULL : ldns_rdf_data(tag);

    if (tag == NULL || ldns_rdf_size(tag) < 2)
        return true;
    for (size_t i = 1; i < ldns_rdf_size(tag); i++) {
        char letter = (char)letters[i];

        if (letter >= 'A' && letter <= 'Z')
            letter = (char)(letter - 'A' + 'a');
        if (!str_add(data, &letter, 1))
            return false;
    }
    return str_add(data, " ", 1) &&
           (ldns_rdf_size(ldns_rr_rdf(rr, 2)) == 0 ||
            str_add(data, ldns_rdf_data(ldns_rr_rdf(rr, 2)), ldns_rdf_size(ldns_rr_rdf(rr, 2))));
}

/* Fills `data` with what the record says; *wanted is false when it says nothing for us. */
static bool
record_data(struct str *data, const ldns_rr *rr, bool *wanted)
{
    const ldns_rdf *first = ldns_rr_rd_count(rr) > 0 ? ldns_rr_rdf(rr, 0) : NULL;
    char name[DNS_NAME_SIZE];

    *wanted = false;
    if (first == NULL || ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
        return true;
    if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_TXT) {
        *wanted = true;
        return join_strings(data, rr);
    }
    if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CAA) {
        *wanted = true;
        return join_caa(data, rr);
    }
    if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_A || ldns_rr_get_type(rr) == LDNS_RR_TYPE_AAAA) {
        *wanted = ldns_rdf_size(first) == (ldns_rr_get_type(rr) == LDNS_RR_TYPE_A ? 4 : 16);
        return str_add(data, ldns_rdf_data(first), ldns_rdf_size(first));
    }
    if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_NS && ldns_rr_get_type(rr) != LDNS_RR_TYPE_CNAME &&
        ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA)
        return true;
    *wanted = name_from_rdf(name, first);
    return !*wanted || str_add(data, name, strlen(name));
}

static bool
keep_record(struct dns_answer *answer, enum dns_section section, const ldns_rr *rr, struct err *e)
{
    struct dns_record r = {.section = section, .type = (enum dns_type)ldns_rr_get_type(rr)};
    struct dns_record *records = NULL;
    own_str struct str data = {0};
    bool wanted = false;

    if (!record_data(&data, rr, &wanted))
        return err_memory(e);
    if (!wanted || data.size == 0 || !name_from_rdf(r.owner, ldns_rr_owner(rr)))
        return true;
    if (answer->count == RECORDS_MAX)
        return err_set(e, ERR_PROTOCOL, "it has more than %d records", RECORDS_MAX);
    records = reallocarray(answer->records, answer->count + 1, sizeof(*records));
    if (records == NULL)
        return err_memory(e);
    r.size = data.size;
    r.data = str_take(&data);
    answer->records = records;
    answer->records[answer->count++] = r;
    return true;
}

/* A field with its own length in front: a MAC or "other data". */
static bool
tsig_bytes(unsigned char *bytes, size_t *size, size_t size_max, const ldns_rdf *rdf)
{
    size_t whole = ldns_rdf_size(rdf);

    if (whole < 2 || whole - 2 > size_max)
        return false;
    *size = whole - 2;
    memcpy(bytes, ldns_rdf_data(rdf) + 2, *size);
    return true;
}

static bool
keep_tsig(struct dns_tsig *t, const ldns_rr *rr, size_t at, struct err *e)
{
    static const size_t sizes[] = {0, 6, 2, 0, 2, 2, 0}; /* 0: any */
    const unsigned char *when = NULL;

    for (size_t i = 0; i < COUNT(sizes); i++)
        if (ldns_rr_rd_count(rr) != COUNT(sizes) ||
            (sizes[i] != 0 && ldns_rdf_size(ldns_rr_rdf(rr, i)) != sizes[i]))
            return err_set(e, ERR_PROTOCOL, "its TSIG record is damaged");
    if (!name_from_rdf(t->key, ldns_rr_owner(rr)) ||
        !name_from_rdf(t->algorithm, ldns_rr_rdf(rr, 0)) ||
        !tsig_bytes(t->mac, &t->mac_size, sizeof(t->mac), ldns_rr_rdf(rr, 3)) ||
        !tsig_bytes(t->other, &t->other_size, sizeof(t->other), ldns_rr_rdf(rr, 6)))
        return err_set(e, ERR_PROTOCOL, "its TSIG record is damaged");
    when = ldns_rdf_data(ldns_rr_rdf(rr, 1));
    for (size_t i = 0; i < 6; i++)
        t->signed_at_s = t->signed_at_s << 8 | when[i];
    t->fudge_s = dnswire_number16(ldns_rdf_data(ldns_rr_rdf(rr, 2)));
    t->original_id = dnswire_number16(ldns_rdf_data(ldns_rr_rdf(rr, 4)));
    t->error = dnswire_number16(ldns_rdf_data(ldns_rr_rdf(rr, 5)));
    t->at = at;
    return true;
}

/* Reads one record at *at. */
static bool
read_record(struct dns_answer *answer, ldns_pkt_section section, const unsigned char *message,
            size_t size, size_t *at, struct err *e)
{
    static const enum dns_section ours[] = {
        [LDNS_SECTION_ANSWER] = DNS_ANSWER,
        [LDNS_SECTION_AUTHORITY] = DNS_AUTHORITY,
        [LDNS_SECTION_ADDITIONAL] = DNS_ADDITIONAL,
    };
    own_rr ldns_rr *rr = NULL;
    size_t begin = *at;
    ldns_status status = ldns_wire2rr(&rr, message, size, at, section);

    if (status != LDNS_STATUS_OK)
        return err_set(e, ERR_PROTOCOL, "it is damaged: %s", ldns_get_errorstr_by_id(status));
    if (section == LDNS_SECTION_QUESTION)
        return true;
    if (answer->tsig.at != 0)
        return err_set(e, ERR_PROTOCOL, "its TSIG record is not the last one");
    if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_TSIG)
        return keep_record(answer, ours[section], rr, e);
    if (section != LDNS_SECTION_ADDITIONAL)
        return err_set(e, ERR_PROTOCOL, "its TSIG record is not the last one");
    return keep_tsig(&answer->tsig, rr, begin, e);
}

bool
dns_parse(struct dns_answer *answer, const void *message, size_t size, struct err *e)
{
    static const ldns_pkt_section sections[] = {LDNS_SECTION_QUESTION, LDNS_SECTION_ANSWER,
                                                LDNS_SECTION_AUTHORITY, LDNS_SECTION_ADDITIONAL};
    const unsigned char *bytes = message;
    size_t at = DNS_HEADER_SIZE;

    if (size < DNS_HEADER_SIZE || size > DNS_MESSAGE_MAX)
        return err_set(e, ERR_PROTOCOL, "it has %zu bytes", size);
    answer->authoritative = (bytes[2] & 0x04) != 0;
    answer->truncated = (bytes[2] & 0x02) != 0;
    answer->rcode = bytes[3] & 0x0f;
    for (size_t s = 0; s < COUNT(sections); s++)
        for (unsigned i = dnswire_number16(bytes + 4 + 2 * s); i > 0; i--)
            if (!read_record(answer, sections[s], bytes, size, &at, e))
                return false;
    return true;
}

void
dns_answer_done(struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        free(answer->records[i].data);
    free(answer->records);
    *answer = (struct dns_answer){0};
}

const struct dns_record *
dns_next(const struct dns_answer *answer, enum dns_section section, enum dns_type type, size_t *i)
{
    while (*i < answer->count) {
        const struct dns_record *r = &answer->records[(*i)++];

        if (r->section == section && r->type == type)
            return r;
    }
    return NULL;
}

const char *
dns_rcode_text(unsigned rcode)
{
    static const char *const words[] = {
        [DNS_RCODE_NOERROR] = "NOERROR",   [DNS_RCODE_FORMERR] = "FORMERR",
        [DNS_RCODE_SERVFAIL] = "SERVFAIL", [DNS_RCODE_NXDOMAIN] = "NXDOMAIN",
        [DNS_RCODE_NOTIMP] = "NOTIMP",     [DNS_RCODE_REFUSED] = "REFUSED",
        [DNS_RCODE_NOTAUTH] = "NOTAUTH",   [DNS_RCODE_NOTZONE] = "NOTZONE",
        [DNS_RCODE_BADSIG] = "BADSIG",     [DNS_RCODE_BADKEY] = "BADKEY",
        [DNS_RCODE_BADTIME] = "BADTIME",   [DNS_RCODE_BADTRUNC] = "BADTRUNC",
    };
    static char number[24];

    if (rcode < COUNT(words) && words[rcode] != NULL)
        return words[rcode];
    (void)snprintf(number, sizeof(number), "RCODE %u", rcode);
    return number;
}

const char *
dns_library(void)
{
    return ldns_version();
}
