/* test_ovhkey.c: OVHcloud's keys out of ovh.conf, and what they sign. */
#include "acme/dns/ovhkey.h"

#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define EU "https://eu.api.ovh.com/1.0"
#define CA "https://ca.api.ovh.com/1.0"
#define KEYS(suffix)                                                                               \
    "application_key=key" suffix "\napplication_secret=secret" suffix                              \
    "\nconsumer_key=consumer" suffix "\n"

static bool
parse(struct ovh_key *key, const char *text, const char *url, struct err *e)
{
    *key = (struct ovh_key){0};
    return ovh_key_parse(key, "ovh.conf", text, strlen(text), url, e);
}

/* Keys, time and signatures are those of python-ovh's own tests (tests/test_client.py,
 * test_call_signature and test_version_in_url). */
static void
signatures_are_those_of_ovhs_own_client(void **state)
{
    /* clang-format off */
    static const struct {
        const char *method, *url, *body, *signature;
    } rows[] = {
        {"GET", EU "/auth", NULL, "$1$e9556054b6309771395efa467c22e627407461ad"},
        {"POST", EU "/auth", "{\"a\":\"b\",\"c\":\"d\"}", "$1$ec2fb5c7a81f64723c77d2e5b609ae6f58a84fc1"},
        {"PUT", EU "/auth", "{\"a\":\"b\",\"c\":\"d\"}", "$1$8a75a9e7c8e7296c9dbeda6a2a735eb6bd58ec4b"},
        {"DELETE", EU "/auth", "", "$1$a1eecd00b3b02b6cf5708b84b9ff42059a950d85"},
        {"GET", EU "/call", NULL, "$1$7f2db49253edfc41891023fcd1a54cf61db05fbb"},
    };
    /* clang-format on */
    own_ovh_key struct ovh_key key = {0};
    struct err e = {0};

    (void)state;
    assert_true(parse(&key,
                      "[ovh-eu]\napplication_key=TDPKJdwZwAQPwKX2\n"
                      "application_secret=9ufkBmLaTQ9nz5yMUlg79taH0GNnzDjk\n"
                      "consumer_key=5mBuy6SUQcRw2ZUxg0cG68BoDKpED4KY\n",
                      NULL, &e));
    for (size_t i = 0; i < COUNT(rows); i++) {
        char signature[OVH_KEY_SIGNATURE_SIZE];

        assert_true(ovh_key_sign(&key, rows[i].method, rows[i].url, rows[i].body, 1457018875,
                                 signature, &e));
        assert_string_equal(signature, rows[i].signature);
    }
}

/* The first text is the one of python-ovh's README. */
static void
files_as_ovhs_tools_have_them_are_read(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text, *setting, *url, *key;
    } rows[] = {
        {"[default]\n; general configuration: default endpoint\nendpoint=ovh-eu\n\n[ovh-eu]\n"
         "; configuration specific to 'ovh-eu' endpoint\napplication_key=my_app_key\n"
         "application_secret=my_application_secret\n; uncomment following line\n"
         ";consumer_key=not_this\nconsumer_key=my_consumer_key\n", NULL, EU, "my_app_key"},
        {"[ovh-eu]\n" KEYS("1") "[ovh-ca]\n" KEYS("2"), NULL, EU, "key1"},
        {"[ovh-eu]\n" KEYS("1") "[ovh-ca]\n" KEYS("2"), CA, CA, "key2"},
        {"[ovh-eu]\n" KEYS("1") "[ovh-ca]\n" KEYS("2"), "https://proxy.test/1.0", "https://proxy.test/1.0", "key1"},
        {"[ovh-us]\n" KEYS("1") "[default]\nendpoint = ovh-us", NULL, "https://api.us.ovhcloud.com/1.0", "key1"},
        {"[default]\nendpoint=ovh-us\n[ovh-us]\n" KEYS("1") "[ovh-eu]\n" KEYS("2"), EU, EU, "key2"},
        {"[default]\r\nendpoint=https://o.test\r\n[https://o.test]\r\nApplication_Key : key1\r\n"
         "application_secret:s\r\nconsumer_key= c \r\n", NULL, "https://o.test", "key1"},
        {"[ovh-eu]\n" KEYS("1") KEYS("2"), NULL, EU, "key2"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_ovh_key struct ovh_key key = {0};
        struct err e = {0};

        if (!parse(&key, rows[i].text, rows[i].setting, &e))
            fail_msg("%zu: %s", i, e.text);
        assert_string_equal(key.url, rows[i].url);
        assert_string_equal(key.application_key.text, rows[i].key);
        assert_true(key.application_secret.size > 0 && key.consumer_key.size > 0);
    }
}

static void
what_is_wrong_is_told_without_keys(void **state)
{
    static const struct {
        const char *text, *has;
    } rows[] = {
        {"", "no application_key in [ovh-eu]"},
        {"[ovh-eu]\napplication_key=k\nconsumer_key=hush\n", "no application_secret in [ovh-eu]"},
        {"[ovh-eu]\napplication_key=k\napplication_secret=hush\n", "no consumer_key in [ovh-eu]"},
        {"[ovh-eu]\nclient_id=k\nclient_secret=hush\n", "client_id and client_secret, will not do"},
        {"[ovh-eu]\napplication_key=k\n\nhush\n", "ovh.conf, line 4: is neither"},
        {"[ovh-eu\napplication_key=hush\n", "ovh.conf, line 1: is neither"},
        {"[]\n", "line 1: is neither"},
        {"[ovh-eu]\n=hush\n", "line 2: is neither"},
        {"[ovh-eu]\napplication_key=hush hush\n", "application_key in [ovh-eu] is not a key"},
        {"[default]\nendpoint=ovh-mars\n", "endpoint 'ovh-mars' is not known"},
        {"[default]\nendpoint=http://o.test\n", "endpoint 'http://o.test' is not known"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_ovh_key struct ovh_key key = {0};
        struct err e = {0};

        assert_false(parse(&key, rows[i].text, NULL, &e));
        assert_int_equal(e.code, ERR_CONFIG);
        if (strstr(e.text, rows[i].has) == NULL || strstr(e.text, "hush") != NULL)
            fail_msg("%zu: %s", i, e.text);
    }
}

static void
nul_bytes_are_no_text(void **state)
{
    static const char text[] = "[ovh-eu]\napplication_key=a\0b\n";
    own_ovh_key struct ovh_key key = {0};
    struct err e = {0};

    (void)state;
    assert_false(ovh_key_parse(&key, "ovh.conf", text, sizeof(text) - 1, NULL, &e));
    assert_int_equal(e.code, ERR_CONFIG);
}

static void
a_file_that_others_may_read_is_refused(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_ovh_key struct ovh_key key = {0};
    struct err e = {0};

    (void)state;
    scratch_write(&s, "ovh.conf", "[ovh-eu]\n" KEYS("1"));
    assert_int_equal(chmod(scratch_path(&s, "ovh.conf"), 0644), 0);
    assert_false(ovh_key_read(&key, scratch_path(&s, "ovh.conf"), NULL, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_int_equal(chmod(scratch_path(&s, "ovh.conf"), 0600), 0);
    e = (struct err){0};
    assert_true(ovh_key_read(&key, scratch_path(&s, "ovh.conf"), NULL, &e));
    assert_string_equal(key.consumer_key.text, "consumer1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_ovhs_own_client),
        cmocka_unit_test(files_as_ovhs_tools_have_them_are_read),
        cmocka_unit_test(what_is_wrong_is_told_without_keys),
        cmocka_unit_test(nul_bytes_are_no_text),
        cmocka_unit_test(a_file_that_others_may_read_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
