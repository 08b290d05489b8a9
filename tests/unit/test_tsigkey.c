/* test_tsigkey.c: key files as tsig-keygen(8) of BIND 9.18 writes them, and as people do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/tsigkey.h"

#include "tests/fake/scratch.h"

#include <string.h>
#include <sys/stat.h>

/* base64(1) of the bytes "secret of the key" */
#define SECRET "c2VjcmV0IG9mIHRoZSBrZXk="

static void
reads_as(const char *text, const char *name, enum tsig_algorithm algorithm, const char *secret)
{
    struct tsig_key key = {.name = ""};
    struct err e = {0};

    if (!tsig_key_parse(&key, "tsig.key", text, strlen(text), &e))
        fail_msg("%s: %s", text, e.text);
    assert_string_equal(key.name, name);
    assert_int_equal(key.algorithm, algorithm);
    assert_string_equal(key.secret.text, secret);
    tsig_key_done(&key);
}

static void
refused(const char *text, const char *words)
{
    struct tsig_key key = {.name = ""};
    struct err e = {0};

    assert_false(tsig_key_parse(&key, "tsig.key", text, strlen(text), &e));
    assert_int_equal(e.code, ERR_CONFIG);
    if (strstr(e.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, words);
    tsig_key_done(&key);
}

static void
what_tsig_keygen_writes_is_read(void **state)
{
    (void)state;
    reads_as("key \"pgcert-key\" {\n\talgorithm hmac-sha256;\n\tsecret \"" SECRET "\";\n};\n",
             "pgcert-key.", TSIG_SHA256, "secret of the key");
    reads_as("key \"k.example.org\" {\n\talgorithm hmac-sha384;\n\tsecret \"" SECRET "\";\n};\n",
             "k.example.org.", TSIG_SHA384, "secret of the key");
    reads_as("key \"k\" {\n\talgorithm hmac-sha512;\n\tsecret \"" SECRET "\";\n};\n", "k.",
             TSIG_SHA512, "secret of the key");
}

static void
comments_quotes_case_and_order_do_not_matter(void **state)
{
    (void)state;
    reads_as("# a\n// b\n/* c\n * d */ KEY K.Example. { Secret " SECRET
             "; ALGORITHM \"HMAC-SHA256.\";}; # e",
             "k.example.", TSIG_SHA256, "secret of the key");
    reads_as("key k{algorithm hmac-sha256;secret \"AA==\";};/* open", "k.", TSIG_SHA256, "");
}

static void
what_is_no_key_is_refused_with_file_and_line(void **state)
{
    (void)state;
    refused("", "tsig.key, line 1: 'key' is expected");
    refused("\n\nsecret \"" SECRET "\";", "line 3: 'key' is expected");
    refused("key \"k\" {\n algorithm hmac-sha256;\n};", "line 3: the key has no secret");
    refused("key \"k\" {\n secret \"" SECRET "\";\n};", "line 3: the key has no algorithm");
    refused("key \"k\" {\n algorithm hmac-md5;",
            "line 2: the algorithm 'hmac-md5' is not supported");
    refused("key \"k\" {\n algorithm hmac-sha2;", "is not supported");
    refused("key \"k\" {\n algorithm ;", "is not supported");
    refused("key \"k\" {\n secret \"not base64!\";", "line 2: the secret is not base64");
    refused("key \"k\" { secret \"\";", "the secret is not base64");
    refused("key \"k\" { secret \"AAA\";", "the secret is not base64");
    refused("key \"k\" { secret \"====\";", "the secret is not base64");
    refused("key \"k\" { secret \"A===\";", "the secret is not base64");
    refused("key \"k\" { secret \"AA=A\";", "the secret is not base64");
    refused("key \"k\" { secret \"" SECRET ";\n", "the quotes do not end");
    refused("key \"k", "the quotes do not end");
    refused("key \"k\" { algorithm hmac-sha256\n secret", "line 2: ';' is expected");
    refused("key \"k\" { color blue; };", "'algorithm', 'secret' or '}' is expected");
    refused("key \"k\" { algorithm hmac-sha256; secret \"" SECRET "\"; }", "';' is expected");
    refused("key \"a b\" {", "the key's name");
    refused("key { algorithm", "the key's name");
}

static void
two_keys_in_one_file_are_refused(void **state)
{
    (void)state;
    refused("key k { algorithm hmac-sha256; secret AAAA; };\nkey l {", "line 2: something follows");
    refused("key k { algorithm hmac-sha256; secret AAAA; }; \"\"", "something follows");
}

static void
a_word_that_is_too_long_is_refused(void **state)
{
    char text[2048] = "key k { secret ";
    size_t used = strlen(text);

    (void)state;
    memset(text + used, 'A', sizeof(text) - used - 1);
    refused(text, "a word is too long");
}

static void
a_key_is_read_from_a_file_that_others_may_not_read(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct tsig_key key = {.name = ""};
    struct err e = {0};

    (void)state;
    scratch_write(&s, "k", "key \"k\" { algorithm hmac-sha256; secret \"" SECRET "\"; };\n");
    assert_int_equal(chmod(scratch_path(&s, "k"), 0644), 0);
    assert_false(tsig_key_read(&key, scratch_path(&s, "k"), &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_int_equal(chmod(scratch_path(&s, "k"), 0600), 0);
    assert_true(tsig_key_read(&key, scratch_path(&s, "k"), &e));
    assert_string_equal(key.name, "k.");
    tsig_key_done(&key);
    assert_false(tsig_key_read(&key, scratch_path(&s, "missing"), &e));
    assert_int_equal(e.code, ERR_CONFIG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_tsig_keygen_writes_is_read),
        cmocka_unit_test(comments_quotes_case_and_order_do_not_matter),
        cmocka_unit_test(what_is_no_key_is_refused_with_file_and_line),
        cmocka_unit_test(two_keys_in_one_file_are_refused),
        cmocka_unit_test(a_word_that_is_too_long_is_refused),
        cmocka_unit_test(a_key_is_read_from_a_file_that_others_may_not_read),
    };

    return cmocka_run_group_tests_name("tsigkey", tests, NULL, NULL);
}
