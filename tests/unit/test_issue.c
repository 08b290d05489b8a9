/* test_issue.c: certificates that the private CA signs, as openssl(1) and gnutls's certtool(1)
 * judge them. */
#include "ca/issue.h"

#include "base/cert.h"
#include "base/key.h"
#include "tests/fake/program.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#define DAY (24 * 3600)

struct signer {
    X509 *cert;
    EVP_PKEY *key;
};

static X509 *
sign(enum kind_id kind, const char *cn, const char *names_text, EVP_PKEY *key,
     const struct signer *issuer)
{
    struct list names = {0};
    struct err e = {0};
    int64_t now_s = time(NULL);
    struct issue i = {.kind = kind,
                      .organization = kinds[kind].is_ca ? "Müller & Söhne" : NULL,
                      .common_name = cn,
                      .names = &names,
                      .public_key = key,
                      .not_before_s = now_s - 300,
                      .not_after_s = now_s + 9 * DAY};
    X509 *cert = NULL;

    assert_true(list_add_words(&names, names_text));
    assert_true(issue_serial(i.serial, &e));
    cert = issue_sign(&i, issuer == NULL ? NULL : issuer->cert, issuer == NULL ? key : issuer->key,
                      &e);
    assert_non_null(cert);
    list_done(&names);
    return cert;
}

static struct signer
signer(enum kind_id kind, const char *cn, enum key_type type, const struct signer *issuer)
{
    struct err e = {0};
    EVP_PKEY *key = key_generate(type, &e);

    return (struct signer){sign(kind, cn, "", key, issuer), key};
}

static void
signer_done(struct signer *s)
{
    X509_free(s->cert);
    EVP_PKEY_free(s->key);
}

static void
save(struct scratch *s, const char *name, X509 *const *certs, size_t count)
{
    struct chain chain = {.count = count};
    struct str pem = {0};
    struct err e = {0};

    memcpy(chain.certs, certs, count * sizeof(*certs));
    assert_true(chain_to_pem(&chain, &pem, &e));
    scratch_write(s, name, pem.text);
    str_done(&pem);
}

/* What openssl(1) says of a leaf for a purpose: its exit status. */
static int
openssl_says(struct scratch *s, const char *purpose)
{
    const char *argv[] = {"openssl",
                          "verify",
                          "-x509_strict",
                          "-purpose",
                          purpose,
                          "-CAfile",
                          scratch_path(s, "root.pem"),
                          "-untrusted",
                          scratch_path(s, "issuing.pem"),
                          scratch_path(s, "leaf.pem"),
                          NULL};
    char output[PROGRAM_OUTPUT];

    return program_run(argv, output);
}

static int
gnutls_says(struct scratch *s, const char *purpose)
{
    const char *argv[] = {"certtool",
                          "--verify",
                          "--load-ca-certificate",
                          scratch_path(s, "root.pem"),
                          "--infile",
                          scratch_path(s, "chain.pem"),
                          "--verify-purpose",
                          purpose,
                          NULL};
    char output[PROGRAM_OUTPUT];

    return program_run(argv, output);
}

static bool
has_gnutls(void)
{
    static const char *const argv[] = {"certtool", "--version", NULL};
    char output[PROGRAM_OUTPUT];

    return program_run(argv, output) == 0;
}

#define SERVER_AUTH "1.3.6.1.5.5.7.3.1"
#define CLIENT_AUTH "1.3.6.1.5.5.7.3.2"

/* Signs a leaf below an issuing CA and asks both programs: it is good for its purpose and for no
 * other one. */
static void
judge(enum key_type ca_type, enum key_type leaf_type, enum kind_id issuing_kind,
      enum kind_id leaf_kind)
{
    bool is_server = kinds[leaf_kind].purpose == NID_server_auth;
    bool is_right = kinds[leaf_kind].purpose == kinds[issuing_kind].purpose;
    struct scratch s = scratch_new();
    struct err e = {0};
    struct signer root = signer(KIND_ROOT, "root", ca_type, NULL);
    struct signer issuing = signer(issuing_kind, "issuing", ca_type, &root);
    EVP_PKEY *key = key_generate(leaf_type, &e);
    X509 *leaf = is_server
                     ? sign(leaf_kind, "db.example.org",
                            "db.example.org *.x.example.org 192.0.2.1 2001:db8::1", key, &issuing)
                     : sign(leaf_kind, "alice", "", key, &issuing);

    save(&s, "root.pem", (X509 *[]){root.cert}, 1);
    save(&s, "issuing.pem", (X509 *[]){issuing.cert}, 1);
    save(&s, "leaf.pem", (X509 *[]){leaf}, 1);
    save(&s, "chain.pem", (X509 *[]){leaf, issuing.cert}, 2);
    assert_int_equal(openssl_says(&s, is_server ? "sslserver" : "sslclient") == 0, is_right);
    assert_int_not_equal(openssl_says(&s, is_server ? "sslclient" : "sslserver"), 0);
    if (has_gnutls()) {
        assert_int_equal(gnutls_says(&s, is_server ? SERVER_AUTH : CLIENT_AUTH) == 0, is_right);
        assert_int_not_equal(gnutls_says(&s, is_server ? CLIENT_AUTH : SERVER_AUTH), 0);
    }
    X509_free(leaf);
    EVP_PKEY_free(key);
    signer_done(&issuing);
    signer_done(&root);
    scratch_done(&s);
}

static void
openssl_and_gnutls_accept_every_kind_and_key(void **state)
{
    static const enum key_type types[] = {KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_RSA_2048};

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        judge(types[i], KEY_ECDSA_P256, KIND_SERVER_CA, KIND_SERVER);
        judge(KEY_ECDSA_P256, types[i], KIND_CLIENT_CA, KIND_CLIENT);
    }
    judge(KEY_ECDSA_P256, KEY_RSA_2048, KIND_SERVER_CA, KIND_SERVER);
}

static void
what_the_wrong_issuing_ca_signs_is_refused_by_both(void **state)
{
    (void)state;
    judge(KEY_ECDSA_P256, KEY_ECDSA_P256, KIND_CLIENT_CA, KIND_SERVER);
    judge(KEY_ECDSA_P256, KEY_ECDSA_P256, KIND_SERVER_CA, KIND_CLIENT);
}

static void
an_issuing_ca_cannot_make_another_ca(void **state)
{
    struct scratch s = scratch_new();
    struct signer root = signer(KIND_ROOT, "root", KEY_ECDSA_P256, NULL);
    struct signer issuing = signer(KIND_CLIENT_CA, "issuing", KEY_ECDSA_P256, &root);
    struct signer below = signer(KIND_CLIENT_CA, "below", KEY_ECDSA_P256, &issuing);
    struct signer leaf = signer(KIND_CLIENT, "alice", KEY_ECDSA_P256, &below);

    (void)state;
    save(&s, "root.pem", (X509 *[]){root.cert}, 1);
    save(&s, "issuing.pem", (X509 *[]){issuing.cert, below.cert}, 2);
    save(&s, "leaf.pem", (X509 *[]){leaf.cert}, 1);
    assert_int_not_equal(openssl_says(&s, "sslclient"), 0);
    signer_done(&leaf);
    signer_done(&below);
    signer_done(&issuing);
    signer_done(&root);
    scratch_done(&s);
}

/* ---- by RFC 5280 ---- */

/* -1: it is not there. */
static void
want_critical(const X509 *cert, int nid, int wanted)
{
    int where = X509_get_ext_by_NID(cert, nid, -1);
    int critical = where < 0 ? -1 : X509_EXTENSION_get_critical(X509_get_ext(cert, where));

    assert_int_equal(critical, wanted);
}

static void
extensions_are_there_and_critical_where_they_must_be(void **state)
{
    struct signer root = signer(KIND_ROOT, "root", KEY_ECDSA_P256, NULL);
    struct signer issuing = signer(KIND_SERVER_CA, "issuing", KEY_ECDSA_P256, &root);
    X509 *leaf = sign(KIND_SERVER, NULL, "db.example.org", root.key, &issuing);

    (void)state;
    want_critical(leaf, NID_basic_constraints, 1);
    want_critical(leaf, NID_key_usage, 1);
    want_critical(leaf, NID_ext_key_usage, 0);
    want_critical(leaf, NID_subject_key_identifier, 0);
    want_critical(leaf, NID_authority_key_identifier, 0);
    want_critical(leaf, NID_subject_alt_name, 1); /* section 4.1.2.6: the subject is empty */
    want_critical(root.cert, NID_ext_key_usage, -1);
    assert_null(X509_get0_authority_serial(leaf));
    assert_int_equal(X509_get_pathlen(issuing.cert), 0);
    assert_int_equal(X509_get_pathlen(root.cert), -1);
    assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_key_usage(issuing.cert), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    X509_free(leaf);
    signer_done(&issuing);
    signer_done(&root);
}

/* RFC 7093 section 2 (1), computed by hand from the bits of the key. */
static void
the_key_id_is_160_bits_of_the_sha_256_of_the_key(void **state)
{
    struct signer root = signer(KIND_ROOT, "root", KEY_ECDSA_P256, NULL);
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(root.cert);
    unsigned char digest[EVP_MAX_MD_SIZE];
    char wanted[ISSUE_KEY_ID_TEXT], text[ISSUE_KEY_ID_TEXT];
    unsigned int size = 0;

    (void)state;
    assert_int_equal(EVP_Digest(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits),
                                digest, &size, EVP_sha256(), NULL),
                     1);
    str_hex(wanted, digest, ISSUE_KEY_ID_SIZE);
    issue_key_id(root.cert, text);
    assert_string_equal(text, wanted);
    signer_done(&root);
}

/* RFC 5280 section 4.1.2.2: positive, at most 20 octets; section 4.1.2.4: UTF8String. */
static void
serials_are_random_and_positive_and_names_are_utf8(void **state)
{
    struct signer a = signer(KIND_ROOT, "Zoë", KEY_ECDSA_P256, NULL);
    struct signer b = signer(KIND_ROOT, "Zoë", KEY_ECDSA_P256, NULL);
    const X509_NAME *name = X509_get_subject_name(a.cert);

    (void)state;
    assert_int_not_equal(
        ASN1_INTEGER_cmp(X509_get0_serialNumber(a.cert), X509_get0_serialNumber(b.cert)), 0);
    for (int i = 0; i < 1000; i++) {
        unsigned char serial[ISSUE_SERIAL_SIZE];
        struct err e = {0};

        assert_true(issue_serial(serial, &e));
        assert_true(serial[0] >= 0x40 && serial[0] <= 0x7f);
    }
    assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(a.cert)), 16);
    for (int i = 0; i < X509_NAME_entry_count(name); i++)
        assert_int_equal(ASN1_STRING_type(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i))),
                         V_ASN1_UTF8STRING);
    signer_done(&a);
    signer_done(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_and_gnutls_accept_every_kind_and_key),
        cmocka_unit_test(what_the_wrong_issuing_ca_signs_is_refused_by_both),
        cmocka_unit_test(an_issuing_ca_cannot_make_another_ca),
        cmocka_unit_test(extensions_are_there_and_critical_where_they_must_be),
        cmocka_unit_test(the_key_id_is_160_bits_of_the_sha_256_of_the_key),
        cmocka_unit_test(serials_are_random_and_positive_and_names_are_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
