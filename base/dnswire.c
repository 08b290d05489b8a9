/* dnswire.c: records and messages of libldns. */
#include "base/dnswire.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void
dnswire_packet_drop(ldns_pkt **packet)
{
    ldns_pkt_free(*packet);
}

void
dnswire_rr_drop(ldns_rr **rr)
{
    ldns_rr_free(*rr);
}

bool
dnswire_is_name_character(unsigned char c)
{
    return isalnum(c) || c == '-' || c == '_';
}

unsigned
dnswire_number16(const unsigned char *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

ldns_rr *
dnswire_rr(const char *name, enum dns_type type, ldns_rr_class class, bool is_question)
{
    ldns_rr *rr = ldns_rr_new();
    ldns_rdf *owner = ldns_dname_new_frm_str(name);

    if (rr == NULL || owner == NULL) {
        ldns_rr_free(rr);
        ldns_rdf_deep_free(owner);
        return NULL;
    }
    ldns_rr_set_question(rr, is_question);
    ldns_rr_set_owner(rr, owner);
    ldns_rr_set_type(rr, (ldns_rr_type)type);
    ldns_rr_set_class(rr, class);
    return rr;
}

ldns_rr *
dnswire_txt(const char *name, const char *value, ldns_rr_class class)
{
    size_t length = strlen(value);
    char string[257];
    ldns_rr *rr = NULL;
    ldns_rdf *rdf = NULL;

    if (length == 0 || length > 255)
        return NULL;
    string[0] = (char)(unsigned char)length;
    (void)snprintf(string + 1, sizeof(string) - 1, "%s", value);
    rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, length + 1, string);
    rr = dnswire_rr(name, DNS_TYPE_TXT, class, false);
    if (rdf == NULL || rr == NULL || !ldns_rr_push_rdf(rr, rdf)) {
        ldns_rdf_deep_free(rdf);
        ldns_rr_free(rr);
        return NULL;
    }
    return rr;
}

bool
dnswire_push(ldns_pkt *packet, ldns_pkt_section section, ldns_rr *rr, struct err *e)
{
    own_rr ldns_rr *held = rr;

    if (held == NULL)
        return err_set(e, ERR_INTERNAL, "libldns does not make the record");
    if (!ldns_pkt_push_rr(packet, section, held))
        return err_memory(e);
    (void)TAKE(held);
    return true;
}

bool
dnswire_finish(struct str *message, const ldns_pkt *packet, struct err *e)
{
    uint8_t *wire = NULL;
    own_mem uint8_t *held = NULL;
    size_t size = 0;
    ldns_status status = ldns_pkt2wire(&wire, packet, &size);

    held = wire;
    if (status != LDNS_STATUS_OK)
        return err_set(e, ERR_INTERNAL, "libldns does not make the message: %s",
                       ldns_get_errorstr_by_id(status));
    if (size > DNS_MESSAGE_MAX)
        return err_set(e, ERR_INTERNAL, "the message has %zu bytes, more than DNS allows", size);
    return str_add(message, held, size) || err_memory(e);
}
