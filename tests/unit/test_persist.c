/* test_persist.c: what a dns-persist-01 record must say. The hashes are those of the example in
 * draft-ietf-acme-dns-persist-02 section 10.2, whose key's thumbprint is that of RFC 7638
 * section 3.1.
 */
#include "acme/persist.h"

#include "acme/jws.h"
#include "base/b64url.h"
#include "base/key.h"
#include "tests/fake/clock.h"
#include "tests/fake/http.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#define NOW_S 1795316400
#define URLS                                                                                       \
    "\"newNonce\":\"https://ca.test/n\",\"newAccount\":\"https://ca.test/a\","                     \
    "\"newOrder\":\"https://ca.test/o\""
#define PREFIX "https://ca.example/account-hash/"

/* RFC 7638 section 3.1 */
static const char rfc7638_n[] =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQF"
    "h6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

/* The public key is enough for a thumbprint. */
static EVP_PKEY *
rfc7638_key(void)
{
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    own_str struct str bytes = {0};
    OSSL_PARAM *params = NULL;
    BIGNUM *n = NULL;
    BIGNUM *e = BN_new();
    EVP_PKEY *key = NULL;

    assert_true(b64url_decode(&bytes, rfc7638_n));
    n = BN_bin2bn((const unsigned char *)bytes.text, (int)bytes.size, NULL);
    assert_int_equal(BN_set_word(e, 65537), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e), 1);
    params = OSSL_PARAM_BLD_to_param(builder);
    assert_int_equal(EVP_PKEY_fromdata_init(maker), 1);
    assert_int_equal(EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(maker);
    BN_free(n);
    BN_free(e);
    return key;
}

struct talk {
    struct scratch scratch;
    struct fake_clock clock;
    struct fake_http http;
    struct client client;
    struct reply replies[2];
    struct err e;
};

/* A client whose server has that directory. */
static void
begin(struct talk *t, const char *directory)
{
    *t = (struct talk){.scratch = scratch_new(), .clock = fake_clock_at(NOW_S)};
    for (size_t i = 0; i < COUNT(t->replies); i++)
        t->replies[i] =
            (struct reply){.status = 200, .type = "application/json", .body = directory};
    t->http = fake_http_with(t->replies, COUNT(t->replies));
    assert_true(client_init(&t->client, &t->http.base, &t->clock.base, "https://ca.test/dir",
                            scratch_path(&t->scratch, "s"), &t->e));
    t->client.key = rfc7638_key();
    t->client.kid = strdup("https://ca.example/acct/123");
}

static void
end(struct talk *t)
{
    client_done(&t->client);
    fake_http_done(&t->http);
    scratch_done(&t->scratch);
}

/* What is made of a challenge for example.com. */
static bool
from(struct talk *t, struct persist *p, const char *challenge, bool wildcard)
{
    char name[] = "example.com";
    struct authz of = {.name = name, .is_wildcard = wildcard};
    bool good = false;

    t->e = (struct err){0};
    of.object = json_decode(challenge, strlen(challenge), &t->e);
    assert_non_null(of.object);
    good = persist_from_challenge(p, &t->client, &of, &t->e);
    json_drop(&of.object);
    return good;
}

static void
up_to_revision_01_the_record_has_the_account_s_url(void **state)
{
    struct talk t;
    own_persist struct persist p = {0};
    own_mem char *value = NULL;
    own_mem char *line = NULL;

    (void)state;
    begin(&t, "{" URLS "}");
    assert_true(
        from(&t, &p, "{\"issuer-domain-names\":[\"authority.example\",\"b.example\"]}", true));
    value = persist_value(&p);
    assert_string_equal(value, "authority.example; accounturi=https://ca.example/acct/123; "
                               "policy=wildcard");
    line = persist_line(p.fqdn, value);
    assert_string_equal(line, "_validation-persist.example.com. 3600 IN TXT \"authority.example; "
                              "accounturi=https://ca.example/acct/123; policy=wildcard\"");
    assert_string_equal(fake_http_asked(&t.http), "");
    end(&t);
}

static void
from_revision_02_on_it_has_a_hash_of_the_domain_the_key_and_the_url(void **state)
{
    struct talk t;
    own_persist struct persist p = {0};
    own_mem char *value = NULL;

    (void)state;
    begin(&t, "{" URLS ",\"meta\":{\"accountHashPrefix\":\"" PREFIX "\"}}");
    assert_true(from(&t, &p, "{\"issuerDomainNames\":[\"authority.example\"]}", false));
    value = persist_value(&p);
    assert_string_equal(value, "authority.example; accounturi=" PREFIX
                               "sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw");
    assert_string_equal(p.accounts.items[1],
                        PREFIX "sha-256/NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug");
    end(&t);
}

static void
a_challenge_that_cannot_be_answered_breaks_the_protocol(void **state)
{
    /* clang-format off */
    static const struct {
        const char *challenge, *text;
    } rows[] = {
        {"{}", "_validation-persist.example.com.: the issuer names 0 names of itself, and 1 to 10 can be"},
        {"{\"issuer-domain-names\":[]}", "_validation-persist.example.com.: the issuer names 0 names of itself, and 1 to 10 can be"},
        {"{\"issuer-domain-names\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}", "_validation-persist.example.com.: the issuer names 11 names of itself, and 1 to 10 can be"},
        {"{\"issuer-domain-names\":[\"ca.test.\"]}", "_validation-persist.example.com.: the issuer calls itself 'ca.test.', which is no name"},
        {"{\"issuer-domain-names\":[\"CA.test\"]}",  "_validation-persist.example.com.: the issuer calls itself 'CA.test', which is no name"},
        {"{\"issuer-domain-names\":[\"a; accounturi=x\"]}", "_validation-persist.example.com.: the issuer calls itself 'a; accounturi=x', which is no name"},
        {"{\"issuer-domain-names\":[7]}", "_validation-persist.example.com.: the issuer calls itself '?', which is no name"},
        {"{\"issuer-domain-names\":[\"ca.test\"],\"accounturi\":\"https://ca.example/acct/666\"}", "_validation-persist.example.com.: the issuer wants a record for the account 'https://ca.example/acct/666', and ours is 'https://ca.example/acct/123'"},
        {"{\"issuerDomainNames\":[\"ca.test\"]}", "_validation-persist.example.com.: the issuer's directory has no accountHashPrefix that can be in a record"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct talk t;
        own_persist struct persist p = {0};

        begin(&t, "{" URLS "}");
        assert_false(from(&t, &p, rows[i].challenge, false));
        assert_string_equal(t.e.text, rows[i].text);
        assert_int_equal(t.e.code, ERR_PROTOCOL);
        end(&t);
    }
}

static void
before_an_order_the_directory_says_what_the_issuer_is_called(void **state)
{
    /* clang-format off */
    static const struct {
        const char *directory, *name, *value, *text;
    } rows[] = {
        {"{" URLS ",\"meta\":{\"caaIdentities\":[\"ca.test\"]}}", "example.com", "ca.test; accounturi=https://ca.example/acct/123", NULL},
        {"{" URLS ",\"meta\":{\"caaIdentities\":[\"ca.test\"]}}", "*.example.com", "ca.test; accounturi=https://ca.example/acct/123; policy=wildcard", NULL},
        {"{" URLS ",\"meta\":{\"caaIdentities\":[\"no.test\"],\"issuerDomainNames\":[\"ca.test\"],\"accountHashPrefix\":\"" PREFIX "\"}}", "*.example.com", "ca.test; accounturi=" PREFIX "sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw; policy=wildcard", NULL},
        {"{" URLS ",\"meta\":{\"issuerDomainNames\":[\"ca.test\"],\"accountHashPrefix\":\"a; b\"}}", "example.com", NULL, "_validation-persist.example.com.: the issuer's directory has no accountHashPrefix that can be in a record"},
        {"{" URLS "}", "example.com", NULL, "the issuer's directory does not say which name a record must have; a renewal that fails for want of the record tells it"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct talk t;
        own_persist struct persist p = {0};
        own_mem char *value = NULL;

        begin(&t, rows[i].directory);
        if (rows[i].value == NULL) {
            assert_false(persist_from_directory(&p, &t.client, rows[i].name, &t.e));
            assert_string_equal(t.e.text, rows[i].text);
        } else {
            assert_true(persist_from_directory(&p, &t.client, rows[i].name, &t.e));
            value = persist_value(&p);
            assert_string_equal(value, rows[i].value);
        }
        end(&t);
    }
}

static void
a_record_is_good_or_it_is_told_why_not(void **state)
{
    /* clang-format off */
    static const struct {
        const char *value, *why; /* NULL: it is good */
    } rows[] = {
        {"ca.test; accounturi=URL; policy=wildcard", NULL},
        {"ca.test;accounturi=URL;policy=wildcard", NULL},
        {"b.test; accounturi=ANY; policy=wildcard", NULL},
        {" \tca.test\t; ACCOUNTURI = URL ; Policy = WILDCARD ; x=", NULL},
        {"ca.test; accounturi=URL; policy=wildcard; persistUntil=1795316400", NULL},
        {"ca.test; accounturi=URL; policy=wildcard; persistUntil=1795316399", "has one that was good until 2026-11-22T02:59:59Z"},
        {"ca.test; accounturi=URL; policy=wildcard; persistUntil=-1", "has a persistUntil that is no time: '-1'"},
        {"ca.test; accounturi=URL; policy=wildcard; persistUntil=", "has a persistUntil that is no time: ''"},
        {"ca.test; accounturi=URL; policy=wildcard; persistUntil=9999999999999999", "has a persistUntil that is no time: '9999999999999999'"},
        {"ca.test; accounturi=URL", "has one without policy=wildcard for 'ca.test'"},
        {"ca.test; accounturi=URL; policy=all", "has one without policy=wildcard for 'ca.test'"},
        {"ca.test; accounturi=URL2; policy=wildcard", "has one for the account 'URL2'"},
        {"ca.test; accounturi=url; policy=wildcard", "has one for the account 'url'"},
        {"ca.test; accounturi=URL; accounturi=URL", "says it twice: 'accounturi'"},
        {"ca.test; policy=wildcard", "has one without accounturi for 'ca.test'"},
        {"ca.test", "has one without accounturi for 'ca.test'"},
        {"ca.test;", "has a part that is not tag=value: ''"},
        {"ca.test; accounturi=URL;", "has a part that is not tag=value: ''"},
        {"ca.test; accounturi", "has a part that is not tag=value: 'accounturi'"},
        {"ca.test; =URL", "has a part that is not tag=value: '=URL'"},
        {"ca.test; accounturi=U RL", "has a blank or worse in 'accounturi=U RL'"},
        {"ca.test; accounturi=U\x1b", "has a blank or worse in 'accounturi=U?'"},
        {"CA.test; accounturi=URL; policy=wildcard", ""},
        {"ca.test.; accounturi=URL; policy=wildcard", ""},
        {"other.test; accounturi=URL; policy=wildcard", ""},
        {"v=spf1 -all", ""},
        {"; accounturi=URL", ""},
        {"", ""},
    };
    /* clang-format on */
    own_persist struct persist p = {.wildcard = true};

    (void)state;
    assert_true(list_add_words(&p.issuers, "ca.test b.test"));
    assert_true(list_add_words(&p.accounts, "URL ANY"));
    for (size_t i = 0; i < COUNT(rows); i++) {
        char why[PERSIST_WHY_SIZE];
        bool good = persist_judge(&p, rows[i].value, strlen(rows[i].value), NOW_S, why);

        if (good != (rows[i].why == NULL))
            fail_msg("'%s' was %s: %s", rows[i].value, good ? "accepted" : "refused", why);
        assert_string_equal(why, rows[i].why == NULL ? "" : rows[i].why);
    }
}

static void
a_long_value_is_more_than_one_string_and_what_is_special_is_escaped(void **state)
{
    char value[257];
    own_mem char *line = NULL;

    (void)state;
    memset(value, 'a', sizeof(value));
    value[0] = '"';
    value[254] = '\\';
    value[255] = 'b';
    value[256] = '\0';
    line = persist_line("x.", value);
    assert_non_null(line);
    assert_int_equal(strncmp(line, "x. 3600 IN TXT \"\\\"aaa", 20), 0);
    assert_string_equal(line + strlen(line) - 8, "a\\\\\" \"b\"");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_revision_01_the_record_has_the_account_s_url),
        cmocka_unit_test(from_revision_02_on_it_has_a_hash_of_the_domain_the_key_and_the_url),
        cmocka_unit_test(a_challenge_that_cannot_be_answered_breaks_the_protocol),
        cmocka_unit_test(before_an_order_the_directory_says_what_the_issuer_is_called),
        cmocka_unit_test(a_record_is_good_or_it_is_told_why_not),
        cmocka_unit_test(a_long_value_is_more_than_one_string_and_what_is_special_is_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
