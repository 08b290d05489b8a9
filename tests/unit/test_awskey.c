/* test_awskey.c: credentials files as people have them, and what a metadata service may answer. */
#include "acme/awskey.h"

#include "tests/fake/http.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* After docs.aws.amazon.com/sdkref/latest/guide/file-format.html. */
#define CREDENTIALS                                                                                \
    "# made by aws configure\n"                                                                    \
    "[default]\r\n"                                                                                \
    "aws_access_key_id=AKIAIOSFODNN7EXAMPLE\r\n"                                                   \
    "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\r\n"                           \
    "\n"                                                                                           \
    "[ user1 ]\n"                                                                                  \
    "  aws_access_key_id = NOTTHIS\n"                                                              \
    "; aws_access_key_id = NORTHIS\n"                                                              \
    "aws_access_key_id = AKIAI44QH8DHBEXAMPLE\n"                                                   \
    "region = eu-central-1\n"                                                                      \
    "s3 =\n"                                                                                       \
    "  aws_session_token = not this\n"                                                             \
    "aws_secret_access_key = first\n"                                                              \
    "aws_secret_access_key = je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY\n"                           \
    "aws_session_token\t=\tIQoJb3JpZ2luX2IQoJb3JpZ2luX2==\n"                                       \
    "not a setting\n"                                                                              \
    "[no-key]\n"                                                                                   \
    "role_arn = arn:aws:iam::123456789012:role/x\n"                                                \
    "[no-secret]\n"                                                                                \
    "aws_access_key_id = A\n"                                                                      \
    "[blank]\n"                                                                                    \
    "aws_access_key_id = A\n"                                                                      \
    "aws_secret_access_key = two words\n"                                                          \
    "[odd-id]\n"                                                                                   \
    "aws_access_key_id = A/B\n"                                                                    \
    "aws_secret_access_key = s\n"                                                                  \
    "[last]\n"                                                                                     \
    "aws_access_key_id = A\n"                                                                      \
    "aws_secret_access_key = s"

static void
a_profile_of_a_credentials_file_is_read(void **state)
{
    static const struct {
        const char *profile, *id, *secret, *token;
    } cases[] = {
        {"default", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL},
        {"user1", "AKIAI44QH8DHBEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
         "IQoJb3JpZ2luX2IQoJb3JpZ2luX2=="},
        {"last", "A", "s", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct awskey k = {0};
        struct err e = {0};

        assert_true(awskey_read_text(&k, "f", cases[i].profile, CREDENTIALS, &e));
        assert_string_equal(k.id.text, cases[i].id);
        assert_string_equal(k.secret.text, cases[i].secret);
        assert_int_equal(k.token.size, cases[i].token == NULL ? 0 : strlen(cases[i].token));
        if (cases[i].token != NULL)
            assert_string_equal(k.token.text, cases[i].token);
        assert_int_equal(k.expires_at_s, 0);
        awskey_done(&k);
    }
}

static void
a_profile_without_keys_is_a_wrong_setting(void **state)
{
    static const struct {
        const char *profile, *why;
    } cases[] = {
        {"nobody", "'f' has no profile [nobody]"},
        {"", "'f' has no profile []"},
        {"no-key", "must have the lines aws_access_key_id"},
        {"no-secret", "must have the lines aws_access_key_id"},
        {"blank", "must have the lines aws_access_key_id"},
        {"odd-id", "must have the lines aws_access_key_id"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct awskey k = {0};
        struct err e = {0};

        assert_false(awskey_read_text(&k, "f", cases[i].profile, CREDENTIALS, &e));
        assert_int_equal(e.code, ERR_CONFIG);
        assert_non_null(strstr(e.text, cases[i].why));
        assert_null(strstr(e.text, "two words"));
        awskey_done(&k);
    }
}

static void
a_file_that_others_may_read_is_refused(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct awskey k = {0};
    struct err e = {0};

    (void)state;
    scratch_write(&s, "credentials", CREDENTIALS);
    assert_int_equal(chmod(scratch_path(&s, "credentials"), 0600), 0);
    assert_true(awskey_read(&k, scratch_path(&s, "credentials"), "default", &e));
    assert_string_equal(k.id.text, "AKIAIOSFODNN7EXAMPLE");
    awskey_done(&k);
    assert_int_equal(chmod(scratch_path(&s, "credentials"), 0644), 0);
    assert_false(awskey_read(&k, scratch_path(&s, "credentials"), "default", &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    awskey_done(&k);
}

/* ------------------------------------------------------------------ the metadata service */

#define HERE "http://169.254.169.254"
#define ROLES "/latest/meta-data/iam/security-credentials/"
/* docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html */
#define KEYS                                                                                       \
    "{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"2012-04-26T16:39:16Z\",\n"                \
    "  \"Type\" : \"AWS-HMAC\",\n  \"AccessKeyId\" : \"ASIAIOSFODNN7EXAMPLE\",\n"                  \
    "  \"SecretAccessKey\" : \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\",\n"                      \
    "  \"Token\" : \"token\",\n  \"Expiration\" : \"2017-05-17T15:09:54Z\"\n}"

/* Sees that requests are allowed to go by plain http. */
struct seeing {
    struct http base;
    struct fake_http *inner;
};

static bool
send_seeing(struct http *h, const struct http_request *r, struct http_response *out, struct err *e)
{
    struct seeing *n = (struct seeing *)h;

    assert_true(r->plain_metadata && r->plain_loopback);
    return n->inner->base.send(&n->inner->base, r, out, e);
}

static void
the_keys_of_a_role_are_fetched_with_a_token(void **state)
{
    static const struct reply replies[] = {
        {.status = 200, .body = "AQAEA=="},
        {.status = 200, .body = "s3access\n"},
        {.status = 200, .body = KEYS},
    };
    own_fake_http struct fake_http fake = fake_http_with(replies, COUNT(replies));
    struct seeing seeing = {.base = {.send = send_seeing}, .inner = &fake};
    struct awskey k = {0};
    struct err e = {0};

    (void)state;
    assert_true(awskey_fetch(&k, &seeing.base, HERE, &e));
    assert_string_equal(fake_http_asked(&fake),
                        "PUT " HERE
                        "/latest/api/token [X-aws-ec2-metadata-token-ttl-seconds: 300]\n"
                        "GET " HERE ROLES " [X-aws-ec2-metadata-token: AQAEA==]\n"
                        "GET " HERE ROLES "s3access [X-aws-ec2-metadata-token: AQAEA==]\n");
    assert_string_equal(k.id.text, "ASIAIOSFODNN7EXAMPLE");
    assert_string_equal(k.secret.text, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    assert_string_equal(k.token.text, "token");
    assert_int_equal(k.expires_at_s, 1495033794); /* date -u -d 2017-05-17T15:09:54Z +%s */
    awskey_done(&k);
}

static void
what_is_no_answer_of_a_metadata_service_is_refused(void **state)
{
    static const struct {
        struct reply replies[3];
        enum err_code code;
        const char *why;
    } cases[] = {
        {{{.status = 0}}, ERR_NETWORK, "no connection"},
        {{{.status = 403}}, ERR_PERMISSION, "turned off"},
        {{{.status = 404}}, ERR_PROTOCOL, "no usable answer to '/latest/api/token' (404)"},
        {{{.status = 500}}, ERR_NETWORK, "(500)"},
        {{{.status = 200}}, ERR_PROTOCOL, "no usable answer"},
        {{{.status = 200, .body = "a\r\nX-Other: b"}}, ERR_PROTOCOL, "no usable token"},
        {{{.status = 200, .body = "t"}, {.status = 404}}, ERR_PERMISSION, "no role is attached"},
        {{{.status = 200, .body = "t"}, {.status = 401}}, ERR_PROTOCOL, "(401)"},
        {{{.status = 200, .body = "t"}, {.status = 200, .body = "../x"}},
         ERR_PROTOCOL,
         "no usable name"},
        {{{.status = 200, .body = "t"}, {.status = 200, .body = "a\nb"}},
         ERR_PROTOCOL,
         "no usable name"},
        {{{.status = 200, .body = "t"},
          {.status = 200, .body = "r"},
          {.status = 200, .body = "<html>"}},
         ERR_PROTOCOL,
         "no usable keys of this machine's role (no code)"},
        {{{.status = 200, .body = "t"},
          {.status = 200, .body = "r"},
          {.status = 200, .body = "{\"Code\": \"AssumeRoleUnauthorizedAccess\"}"}},
         ERR_PROTOCOL,
         "(AssumeRoleUnauthorizedAccess)"},
        {{{.status = 200, .body = "t"},
          {.status = 200, .body = "r"},
          {.status = 200,
           .body = "{\"Code\": \"Success\", \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"s\", "
                   "\"Token\": \"t\", \"Expiration\": \"soon\"}"}},
         ERR_PROTOCOL,
         "no usable keys"},
        {{{.status = 200, .body = "t"},
          {.status = 200, .body = "r"},
          {.status = 200,
           .body = "{\"Code\": \"Success\", \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"s\", "
                   "\"Token\": \"t\\nX-Other: u\", \"Expiration\": \"2017-05-17T15:09:54Z\"}"}},
         ERR_PROTOCOL,
         "no usable keys"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        own_fake_http struct fake_http fake = fake_http_with(cases[i].replies, 3);
        struct awskey k = {0};
        struct err e = {0};

        assert_true(str_addf(&k.id, "before"));
        assert_false(awskey_fetch(&k, &fake.base, HERE, &e));
        if (e.code != cases[i].code || strstr(e.text, cases[i].why) == NULL)
            fail_msg("case %zu: %d %s", i, e.code, e.text);
        assert_memory_equal(e.text, "ask for the keys of this machine's role: ", 41);
        assert_string_equal(k.id.text, "before"); /* results on success only */
        awskey_done(&k);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_of_a_credentials_file_is_read),
        cmocka_unit_test(a_profile_without_keys_is_a_wrong_setting),
        cmocka_unit_test(a_file_that_others_may_read_is_refused),
        cmocka_unit_test(the_keys_of_a_role_are_fetched_with_a_token),
        cmocka_unit_test(what_is_no_answer_of_a_metadata_service_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
