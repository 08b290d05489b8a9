/* issue.c: build and sign one certificate, from structs alone. */
#include "ca/issue.h"

#include "base/key.h"
#include "base/san.h"
#include "ca/name.h"

#include <time.h>

#include <openssl/rand.h>
#include <openssl/x509v3.h>

/* Bits of keyUsage, RFC 5280 section 4.2.1.3. */
#define DIGITAL_SIGNATURE 0
#define KEY_ENCIPHERMENT 2
#define KEY_CERT_SIGN 5
#define CRL_SIGN 6

static void
bits_drop(ASN1_BIT_STRING **bits)
{
    ASN1_BIT_STRING_free(*bits);
}

static void
octets_drop(ASN1_OCTET_STRING **octets)
{
    ASN1_OCTET_STRING_free(*octets);
}

static void
constraints_drop(BASIC_CONSTRAINTS **constraints)
{
    BASIC_CONSTRAINTS_free(*constraints);
}

static void
usage_drop(EXTENDED_KEY_USAGE **usage)
{
    EXTENDED_KEY_USAGE_free(*usage);
}

static void
key_id_drop(AUTHORITY_KEYID **id)
{
    AUTHORITY_KEYID_free(*id);
}

static void
permitted_drop(NAME_CONSTRAINTS **constraints)
{
    NAME_CONSTRAINTS_free(*constraints);
}

#define own_permitted __attribute__((cleanup(permitted_drop)))
#define own_bits __attribute__((cleanup(bits_drop)))
#define own_octets __attribute__((cleanup(octets_drop)))
#define own_constraints __attribute__((cleanup(constraints_drop)))
#define own_usage __attribute__((cleanup(usage_drop)))
#define own_key_id __attribute__((cleanup(key_id_drop)))

bool
issue_serial(unsigned char serial[static ISSUE_SERIAL_SIZE], struct err *e)
{
    if (RAND_bytes(serial, ISSUE_SERIAL_SIZE) != 1)
        return err_crypto(e, "make a random serial number");
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, and never shorter */
    return true;
}

/* ---- extensions ---- */

static bool
add(X509 *cert, int nid, void *value, bool is_critical)
{
    return value != NULL &&
           X509_add1_ext_i2d(cert, nid, value, is_critical ? 1 : 0, X509V3_ADD_DEFAULT) == 1;
}

static bool
add_constraints(X509 *cert, const struct kind *p)
{
    own_constraints BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();

    if (constraints == NULL)
        return false;
    constraints->ca = p->is_ca ? 0xff : 0;
    if (p->path_length >= 0) {
        constraints->pathlen = ASN1_INTEGER_new();
        if (constraints->pathlen == NULL ||
            ASN1_INTEGER_set(constraints->pathlen, p->path_length) != 1)
            return false;
    }
    return add(cert, NID_basic_constraints, constraints, true);
}

/* keyEncipherment is for what a client encrypts to a server's RSA key, as TLS 1.2 may. */
static bool
add_usage(X509 *cert, const struct kind *p, const EVP_PKEY *key)
{
    own_bits ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool is_rsa_server = p->purpose == NID_server_auth && EVP_PKEY_is_a(key, "RSA") == 1;
    bool good = bits != NULL;

    if (p->is_ca)
        good = good && ASN1_BIT_STRING_set_bit(bits, KEY_CERT_SIGN, 1) == 1 &&
               ASN1_BIT_STRING_set_bit(bits, CRL_SIGN, 1) == 1;
    else
        good = good && ASN1_BIT_STRING_set_bit(bits, DIGITAL_SIGNATURE, 1) == 1 &&
               (!is_rsa_server || ASN1_BIT_STRING_set_bit(bits, KEY_ENCIPHERMENT, 1) == 1);
    return good && add(cert, NID_key_usage, bits, true);
}

static bool
add_purpose(X509 *cert, const struct kind *p)
{
    own_usage EXTENDED_KEY_USAGE *usage = EXTENDED_KEY_USAGE_new();

    return p->purpose == 0 ||
           (usage != NULL && sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(p->purpose)) > 0 &&
            add(cert, NID_ext_key_usage, usage, false));
}

/* RFC 7093 section 2, method 1: the leftmost 160 bits of the SHA-256 of the subject public key, as
 * FIPS may not compute the SHA-1 that RFC 5280 proposes. */
static bool
add_key_id(X509 *cert)
{
    own_octets ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;

    return id != NULL && X509_pubkey_digest(cert, EVP_sha256(), digest, &size) == 1 &&
           ASN1_OCTET_STRING_set(id, digest, ISSUE_KEY_ID_SIZE) == 1 &&
           add(cert, NID_subject_key_identifier, id, false);
}

AUTHORITY_KEYID *
issue_authority_key_id(const X509 *issuer)
{
    own_octets ASN1_OCTET_STRING *id =
        X509_get_ext_d2i(issuer, NID_subject_key_identifier, NULL, NULL);
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();

    if (id == NULL || authority == NULL) {
        AUTHORITY_KEYID_free(authority);
        return NULL;
    }
    authority->keyid = TAKE(id);
    return authority;
}

static bool
add_authority(X509 *cert, const X509 *issuer)
{
    own_key_id AUTHORITY_KEYID *id = issue_authority_key_id(issuer);

    return add(cert, NID_authority_key_identifier, id, false);
}

/* RFC 5280 section 4.1.2.6: critical where the subject is empty. */
static bool
add_names(X509 *cert, const struct issue *i)
{
    own_san GENERAL_NAMES *all = NULL;

    if (i->names == NULL || i->names->count == 0)
        return true;
    all = san_make(i->names);
    return add(cert, NID_subject_alt_name, all, i->common_name == NULL);
}

/* Section 4.2.1.10: a subject must begin with the organization. It is of no use to who may pass it
 * over: critical. */
static bool
add_permitted(X509 *cert, const char *organization, struct err *e)
{
    own_permitted NAME_CONSTRAINTS *constraints = NAME_CONSTRAINTS_new();
    own_name X509_NAME *name = name_make(organization, NULL, e);
    GENERAL_SUBTREE *tree = GENERAL_SUBTREE_new();

    if (constraints == NULL || name == NULL || tree == NULL ||
        (constraints->permittedSubtrees = sk_GENERAL_SUBTREE_new_null()) == NULL ||
        sk_GENERAL_SUBTREE_push(constraints->permittedSubtrees, tree) <= 0) {
        GENERAL_SUBTREE_free(tree);
        return false;
    }
    GENERAL_NAME_set0_value(tree->base, GEN_DIRNAME, TAKE(name));
    return add(cert, NID_name_constraints, constraints, true);
}

static bool
add_extensions(X509 *cert, const struct issue *i, const X509 *issuer, struct err *e)
{
    const struct kind *p = &kinds[i->kind];

    return add_constraints(cert, p) && add_usage(cert, p, i->public_key) && add_purpose(cert, p) &&
           add_key_id(cert) && add_authority(cert, issuer) && add_names(cert, i) &&
           (i->permitted == NULL || add_permitted(cert, i->permitted, e));
}

/* ---- the whole ---- */

/* RFC 5480 section 2. X509_set_pubkey() encodes and decodes again, which takes longer than a key
 * and a signature together; but only with it the certificate in memory gives its key to others. */
static bool
set_point(X509 *cert, EVP_PKEY *key, int curve)
{
    unsigned char *point = NULL;
    size_t size = EVP_PKEY_get1_encoded_public_key(key, &point);
    bool good = size > 0 && X509_PUBKEY_set0_param(
                                X509_get_X509_PUBKEY(cert), OBJ_nid2obj(NID_X9_62_id_ecPublicKey),
                                V_ASN1_OBJECT, OBJ_nid2obj(curve), point, (int)size) == 1;

    if (!good)
        OPENSSL_free(point);
    return good;
}

static bool
set_public_key(X509 *cert, const struct issue *i)
{
    EVP_PKEY *key = i->public_key;

    if (i->kind == KIND_CLIENT && key_is(key, KEY_ECDSA_P256))
        return set_point(cert, key, NID_X9_62_prime256v1);
    if (i->kind == KIND_CLIENT && key_is(key, KEY_ECDSA_P384))
        return set_point(cert, key, NID_secp384r1);
    return X509_set_pubkey(cert, key) == 1;
}

static bool
fill(X509 *cert, const struct issue *i, const X509 *issuer, struct err *e)
{
    own_name X509_NAME *subject = kinds[i->kind].is_ca
                                      ? name_make_ca(i->organization, i->common_name, e)
                                      : name_make(i->organization, i->common_name, e);
    ASN1_INTEGER *serial = X509_get_serialNumber(cert);

    if (subject == NULL)
        return false;
    if (X509_set_version(cert, X509_VERSION_3) != 1 ||
        ASN1_STRING_set(serial, i->serial, ISSUE_SERIAL_SIZE) != 1 ||
        ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)i->not_before_s) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)i->not_after_s) == NULL ||
        X509_set_subject_name(cert, subject) != 1 ||
        X509_set_issuer_name(cert, issuer == NULL ? subject : X509_get_subject_name(issuer)) != 1 ||
        !set_public_key(cert, i) || !add_extensions(cert, i, issuer == NULL ? cert : issuer, e))
        return err_crypto(e, "build a certificate");
    return true;
}

X509 *
issue_sign(const struct issue *i, const X509 *issuer, EVP_PKEY *issuer_key, struct err *e)
{
    own_cert X509 *cert = X509_new();

    if (cert == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    if (!fill(cert, i, issuer, e))
        return NULL;
    if (X509_sign(cert, issuer_key, key_digest(issuer_key)) <= 0) {
        (void)err_crypto(e, "sign a certificate");
        return NULL;
    }
    return TAKE(cert);
}

void
issue_key_id(const X509 *cert, char text[static ISSUE_KEY_ID_TEXT])
{
    own_octets ASN1_OCTET_STRING *id =
        X509_get_ext_d2i(cert, NID_subject_key_identifier, NULL, NULL);

    text[0] = '\0';
    if (id != NULL && ASN1_STRING_length(id) == ISSUE_KEY_ID_SIZE)
        str_hex(text, ASN1_STRING_get0_data(id), ISSUE_KEY_ID_SIZE);
}

void
issue_drop(X509 **cert)
{
    X509_free(*cert);
}
