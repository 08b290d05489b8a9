/* fuzz_dns.c: any bytes as the answer of a name server. */
#include "tests/fuzz/fuzz.h"

#include "base/tsig.h"

#include <string.h>

static const char *const name = "_acme-challenge.db.example.org.";

/* Whatever is handed on is a name, and ends where it says. */
static void
judge(const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *r = &answer->records[i];

        MUST(dns_name_is(r->owner) && r->size > 0 && r->data[r->size] == '\0');
        if (r->type == DNS_TYPE_A)
            MUST(r->size == 4);
        else if (r->type == DNS_TYPE_AAAA)
            MUST(r->size == 16);
        else if (r->type == DNS_TYPE_CAA)
            MUST(memchr(r->data, ' ', r->size) != NULL);
        else if (r->type != DNS_TYPE_TXT)
            MUST(dns_name_is(r->data));
    }
    MUST(answer->tsig.mac_size <= sizeof(answer->tsig.mac));
    MUST(answer->tsig.at == 0 || dns_name_is(answer->tsig.key));
}

/* No message has our signature by chance. */
static void
verify(const struct dns_answer *answer, const uint8_t *data, size_t size)
{
    struct tsig_key key = {.name = "pgcert-key."};
    struct tsig_mac mac = {.size = 32};
    enum tsig_verdict verdict = TSIG_GOOD;
    struct err e = {0};

    MUST(str_add(&key.secret, "secret", 6));
    MUST(tsig_verify(&verdict, &key, &mac, answer, data, size, 1700000000, &e));
    MUST(verdict == TSIG_UNSIGNED || verdict == TSIG_WRONG);
    (void)tsig_server_time(&answer->tsig);
    tsig_key_done(&key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    own_dns_answer struct dns_answer answer = {0};
    own_str struct str query = {0};
    struct err e = {0};

    MUST(dns_query(&query, name, DNS_TYPE_TXT, false, &e));
    if (size >= 2)
        dns_set_id(&query, (uint16_t)(data[0] << 8 | data[1]));
    if (dns_is_answer_to(&query, data, size))
        MUST(size >= DNS_HEADER_SIZE);
    if (dns_parse(&answer, data, size, &e))
        verify(&answer, data, size);
    else
        MUST(e.code == ERR_PROTOCOL);
    judge(&answer);
    return 0;
}
