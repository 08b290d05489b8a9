/* test_crl.c: CRLs, read again by OpenSSL and verified by openssl(1) and certtool(1). */
#include "ca/crl.h"

#include "base/cert.h"
#include "base/clock.h"
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
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY (24 * 3600)
#define OTHER "00112233445566778899aabbccddeeff00112233"

struct bench {
    struct scratch scratch;
    EVP_PKEY *key;
    X509 *cert;
    char id[ISSUE_KEY_ID_TEXT];
    struct str text; /* of the index */
    struct index index;
    int64_t now_s;
};

static void
begin(struct bench *b)
{
    struct issue i = {.kind = KIND_ROOT, .organization = "Example", .common_name = "CA"};
    struct err e = {0};

    *b = (struct bench){.scratch = scratch_new(), .now_s = time(NULL)};
    b->key = key_generate(KEY_ECDSA_P256, &e);
    i.public_key = b->key;
    i.not_before_s = b->now_s - 300;
    i.not_after_s = b->now_s + 9 * DAY;
    assert_true(issue_serial(i.serial, &e));
    b->cert = issue_sign(&i, NULL, b->key, &e);
    assert_non_null(b->cert);
    issue_key_id(b->cert, b->id);
    assert_true(str_addf(&b->text, "# pgcert index 1\n"));
}

static void
end(struct bench *b)
{
    index_done(&b->index);
    X509_free(b->cert);
    EVP_PKEY_free(b->key);
    str_done(&b->text);
    scratch_done(&b->scratch);
}

/* One that ends in so many seconds; reason NULL: it is not revoked. */
static void
add(struct bench *b, const char *serial, const char *issuer, int64_t ends_in_s, const char *reason)
{
    char at[CLOCK_TEXT_SIZE], not_after[CLOCK_TEXT_SIZE];

    clock_text(at, b->now_s - 60 * DAY);
    clock_text(not_after, b->now_s + ends_in_s);
    assert_true(str_addf(&b->text, "issued\t%s\t%s\t%s\tclient\t%s\talice\n", at, serial, issuer,
                         not_after));
    assert_true(reason == NULL || str_addf(&b->text, "revoked\t%s\t%s\t%s\n", at, serial, reason));
}

static X509_CRL *
make(struct bench *b, int64_t number, int64_t before_s)
{
    struct err e = {0};
    struct str pem = {0};
    char *copy = malloc(b->text.size + 1);
    struct crl what = {.index = &b->index,
                       .number = number,
                       .this_update_s = b->now_s - 300,
                       .next_update_s = b->now_s + 30 * DAY,
                       .before_s = before_s};
    X509_CRL *crl = NULL;
    BIO *bio = NULL;

    assert_non_null(copy);
    memcpy(copy, b->text.text, b->text.size);
    index_done(&b->index);
    assert_true(index_parse(&b->index, copy, b->text.size, &e));
    assert_true(crl_make(&what, b->cert, b->key, &pem, &e));
    scratch_write(&b->scratch, "crl.pem", pem.text);
    bio = BIO_new_mem_buf(pem.text, (int)pem.size);
    crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    assert_non_null(crl);
    assert_int_equal(X509_CRL_verify(crl, b->key), 1);
    BIO_free(bio);
    str_done(&pem);
    return crl;
}

static int
count(const X509_CRL *crl)
{
    X509_CRL *same = X509_CRL_dup(crl);
    int found = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(same));

    X509_CRL_free(same);
    return found < 0 ? 0 : found;
}

/* Is that serial in it? *reason: CRL_REASON_NONE when none is said. */
static bool
lists(X509_CRL *crl, long serial, int *reason)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    X509_REVOKED *entry = NULL;
    ASN1_ENUMERATED *said = NULL;
    bool found = false;

    assert_int_equal(ASN1_INTEGER_set(number, serial), 1);
    found = X509_CRL_get0_by_serial(crl, &entry, number) == 1;
    *reason = -1;
    if (found)
        said = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    if (said != NULL)
        *reason = (int)ASN1_ENUMERATED_get(said);
    ASN1_ENUMERATED_free(said);
    ASN1_INTEGER_free(number);
    return found;
}

static void
it_lists_what_this_ca_has_revoked_with_the_reason(void **state)
{
    struct bench b;
    X509_CRL *crl = NULL;
    int reason = 0;

    (void)state;
    begin(&b);
    add(&b, "4a01", b.id, 5 * DAY, "keyCompromise");
    add(&b, "4a02", b.id, 5 * DAY, NULL);
    add(&b, "4a03", b.id, 5 * DAY, "unspecified");
    add(&b, "4a04", OTHER, 5 * DAY, "keyCompromise");
    crl = make(&b, 7, 0);
    assert_int_equal(count(crl), 2);
    assert_true(lists(crl, 0x4a01, &reason));
    assert_int_equal(reason, 1);
    assert_true(lists(crl, 0x4a03, &reason));
    assert_int_equal(reason, -1); /* RFC 5280 section 5.3.1: absent rather than unspecified */
    assert_false(lists(crl, 0x4a02, &reason));
    assert_false(lists(crl, 0x4a04, &reason));
    X509_CRL_free(crl);
    end(&b);
}

static void
number_and_issuer_are_said_as_rfc_5280_wants(void **state)
{
    struct bench b;
    X509_CRL *crl = NULL;
    ASN1_INTEGER *number = NULL;
    AUTHORITY_KEYID *id = NULL;
    int critical = -1;

    (void)state;
    begin(&b);
    crl = make(&b, INT64_C(1795316400), 0);
    number = X509_CRL_get_ext_d2i(crl, NID_crl_number, &critical, NULL);
    assert_non_null(number);
    assert_int_equal(critical, 0);
    assert_int_equal(ASN1_INTEGER_get(number), INT64_C(1795316400));
    id = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, &critical, NULL);
    assert_non_null(id);
    assert_int_equal(ASN1_STRING_cmp(id->keyid, X509_get0_subject_key_id(b.cert)), 0);
    assert_int_equal(X509_CRL_get_version(crl), X509_CRL_VERSION_2);
    AUTHORITY_KEYID_free(id);
    ASN1_INTEGER_free(number);
    X509_CRL_free(crl);
    end(&b);
}

/* RFC 5280 section 3.3: it stays until it was in one CRL made beyond its end. */
static void
an_entry_goes_after_a_crl_that_is_later_than_its_end(void **state)
{
    struct bench b;
    X509_CRL *crl = NULL;
    int reason = 0;

    (void)state;
    begin(&b);
    add(&b, "4a01", b.id, -20 * DAY, "superseded");
    crl = make(&b, 1, b.now_s - 21 * DAY);
    assert_true(lists(crl, 0x4a01, &reason));
    X509_CRL_free(crl);
    crl = make(&b, 2, b.now_s - 19 * DAY);
    assert_false(lists(crl, 0x4a01, &reason));
    X509_CRL_free(crl);
    crl = make(&b, 3, 0); /* nobody knows of one before: it is listed */
    assert_true(lists(crl, 0x4a01, &reason));
    X509_CRL_free(crl);
    end(&b);
}

static void
openssl_and_gnutls_accept_it_also_when_empty(void **state)
{
    struct bench b;
    char output[PROGRAM_OUTPUT];
    struct str pem = {0};
    struct err e = {0};

    (void)state;
    begin(&b);
    assert_true(chain_to_pem(&(struct chain){.certs = {b.cert}, .count = 1}, &pem, &e));
    scratch_write(&b.scratch, "ca.pem", pem.text);
    for (int i = 0; i < 2; i++) {
        const char *openssl[] = {"openssl", "crl",
                                 "-noout",  "-verify",
                                 "-in",     scratch_path(&b.scratch, "crl.pem"),
                                 "-CAfile", scratch_path(&b.scratch, "ca.pem"),
                                 NULL};
        const char *gnutls[] = {"certtool",
                                "--verify-crl",
                                "--infile",
                                scratch_path(&b.scratch, "crl.pem"),
                                "--load-ca-certificate",
                                scratch_path(&b.scratch, "ca.pem"),
                                NULL};
        static const char *const version[] = {"certtool", "--version", NULL};
        X509_CRL *crl = NULL;

        if (i == 1)
            add(&b, "4a01", b.id, 5 * DAY, "keyCompromise");
        crl = make(&b, 7, 0);
        assert_int_equal(count(crl), i);
        assert_int_equal(program_run(openssl, output), 0);
        assert_non_null(strstr(output, "verify OK"));
        if (program_run(version, output) == 0)
            assert_int_equal(program_run(gnutls, output), 0);
        X509_CRL_free(crl);
    }
    str_done(&pem);
    end(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_lists_what_this_ca_has_revoked_with_the_reason),
        cmocka_unit_test(number_and_issuer_are_said_as_rfc_5280_wants),
        cmocka_unit_test(an_entry_goes_after_a_crl_that_is_later_than_its_end),
        cmocka_unit_test(openssl_and_gnutls_accept_it_also_when_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
