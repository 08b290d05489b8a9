/* test_sign.c: what the CA signs for servers and clients, and what it does not. */
#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define SIXTY "012345678901234567890123456789012345678901234567890123456789"

static X509 *
leaf_of(const struct str *pem)
{
    struct chain chain = {0};
    struct err e = {0};
    X509 *leaf = NULL;

    assert_true(chain_from_pem(&chain, pem->text, pem->size, &e));
    assert_int_equal(chain.count, 2);
    leaf = chain.certs[0];
    assert_int_equal(X509_up_ref(leaf), 1);
    chain_done(&chain);
    return leaf;
}

/* Signs for a client; NULL: it was refused. */
static X509 *
client(struct fake_ca *f, const char *user, int64_t lifetime_s, bool is_privileged, struct err *e)
{
    struct ca *ca = fake_ca_open(f);
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, e);
    struct ca_client c = {user, key, lifetime_s, is_privileged, NULL};
    struct str pem = {0};
    X509 *leaf = ca_sign_client(ca, &c, &pem, e) ? leaf_of(&pem) : NULL;

    str_done(&pem);
    EVP_PKEY_free(key);
    ca_close(&ca);
    return leaf;
}

static void
a_client_has_the_user_as_its_whole_subject(void **state)
{
    static const char *const users[] = {"alice", "Zo\xc3\xab", "a,b=c+d", SIXTY "123"};
    static const char *const subjects[] = {"CN=alice", "CN=Zo\xc3\xab", "CN=a\\,b=c\\+d",
                                           "CN=" SIXTY "123"};
    struct fake_ca f;

    (void)state;
    fake_ca_begin(&f);
    f.config.organization = strdup("Example");
    fake_ca_init(&f);
    for (size_t i = 0; i < COUNT(users); i++) {
        struct err e = {0};
        X509 *leaf = client(&f, users[i], 0, false, &e);
        char *subject = cert_subject(leaf);

        assert_string_equal(subject, subjects[i]);
        assert_int_equal(cert_not_before(leaf), f.clock.at_s - 300);
        assert_int_equal(cert_not_after(leaf), f.clock.at_s + 90 * FAKE_DAY);
        free(subject);
        X509_free(leaf);
    }
    fake_ca_end(&f);
}

static void
names_are_refused_and_never_shortened(void **state)
{
    static const struct {
        const char *user;
        bool is_privileged;
        enum err_code code;
    } rows[] = {
        {SIXTY "1234", false, ERR_INPUT},    {"", false, ERR_INPUT},
        {"a\nb", false, ERR_INPUT},          {"postgres", false, ERR_PERMISSION},
        {"Postgres", false, ERR_PERMISSION}, {"pg_monitor", false, ERR_PERMISSION},
        {"repl", false, ERR_PERMISSION},     {"postgres", true, ERR_NONE},
        {"postgres2", false, ERR_NONE},
    };
    struct fake_ca f;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        X509 *leaf = client(&f, rows[i].user, 0, rows[i].is_privileged, &e);

        assert_int_equal(e.code, rows[i].code);
        assert_int_equal(leaf != NULL, rows[i].code == ERR_NONE);
        X509_free(leaf);
    }
    fake_ca_end(&f);
}

static void
nothing_outlives_the_ca_that_signed_it(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    X509 *leaf = NULL;
    int64_t end_s = 0;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    end_s = f.clock.at_s + 1095 * FAKE_DAY;
    leaf = client(&f, "alice", 3 * FAKE_DAY, false, &e);
    assert_int_equal(cert_not_after(leaf), f.clock.at_s + 3 * FAKE_DAY);
    X509_free(leaf);
    f.clock.at_s = end_s - 10 * FAKE_DAY;
    leaf = client(&f, "alice", 0, false, &e);
    assert_int_equal(cert_not_after(leaf), end_s);
    X509_free(leaf);
    f.clock.at_s = end_s;
    assert_null(client(&f, "alice", 0, false, &e));
    assert_int_equal(e.code, ERR_REFUSED);
    fake_ca_end(&f);
}

static void
a_server_has_all_names_and_the_first_as_common_name(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    struct list names = {0}, found = {0};
    struct str pem = {0};
    struct ca *ca = NULL;
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
    X509 *leaf = NULL;
    char *subject = NULL;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    ca = fake_ca_open(&f);
    assert_true(list_add_words(&names, "db.example.org *.example.org 192.0.2.7 2001:db8::7"));
    assert_true(ca_sign_server(ca, &names, key, &pem, &e));
    leaf = leaf_of(&pem);
    subject = cert_subject(leaf);
    assert_string_equal(subject, "CN=db.example.org");
    assert_true(cert_names(leaf, &found));
    assert_true(list_same(&names, &found));
    free(subject);
    X509_free(leaf);
    list_done(&names);
    list_done(&found);
    str_done(&pem);
    /* RFC 5280 ub-common-name: too long for a CN, so there is none */
    assert_true(list_add(&names, SIXTY ".example.org"));
    assert_true(ca_sign_server(ca, &names, key, &pem, &e));
    leaf = leaf_of(&pem);
    assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(leaf)), 0);
    X509_free(leaf);
    list_done(&names);
    str_done(&pem);
    EVP_PKEY_free(key);
    ca_close(&ca);
    fake_ca_end(&f);
}

/* Whatever is signed can be found, also when the run is killed in between. */
static void
nothing_is_signed_that_the_index_does_not_have(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    struct ca_list list = {0};
    X509 *leaf = NULL;
    char *serial = NULL;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    leaf = client(&f, "alice", 0, false, &e);
    serial = cert_serial(leaf);
    assert_true(ca_list_read(&f.config, "client", f.clock.at_s, &list, &e));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].serial, serial);
    assert_string_equal(list.items[0].name, "alice");
    assert_string_equal(list.items[0].state, "valid");
    assert_int_equal(list.items[0].not_after_s, cert_not_after(leaf));
    ca_list_done(&list);
    X509_free(leaf);
    free(serial);
    scratch_fill_disk(10); /* the index cannot grow: nothing is signed */
    assert_null(client(&f, "bob", 0, false, &e));
    scratch_fill_disk(-1);
    assert_int_equal(e.code, ERR_SYSTEM);
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_has_the_user_as_its_whole_subject),
        cmocka_unit_test(names_are_refused_and_never_shortened),
        cmocka_unit_test(nothing_outlives_the_ca_that_signed_it),
        cmocka_unit_test(a_server_has_all_names_and_the_first_as_common_name),
        cmocka_unit_test(nothing_is_signed_that_the_index_does_not_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
