/* crl.c: make a certificate revocation list. */
#include "ca/crl.h"

#include "base/key.h"

#include <string.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void
crl_drop(X509_CRL **crl)
{
    X509_CRL_free(*crl);
}

static void
time_drop(ASN1_TIME **time)
{
    ASN1_TIME_free(*time);
}

static void
integer_drop(ASN1_INTEGER **integer)
{
    ASN1_INTEGER_free(*integer);
}

static void
enumerated_drop(ASN1_ENUMERATED **enumerated)
{
    ASN1_ENUMERATED_free(*enumerated);
}

static void
key_id_drop(AUTHORITY_KEYID **id)
{
    AUTHORITY_KEYID_free(*id);
}

static void
bio_drop(BIO **bio)
{
    (void)BIO_free(*bio);
}

#define own_crl __attribute__((cleanup(crl_drop)))
#define own_time __attribute__((cleanup(time_drop)))
#define own_integer __attribute__((cleanup(integer_drop)))
#define own_enumerated __attribute__((cleanup(enumerated_drop)))
#define own_key_id __attribute__((cleanup(key_id_drop)))
#define own_bio __attribute__((cleanup(bio_drop)))

/* What each entry is made with, so that a million of them do not allocate it anew. */
struct maker {
    X509_CRL *crl; /* borrowed */
    ASN1_TIME *time;
    int64_t time_s; /* what `time` says */
    ASN1_INTEGER *serial;
    ASN1_ENUMERATED *reason;
};

/* ---- entries ---- */

static int
digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* The index has checked the digits. */
static bool
set_serial(ASN1_INTEGER *serial, const char *hex)
{
    unsigned char bytes[INDEX_SERIAL_MAX / 2];
    size_t size = strlen(hex) / 2;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return ASN1_STRING_set(serial, bytes, (int)size) == 1;
}

static bool
set_time(struct maker *m, int64_t at_s)
{
    if (m->time_s == at_s)
        return true;
    m->time_s = at_s;
    return ASN1_TIME_set(m->time, (time_t)at_s) != NULL;
}

/* Section 5.3.1: no reason is said rather than "unspecified". */
static bool
set_reason(struct maker *m, X509_REVOKED *entry, int code)
{
    return code == 0 || (ASN1_ENUMERATED_set(m->reason, code) == 1 &&
                         X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, m->reason, 0, 0) == 1);
}

static bool
add_entry(struct maker *m, const struct index_entry *one)
{
    X509_REVOKED *entry = X509_REVOKED_new();

    if (entry != NULL && set_serial(m->serial, one->serial) && set_time(m, one->revoked_at_s) &&
        X509_REVOKED_set_serialNumber(entry, m->serial) == 1 &&
        X509_REVOKED_set_revocationDate(entry, m->time) == 1 &&
        set_reason(m, entry, one->reason->code) && X509_CRL_add0_revoked(m->crl, entry) == 1)
        return true;
    X509_REVOKED_free(entry);
    return false;
}

/* Section 3.3: it must be in one CRL that is made after the certificate has expired. */
static bool
is_listed(const struct crl *c, const struct index_entry *one, const char *issuer)
{
    return one->revoked_at_s != 0 && (c->before_s == 0 || one->not_after_s >= c->before_s) &&
           strcmp(one->issuer, issuer) == 0;
}

static bool
add_entries(X509_CRL *crl, const struct crl *c, const char *issuer)
{
    own_time ASN1_TIME *time = ASN1_TIME_new();
    own_integer ASN1_INTEGER *serial = ASN1_INTEGER_new();
    own_enumerated ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
    struct maker m = {.crl = crl, .time = time, .serial = serial, .reason = reason, .time_s = -1};

    if (time == NULL || serial == NULL || reason == NULL)
        return false;
    for (size_t i = 0; i < c->index->count; i++)
        if (is_listed(c, &c->index->entries[i], issuer) && !add_entry(&m, &c->index->entries[i]))
            return false;
    return X509_CRL_sort(crl) == 1; /* who looks for a serial sorts, and has less to do then */
}

/* ---- the whole ---- */

static bool
set_times(X509_CRL *crl, const struct crl *c)
{
    own_time ASN1_TIME *this_update = ASN1_TIME_set(NULL, (time_t)c->this_update_s);
    own_time ASN1_TIME *next_update = ASN1_TIME_set(NULL, (time_t)c->next_update_s);

    return this_update != NULL && next_update != NULL &&
           X509_CRL_set1_lastUpdate(crl, this_update) == 1 &&
           X509_CRL_set1_nextUpdate(crl, next_update) == 1;
}

static bool
add_extensions(X509_CRL *crl, const struct crl *c, const X509 *issuer)
{
    own_integer ASN1_INTEGER *number = ASN1_INTEGER_new();
    own_key_id AUTHORITY_KEYID *id = issue_authority_key_id(issuer);

    return number != NULL && id != NULL && ASN1_INTEGER_set_int64(number, c->number) == 1 &&
           X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, id, 0, 0) == 1 &&
           X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1;
}

static bool
add_pem(const X509_CRL *crl, struct str *pem, struct err *e)
{
    own_bio BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long size = 0;

    if (bio == NULL || PEM_write_bio_X509_CRL(bio, crl) != 1)
        return err_crypto(e, "write a CRL as PEM");
    size = BIO_get_mem_data(bio, &text);
    return str_add(pem, text, (size_t)size) || err_memory(e);
}

bool
crl_make(const struct crl *c, const X509 *issuer, EVP_PKEY *key, struct str *pem, struct err *e)
{
    own_crl X509_CRL *crl = X509_CRL_new();
    char id[ISSUE_KEY_ID_TEXT];

    issue_key_id(issuer, id);
    if (crl == NULL || X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) != 1 || !set_times(crl, c) ||
        !add_entries(crl, c, id) || !add_extensions(crl, c, issuer))
        return err_crypto(e, "build a CRL");
    if (X509_CRL_sign(crl, key, key_digest(key)) <= 0)
        return err_crypto(e, "sign a CRL");
    return add_pem(crl, pem, e);
}
