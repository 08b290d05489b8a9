/* test_verify.c: each defect of what is to be deployed, and the sentence about it. The chains are
 * minted here; what is wrong with each is written beside it. */
#include "reload/verify.h"

#include "tests/fake/mint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1800000000
#define DAY 86400

static int64_t
stopped(struct clock *c)
{
    (void)c;
    return NOW;
}

static struct clock noon = {.now_s = stopped};

/* root -> upper -> lower -> leaf, and others that are not what they seem. */
static struct world {
    struct minted root, upper, lower, leaf, false_lower, other;
    char trust_file[32];
} w;

static const struct mint root = {
    .cn = "root", .ca = true, .from_s = NOW - DAY, .until_s = NOW + 999 * DAY};
static const struct mint stranger = {
    .cn = "stranger", .ca = true, .from_s = NOW - DAY, .until_s = NOW + 999 * DAY};
static const struct mint upper = {
    .cn = "upper", .ca = true, .from_s = NOW - DAY, .until_s = NOW + 99 * DAY};
static const struct mint lower = {
    .cn = "lower", .ca = true, .from_s = NOW - DAY, .until_s = NOW + 99 * DAY};
static const struct mint leaf = {.cn = "leaf",
                                 .names = "DNS:db.example.org,DNS:*.w.example.org",
                                 .usage = "serverAuth",
                                 .from_s = NOW - DAY,
                                 .until_s = NOW + 30 * DAY};

static int
make_world(void **state)
{
    struct str pem = {0};
    int fd = -1;

    (void)state;
    /* so that only trust_file is trusted */
    assert_int_equal(setenv("SSL_CERT_FILE", "/nonexistent", 1), 0);
    assert_int_equal(setenv("SSL_CERT_DIR", "/nonexistent", 1), 0);
    w.root = mint(&root, NULL);
    w.upper = mint(&upper, &w.root);
    w.lower = mint(&lower, &w.upper);
    w.leaf = mint(&leaf, &w.lower);
    w.false_lower = mint(&lower, &w.upper);
    w.other = mint(&stranger, NULL);
    (void)strcpy(w.trust_file, "/tmp/test_verify.XXXXXX");
    fd = mkstemp(w.trust_file);
    mint_add_cert(&pem, w.root.cert);
    assert_int_equal(write(fd, pem.text, pem.size), (ssize_t)pem.size);
    (void)close(fd);
    str_done(&pem);
    return 0;
}

static int
end_world(void **state)
{
    (void)state;
    minted_done(&w.root);
    minted_done(&w.upper);
    minted_done(&w.lower);
    minted_done(&w.leaf);
    minted_done(&w.false_lower);
    minted_done(&w.other);
    return unlink(w.trust_file);
}

/* What reload_check() says of a key and a NULL-ended chain; `why` NULL: nothing. */
static void
check(EVP_PKEY *key, X509 *const *chain, const char *names_text, int64_t least_s, const char *why)
{
    struct str key_pem = {0};
    struct str chain_pem = {0};
    struct list names = {0};
    struct err e = {0};
    struct material m = {.key_pem = &key_pem,
                         .chain_pem = &chain_pem,
                         .names = &names,
                         .trust_file = w.trust_file,
                         .valid_for_s = least_s};
    bool good = false;

    mint_add_key(&key_pem, key);
    for (; *chain != NULL; chain++)
        mint_add_cert(&chain_pem, *chain);
    assert_true(list_add_words(&names, names_text));
    good = reload_check(&m, &noon, &e);
    if (why == NULL && !good)
        fail_msg("refused: %s", e.text);
    if (why != NULL && (good || strstr(e.text, why) == NULL))
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
    assert_int_equal(e.code, why == NULL ? ERR_NONE : ERR_INPUT);
    str_done(&key_pem);
    str_done(&chain_pem);
    list_done(&names);
}

#define CHAIN(...) ((X509 *const[]){__VA_ARGS__, NULL})

/* Another leaf than the good one, below `lower`. */
static void
check_leaf(struct mint changed, const char *why)
{
    struct minted one = mint(&changed, &w.lower);

    check(one.key, CHAIN(one.cert, w.lower.cert, w.upper.cert), "db.example.org", 0, why);
    minted_done(&one);
}

static void
a_good_chain_passes_with_and_without_its_root(void **state)
{
    (void)state;
    check(w.leaf.key, CHAIN(w.leaf.cert, w.lower.cert, w.upper.cert),
          "db.example.org *.w.example.org a.w.example.org", 29 * DAY, NULL);
    check(w.leaf.key, CHAIN(w.leaf.cert, w.lower.cert, w.upper.cert, w.root.cert), "db.example.org",
          0, NULL);
}

static void
a_leaf_that_a_root_has_signed_stands_alone(void **state)
{
    struct minted one = mint(&leaf, &w.root);

    (void)state;
    check(one.key, CHAIN(one.cert), "db.example.org", 0, NULL);
    check(one.key, CHAIN(one.cert, w.root.cert), "db.example.org", 0, NULL);
    minted_done(&one);
}

static void
the_key_of_another_certificate_is_refused(void **state)
{
    (void)state;
    check(w.other.key, CHAIN(w.leaf.cert, w.lower.cert, w.upper.cert), "db.example.org", 0,
          "not the key of the certificate 'CN=leaf'");
}

static void
a_chain_out_of_order_is_refused(void **state)
{
    (void)state;
    check(w.leaf.key, CHAIN(w.leaf.cert, w.upper.cert, w.lower.cert), "db.example.org", 0,
          "certificate 3, 'CN=lower', must follow 'CN=leaf'");
    check(w.leaf.key, CHAIN(w.lower.cert, w.leaf.cert, w.upper.cert), "db.example.org", 0,
          "the key belongs to its certificate 2");
}

static void
a_missing_intermediate_is_named(void **state)
{
    (void)state;
    check(w.leaf.key, CHAIN(w.leaf.cert), "db.example.org", 0, "issuer 'CN=lower' of 'CN=leaf'");
    check(w.leaf.key, CHAIN(w.leaf.cert, w.lower.cert), "db.example.org", 0,
          "issuer 'CN=upper' of 'CN=lower'");
    check(w.leaf.key, CHAIN(w.leaf.cert, w.upper.cert), "db.example.org", 0,
          "after 'CN=leaf' its issuer 'CN=lower' is missing");
}

static void
an_issuer_in_name_only_is_refused(void **state)
{
    (void)state;
    check(w.leaf.key, CHAIN(w.leaf.cert, w.false_lower.cert, w.upper.cert), "db.example.org", 0,
          "the signature of 'CN=leaf' is bad");
}

static void
an_untrusted_root_is_refused(void **state)
{
    struct mint own = leaf;
    struct minted one = {0};

    (void)state;
    one = mint(&own, &w.other);
    check(one.key, CHAIN(one.cert, w.other.cert), "db.example.org", 0, "not a trusted root");
    minted_done(&one);
    own.ca = true;
    one = mint(&own, NULL);
    check(one.key, CHAIN(one.cert), "db.example.org", 0, "self-signed");
    minted_done(&one);
}

static void
a_certificate_for_clients_is_refused(void **state)
{
    struct mint changed = leaf;

    (void)state;
    changed.usage = "clientAuth";
    check_leaf(changed, "lacks serverAuth");
    changed.usage = NULL; /* RFC 5280: then it may be used for anything */
    check_leaf(changed, NULL);
}

static void
a_name_that_is_not_covered_is_named(void **state)
{
    (void)state;
    check(w.leaf.key, CHAIN(w.leaf.cert, w.lower.cert, w.upper.cert),
          "db.example.org other.example.org", 0, "does not cover 'other.example.org'");
    check(w.leaf.key, CHAIN(w.leaf.cert, w.lower.cert, w.upper.cert), "a.b.w.example.org", 0,
          "does not cover");
}

static void
dates_are_judged_by_the_clock(void **state)
{
    struct mint changed = leaf;

    (void)state;
    changed.until_s = NOW - 1;
    check_leaf(changed, "has expired at 2027-01-15T07:59:59Z"); /* date -u -d @1799999999 */
    changed.until_s = NOW + DAY;
    changed.from_s = NOW + 1;
    check_leaf(changed, "is not valid before 2027-01-15T08:00:01Z");
    check(w.leaf.key, CHAIN(w.leaf.cert, w.lower.cert, w.upper.cert), "db.example.org", 31 * DAY,
          "at least 31 days are wanted");
}

static void
an_expired_intermediate_is_named(void **state)
{
    struct mint old = lower;
    X509 *cert = NULL;

    (void)state;
    old.until_s = NOW - 5;
    cert = mint_with_key(&old, w.lower.key, &w.upper);
    check(w.leaf.key, CHAIN(w.leaf.cert, cert, w.upper.cert), "db.example.org", 0,
          "'CN=lower' has expired");
    X509_free(cert);
}

/* Debian sets security level 2: 2048 bits, no SHA-1 (openssl.cnf(5)). */
static void
what_the_security_level_forbids_is_refused(void **state)
{
    EVP_PKEY *weak = EVP_RSA_gen(1024);
    X509 *cert = mint_with_key(&leaf, weak, &w.lower);

    (void)state;
    check(weak, CHAIN(cert, w.lower.cert, w.upper.cert), "db.example.org", 0, "too short");
    X509_free(cert);
    EVP_PKEY_free(weak);
}

static void
a_file_loads_or_does_not_as_postgresql_would_say(void **state)
{
    struct str good = {0};
    struct str mismatched = {0};
    struct err e = {0};

    (void)state;
    mint_add_key(&good, w.leaf.key);
    mint_add_cert(&good, w.leaf.cert);
    mint_add_key(&mismatched, w.other.key);
    mint_add_cert(&mismatched, w.leaf.cert);
    assert_true(verify_loads(&good, &e)); /* no trust and no dates are asked for */
    assert_false(verify_loads(&mismatched, &e));
    assert_int_equal(e.code, ERR_INPUT);
    good.size -= 40;
    assert_false(verify_loads(&good, &e));
    good.size = 0;
    assert_false(verify_loads(&good, &e));
    str_done(&good);
    str_done(&mismatched);
}

static void
the_file_is_the_key_and_then_the_chain(void **state)
{
    struct str key_pem = {0};
    struct str chain_pem = {0};
    struct str wanted = {0};
    struct str file = {0};
    struct list names = {0};
    struct pair pair = {0};
    X509 *top = NULL;
    struct err e = {0};
    struct material m = {
        .key_pem = &key_pem, .chain_pem = &chain_pem, .names = &names, .trust_file = w.trust_file};

    (void)state;
    mint_add_key(&key_pem, w.leaf.key);
    mint_add_cert(&chain_pem, w.leaf.cert);
    mint_add_cert(&chain_pem, w.lower.cert);
    mint_add_cert(&chain_pem, w.upper.cert);
    assert_true(list_add(&names, "db.example.org"));
    assert_true(str_addf(&wanted, "%s%s", key_pem.text, chain_pem.text));
    /* comments and line ends of another tool's file do not get through */
    assert_true(str_addf(&chain_pem, "\r\n# the end\r\n"));
    assert_true(verify_material(&m, &noon, &pair, &top, &e));
    assert_true(pair_to_pem(&pair, &file, &e));
    assert_string_equal(file.text, wanted.text);
    assert_int_equal(X509_cmp(top, w.root.cert), 0);
    X509_free(top);
    assert_int_equal(pair.chain.count, 3);
    pair_done(&pair);
    str_done(&key_pem);
    str_done(&chain_pem);
    str_done(&wanted);
    str_done(&file);
    list_done(&names);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_chain_passes_with_and_without_its_root),
        cmocka_unit_test(a_leaf_that_a_root_has_signed_stands_alone),
        cmocka_unit_test(the_key_of_another_certificate_is_refused),
        cmocka_unit_test(a_chain_out_of_order_is_refused),
        cmocka_unit_test(a_missing_intermediate_is_named),
        cmocka_unit_test(an_issuer_in_name_only_is_refused),
        cmocka_unit_test(an_untrusted_root_is_refused),
        cmocka_unit_test(a_certificate_for_clients_is_refused),
        cmocka_unit_test(a_name_that_is_not_covered_is_named),
        cmocka_unit_test(dates_are_judged_by_the_clock),
        cmocka_unit_test(an_expired_intermediate_is_named),
        cmocka_unit_test(what_the_security_level_forbids_is_refused),
        cmocka_unit_test(a_file_loads_or_does_not_as_postgresql_would_say),
        cmocka_unit_test(the_file_is_the_key_and_then_the_chain),
    };

    return cmocka_run_group_tests(tests, make_world, end_world);
}
