/* tsig.c: TSIG signatures on OpenSSL's HMAC. */
#include "base/tsig.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#define CLASS_ANY 255
#define ARCOUNT_AT 10 /* in the header */

static const EVP_MD *
digest_of(enum tsig_algorithm algorithm)
{
    switch (algorithm) {
    case TSIG_SHA256:
        return EVP_sha256();
    case TSIG_SHA384:
        return EVP_sha384();
    case TSIG_SHA512:
        return EVP_sha512();
    }
    return NULL;
}

static bool
add16(struct str *s, unsigned number)
{
    unsigned char bytes[2] = {(unsigned char)(number >> 8), (unsigned char)number};

    return str_add(s, bytes, sizeof(bytes));
}

static bool
add48(struct str *s, int64_t number)
{
    return add16(s, (unsigned)(number >> 32) & 0xffff) &&
           add16(s, (unsigned)(number >> 16) & 0xffff) && add16(s, (unsigned)number & 0xffff);
}

/* In wire form; our names are in lower case already, as section 4.3.3 wants them digested. */
static bool
add_name(struct str *s, const char *name)
{
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        unsigned char length = (unsigned char)label;

        if (!str_add(s, &length, 1) || !str_add(s, name, label))
            return false;
        name += label + (name[label] == '.');
    }
    return str_add(s, "", 1);
}

/* The "TSIG variables" of section 4.3.3. */
static bool
add_variables(struct str *s, const struct dns_tsig *t)
{
    return add_name(s, t->key) && add16(s, CLASS_ANY) && add16(s, 0) && add16(s, 0) &&
           add_name(s, t->algorithm) && add48(s, t->signed_at_s) && add16(s, t->fudge_s) &&
           add16(s, t->error) && add16(s, (unsigned)t->other_size) &&
           str_add(s, t->other, t->other_size);
}

static bool
digest(struct tsig_mac *mac, const struct tsig_key *key, const struct str *data, struct err *e)
{
    unsigned size = 0;

    if (HMAC(digest_of(key->algorithm), key->secret.text, (int)key->secret.size,
             (const unsigned char *)data->text, data->size, mac->bytes, &size) == NULL)
        return err_crypto(e, "compute the message's signature");
    mac->size = size;
    return true;
}

/* Section 4.2: the record itself. */
static bool
add_record(struct str *message, const struct dns_tsig *t)
{
    own_str struct str data = {0};

    return add_name(&data, t->algorithm) && add48(&data, t->signed_at_s) &&
           add16(&data, t->fudge_s) && add16(&data, (unsigned)t->mac_size) &&
           str_add(&data, t->mac, t->mac_size) && add16(&data, t->original_id) &&
           add16(&data, t->error) && add16(&data, (unsigned)t->other_size) &&
           str_add(&data, t->other, t->other_size) && add_name(message, t->key) &&
           add16(message, DNS_TYPE_TSIG) && add16(message, CLASS_ANY) && add16(message, 0) &&
           add16(message, 0) && add16(message, (unsigned)data.size) &&
           str_add(message, data.text, data.size);
}

static unsigned
get16(const void *bytes)
{
    const unsigned char *b = bytes;

    return (unsigned)b[0] << 8 | b[1];
}

static void
put16(char *bytes, unsigned number)
{
    bytes[0] = (char)(number >> 8);
    bytes[1] = (char)(number & 0xff);
}

bool
tsig_sign(struct str *message, const struct tsig_key *key, int64_t now_s, struct tsig_mac *mac,
          struct err *e)
{
    struct dns_tsig t = {.signed_at_s = now_s, .fudge_s = TSIG_FUDGE_S};
    own_str struct str data = {0};

    if (message->size < DNS_HEADER_SIZE)
        return err_set(e, ERR_INTERNAL, "there is no message to sign");
    if (!dns_name_copy(t.key, key->name) ||
        !dns_name_copy(t.algorithm, tsig_algorithm_name(key->algorithm)))
        return err_set(e, ERR_INTERNAL, "'%s' is not the name of a TSIG key", key->name);
    if (!str_add(&data, message->text, message->size) || !add_variables(&data, &t))
        return err_memory(e);
    if (!digest(mac, key, &data, e))
        return false;
    memcpy(t.mac, mac->bytes, mac->size);
    t.mac_size = mac->size;
    t.original_id = get16(message->text);
    if (!add_record(message, &t))
        return err_memory(e);
    put16(message->text + ARCOUNT_AT, get16(message->text + ARCOUNT_AT) + 1);
    if (message->size > DNS_MESSAGE_MAX)
        return err_set(e, ERR_INTERNAL, "the signed message is larger than DNS allows");
    return true;
}

/* What the answer's MAC covers: the request's MAC, the message as it was before the record was
 * added, the variables (sections 4.3.1, 4.3.2 and 5.3). */
static bool
covered(struct str *data, const struct tsig_mac *request, const struct dns_tsig *t,
        const void *message)
{
    size_t begin = 0;

    if (!add16(data, (unsigned)request->size) || !str_add(data, request->bytes, request->size))
        return false;
    begin = data->size;
    if (!str_add(data, message, t->at))
        return false;
    put16(data->text + begin, t->original_id);
    put16(data->text + begin + ARCOUNT_AT, get16(data->text + begin + ARCOUNT_AT) - 1);
    return add_variables(data, t);
}

bool
tsig_verify(enum tsig_verdict *verdict, const struct tsig_key *key, const struct tsig_mac *request,
            const struct dns_answer *answer, const void *message, size_t size, int64_t now_s,
            struct err *e)
{
    const struct dns_tsig *t = &answer->tsig;
    own_str struct str data = {0};
    struct tsig_mac wanted = {.size = 0};

    *verdict = TSIG_UNSIGNED;
    if (t->at < DNS_HEADER_SIZE || t->at > size || t->mac_size == 0)
        return true;
    *verdict = TSIG_WRONG;
    if (strcmp(t->key, key->name) != 0 ||
        strcmp(t->algorithm, tsig_algorithm_name(key->algorithm)) != 0)
        return true;
    if (!covered(&data, request, t, message))
        return err_memory(e);
    if (!digest(&wanted, key, &data, e))
        return false;
    if (t->mac_size != wanted.size || CRYPTO_memcmp(t->mac, wanted.bytes, wanted.size) != 0)
        return true;
    *verdict = llabs(now_s - t->signed_at_s) <= t->fudge_s ? TSIG_GOOD : TSIG_UNTIMELY;
    return true;
}

int64_t
tsig_server_time(const struct dns_tsig *t)
{
    int64_t time_s = 0;

    if (t->error != DNS_RCODE_BADTIME || t->other_size != 6)
        return 0;
    for (size_t i = 0; i < 6; i++)
        time_s = time_s << 8 | t->other[i];
    return time_s;
}
