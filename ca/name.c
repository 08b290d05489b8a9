/* name.c: names of subjects. */
#include "ca/name.h"

#include <string.h>

#include <openssl/asn1.h>

#define ORGANIZATION_MAX 64 /* characters, RFC 5280 appendix A.1 */
#define FILE_PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._"
#define DIGEST_SIZE 20

/* Counts the characters of good UTF-8; -1 when it is not, or has control characters (C0, DEL, C1),
 * which could forge a line of a file or of a terminal. */
static int
count_characters(const char *text)
{
    const unsigned char *cursor = (const unsigned char *)text;
    size_t left = strlen(text);
    int count = 0;

    for (; left > 0; count++) {
        unsigned long character = 0;
        int size = UTF8_getc(cursor, left > 6 ? 6 : (int)left, &character);

        if (size <= 0 || character > 0x10ffff || (character >= 0xd800 && character < 0xe000) ||
            character < 0x20 || (character >= 0x7f && character < 0xa0))
            return -1;
        cursor += size;
        left -= (size_t)size;
    }
    return count;
}

bool
name_check_user(const char *user, struct err *e)
{
    size_t size = strlen(user);

    if (size == 0)
        return err_set(e, ERR_INPUT, "the name of a user must not be empty");
    if (count_characters(user) < 0)
        return err_set(e, ERR_INPUT,
                       "the user '%s': the name is not UTF-8, or has a control character", user);
    if (user[0] == ' ' || user[size - 1] == ' ') /* RFC 5280 section 7.1: insignificant there */
        return err_set(e, ERR_INPUT, "the user '%s': the name begins or ends with a space", user);
    if (size > NAME_USER_MAX)
        return err_set(e, ERR_INPUT,
                       "the user '%s': the name has %zu bytes, and a role of PostgreSQL at most %d",
                       user, size, NAME_USER_MAX);
    return true;
}

bool
name_check_organization(const char *organization, struct err *e)
{
    int count = count_characters(organization);

    if (count < 0)
        return err_set(e, ERR_CONFIG, "[ca] organization is not UTF-8, or has a control character");
    if (count > ORGANIZATION_MAX)
        return err_set(e, ERR_CONFIG, "[ca] organization has %d characters; RFC 5280 allows %d",
                       count, ORGANIZATION_MAX);
    return true;
}

bool
name_check_tenant(const char *tenant, struct err *e)
{
    size_t size = strlen(tenant);
    int count = count_characters(tenant);

    if (size == 0)
        return err_set(e, ERR_INPUT, "the name of a tenant must not be empty");
    if (count < 0)
        return err_set(e, ERR_INPUT,
                       "the tenant '%s': the name is not UTF-8, or has a control character",
                       tenant);
    if (tenant[0] == ' ' || tenant[size - 1] == ' ')
        return err_set(e, ERR_INPUT, "the tenant '%s': the name begins or ends with a space",
                       tenant);
    if (count > ORGANIZATION_MAX)
        return err_set(e, ERR_INPUT,
                       "the tenant '%s': the name has %d characters; RFC 5280 allows %d", tenant,
                       count, ORGANIZATION_MAX);
    return true;
}

bool
name_is_same_tenant(const char *a, const char *b, bool *same, struct err *e)
{
    own_name X509_NAME *x = name_make(a, NULL, e);
    own_name X509_NAME *y = x == NULL ? NULL : name_make(b, NULL, e);

    if (y == NULL)
        return false;
    *same = X509_NAME_cmp(x, y) == 0;
    return true;
}

char *
name_organization(const X509 *cert)
{
    const X509_NAME *name = X509_get_subject_name(cert);
    int where = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    const ASN1_STRING *value =
        where < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, where));

    return value == NULL ? NULL
                         : strndup((const char *)ASN1_STRING_get0_data(value),
                                   (size_t)ASN1_STRING_length(value));
}

/* ---- as part of the name of a file ---- */

static bool
add_digest(struct str *file, const char *name)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * DIGEST_SIZE + 1];

    if (EVP_Digest(name, strlen(name), digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    str_hex(hex, digest, DIGEST_SIZE);
    return str_addf(file, "%%~%s", hex); /* no %XX begins so */
}

bool
name_add_file(struct str *file, const char *name, size_t most)
{
    own_str struct str encoded = {0};

    for (const char *c = name; *c != '\0'; c++)
        if (strchr(FILE_PLAIN, *c) != NULL && (c != name || *c != '.')
                ? !str_add(&encoded, c, 1)
                : !str_addf(&encoded, "%%%02X", (unsigned)(unsigned char)*c))
            return false;
    return encoded.size > most ? add_digest(file, name)
                               : str_addf(file, "%s", encoded.size == 0 ? "" : encoded.text);
}

/* ---- X.501 ---- */

/* With the type said, OpenSSL neither guesses another one nor shortens. */
static bool
add(X509_NAME *name, int nid, const char *text)
{
    return text == NULL ||
           X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING, (const unsigned char *)text,
                                      (int)strlen(text), -1, 0) == 1;
}

static X509_NAME *
make(const int nids[2], const char *const texts[2], struct err *e)
{
    own_name X509_NAME *name = X509_NAME_new();

    if (name == NULL || !add(name, nids[0], texts[0]) || !add(name, nids[1], texts[1])) {
        (void)err_crypto(e, "make the name of a subject");
        return NULL;
    }
    return TAKE(name);
}

X509_NAME *
name_make(const char *organization, const char *common_name, struct err *e)
{
    return make((const int[]){NID_organizationName, NID_commonName},
                (const char *const[]){organization, common_name}, e);
}

X509_NAME *
name_make_ca(const char *organization, const char *common_name, struct err *e)
{
    return make((const int[]){NID_commonName, NID_organizationName},
                (const char *const[]){common_name, organization}, e);
}

void
name_drop(X509_NAME **name)
{
    X509_NAME_free(*name);
}
