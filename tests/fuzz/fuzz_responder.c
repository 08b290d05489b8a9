/* fuzz_responder.c: any bytes as a query to the name server that pgcert is; they come as they are
 * by UDP, and by TCP. */
#include "tests/fuzz/fuzz.h"

#include "acme/responder.h"

#include <string.h>

#define ZONE "_acme-challenge.db.example.org."
#define TXT_MAX 20 /* values: more than go by UDP */

static void
judge(const struct responder *r, const uint8_t *data, size_t size, bool by_tcp, bool truncated)
{
    own_str struct str message = {0};
    own_dns_answer struct dns_answer answer = {0};
    enum responder_verdict verdict = responder_answer(r, data, size, by_tcp, truncated, &message);
    const unsigned char *bytes = (const unsigned char *)message.text;
    struct err e = {0};

    if (verdict == RESPONDER_SILENT) {
        MUST(message.size == 0 && (size < DNS_HEADER_SIZE || (data[2] & 0x80) != 0));
        return;
    }
    MUST(message.size >= DNS_HEADER_SIZE);
    /* the same id, operation and RD; an answer; never RA */
    MUST(memcmp(bytes, data, 2) == 0 && (bytes[2] & 0x80) != 0);
    MUST((bytes[2] & 0x79) == (data[2] & 0x79) && (bytes[3] & 0x80) == 0);
    MUST(dns_parse(&answer, message.text, message.size, &e));
    MUST(answer.authoritative == (verdict == RESPONDER_ANSWERED));
    if (by_tcp)
        MUST(!answer.truncated);
    else
        MUST(message.size <= DNSREPLY_UDP_MAX);
    /* what is no answer of ours is no larger than what came; OPT has its options left out */
    if (verdict == RESPONDER_REFUSED || answer.truncated)
        MUST(message.size <= size && answer.count == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    own_responder struct responder r = {
        .nameserver = "ns." ZONE, .mailbox = "hostmaster.example.org.", .ttl_s = 60};
    struct err e = {0};

    MUST(responder_add_zone(&r, ZONE, &e) && responder_add(&r, "x.er." ZONE, "below", &e));
    MUST(address_set(&r.addresses[0], "\x7f\0\0\1", 4, 53));
    r.address_count = 1;
    for (int i = 0; i < TXT_MAX; i++) {
        char value[] = "0123456789012345678901234567890123456789_A";

        value[sizeof(value) - 2] = (char)('A' + i);
        MUST(responder_add(&r, ZONE, value, &e));
    }
    judge(&r, data, size, false, false);
    judge(&r, data, size, false, true);
    judge(&r, data, size, true, false);
    return 0;
}
