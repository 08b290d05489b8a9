/* crlfile.c: CRLs as they are found in files. */
#include "ca/crlfile.h"

#include "base/file.h"
#include "base/pem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define CRL_FILE_MAX ((size_t)1 << 30)
#define DER_SEQUENCE 0x30

static void
crl_drop(X509_CRL **crl)
{
    X509_CRL_free(*crl);
}

static void
bio_drop(BIO **bio)
{
    (void)BIO_free(*bio);
}

static void
integer_drop(ASN1_INTEGER **integer)
{
    ASN1_INTEGER_free(*integer);
}

#define own_crl __attribute__((cleanup(crl_drop)))
#define own_bio __attribute__((cleanup(bio_drop)))
#define own_integer __attribute__((cleanup(integer_drop)))

static char *
number_text(const X509_CRL *crl)
{
    own_integer ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    char *decimal = number == NULL ? NULL : i2s_ASN1_INTEGER(NULL, number);
    char *text = strdup(decimal == NULL ? "" : decimal);

    OPENSSL_free(decimal);
    return text;
}

static bool
take(struct ca_crls *crls, X509_CRL *crl, struct err *e)
{
    struct ca_crl *grown = realloc(crls->items, (crls->count + 1) * sizeof(*grown));
    const STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
    struct ca_crl *one = NULL;

    if (grown == NULL)
        return err_memory(e);
    crls->items = grown;
    one = &crls->items[crls->count++];
    *one = (struct ca_crl){
        .issuer = cert_name(X509_CRL_get_issuer(crl)),
        .number = number_text(crl),
        .this_update_s = cert_time(X509_CRL_get0_lastUpdate(crl)),
        .next_update_s = next == NULL ? 0 : cert_time(next),
        .revoked = revoked == NULL ? 0 : sk_X509_REVOKED_num(revoked),
    };
    return (one->issuer != NULL && one->number != NULL) || err_memory(e);
}

static bool
damaged(struct err *e)
{
    ERR_clear_error();
    return err_set(e, ERR_INPUT, "a CRL is damaged");
}

static bool
parse_der(const char *text, size_t size, struct ca_crls *crls, struct err *e)
{
    const unsigned char *cursor = (const unsigned char *)text;
    own_crl X509_CRL *crl = d2i_X509_CRL(NULL, &cursor, (long)size);

    ERR_clear_error();
    return crl == NULL || take(crls, crl, e); /* whatever it is, it is no CRL */
}

/* Does OpenSSL only say that the text has no more of them? */
static bool
is_end(void)
{
    bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

    ERR_clear_error();
    return end;
}

static bool
parse_pem(const char *text, size_t size, struct ca_crls *crls, struct err *e)
{
    own_bio BIO *bio = BIO_new_mem_buf(text, (int)size);

    if (bio == NULL)
        return err_memory(e);
    for (;;) {
        own_crl X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, pem_no_passphrase, NULL);

        if (crl == NULL)
            return is_end() || damaged(e);
        if (!take(crls, crl, e))
            return false;
    }
}

/* What has no CRL is not judged here, however damaged. */
bool
crlfile_parse(const char *text, size_t size, struct ca_crls *crls, struct err *e)
{
    struct ca_crls read = {0};
    bool good = true;

    if (size > 0 && (unsigned char)text[0] == DER_SEQUENCE)
        good = parse_der(text, size, &read, e);
    else if (size > 0 && memmem(text, size, "-----BEGIN X509 CRL-----", 24) != NULL)
        good = parse_pem(text, size, &read, e);
    if (good)
        *crls = read;
    else
        ca_crls_done(&read);
    return good;
}

bool
ca_crls_read(const char *path, struct ca_crls *crls, struct err *e)
{
    own_str struct str text = {0};

    if (!file_read(AT_FDCWD, path, CRL_FILE_MAX, &text, e))
        return false;
    return crlfile_parse(text.text, text.size, crls, e) || err_wrap(e, "'%s'", path);
}

void
ca_crls_done(struct ca_crls *crls)
{
    for (size_t i = 0; i < crls->count; i++) {
        free(crls->items[i].issuer);
        free(crls->items[i].number);
    }
    free(crls->items);
    *crls = (struct ca_crls){0};
}
