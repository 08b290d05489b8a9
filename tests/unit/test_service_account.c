/* test_service_account.c: Google's key files; the JWT is verified with OpenSSL, its members are
 * those of developers.google.com/identity/protocols/oauth2/service-account.
 */
#include "acme/service_account.h"

#include "base/b64url.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1700000000
#define SCOPE "https://scope.test/a b"

/* A key file with these members in place of the usual ones. */
struct file {
    const char *type, *email, *url, *id, *project;
    enum key_type key;
};

static const struct file good = {"service_account",
                                 "pgcert@project-one.iam.gserviceaccount.com",
                                 "https://oauth2.test/token",
                                 "key-1",
                                 "project-one",
                                 KEY_RSA_2048};

static char *
text_of(const struct file *f)
{
    struct err e = {0};
    own_pkey EVP_PKEY *key = key_generate(f->key, &e);
    own_str struct str pem = {0};
    own_json struct json_t *json = json_new_object();
    const char *const members[][2] = {{"type", f->type},
                                      {"client_email", f->email},
                                      {"token_uri", f->url},
                                      {"private_key_id", f->id},
                                      {"project_id", f->project}};

    assert_true(key_to_pem(key, &pem, &e));
    for (size_t i = 0; i < COUNT(members); i++)
        if (members[i][1] != NULL)
            json_put_text(json, members[i][0], members[i][1]);
    json_put_text(json, "private_key", pem.text);
    return json_encode(json);
}

/* One part of a JWT as JSON. */
static struct json_t *
part(const char *text, size_t size)
{
    own_mem char *copy = strndup(text, size);
    own_str struct str plain = {0};
    struct err e = {0};
    struct json_t *json = NULL;

    assert_true(b64url_decode(&plain, copy));
    json = json_decode(plain.text, plain.size, &e);
    assert_non_null(json);
    return json;
}

static void
assert_signed(EVP_PKEY *key, const char *jwt, size_t signed_size)
{
    own_str struct str signature = {0};
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    assert_true(b64url_decode(&signature, jwt + signed_size + 1));
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(context, (unsigned char *)signature.text, signature.size,
                                      (const unsigned char *)jwt, signed_size),
                     1);
    EVP_MD_CTX_free(context);
}

static void
the_form_holds_a_signed_claim(void **state)
{
    static const char begin[] =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    own_mem char *text = text_of(&good);
    struct service_account account = {0};
    own_str struct str form = {0};
    own_json struct json_t *header = NULL;
    own_json struct json_t *claims = NULL;
    struct err e = {0};
    size_t at = 0, first = 0, second = 0;

    (void)state;
    assert_true(service_account_parse(&account, text, strlen(text), &e));
    assert_string_equal(account.project, "project-one");
    assert_true(service_account_form(&account, SCOPE, NOW, &form, &at, &e));
    assert_int_equal(at, strlen(begin));
    assert_memory_equal(form.text, begin, at);
    first = strcspn(form.text + at, ".");
    second = first + 1 + strcspn(form.text + at + first + 1, ".");
    header = part(form.text + at, first);
    claims = part(form.text + at + first + 1, second - first - 1);
    assert_string_equal(json_member_text(header, "alg"), "RS256");
    assert_string_equal(json_member_text(header, "typ"), "JWT");
    assert_string_equal(json_member_text(header, "kid"), "key-1");
    assert_string_equal(json_member_text(claims, "iss"), good.email);
    assert_string_equal(json_member_text(claims, "scope"), SCOPE);
    assert_string_equal(json_member_text(claims, "aud"), good.url);
    assert_in_range(json_member_int(claims, "iat"), NOW - 60, NOW);
    assert_int_equal(json_member_int(claims, "exp") - json_member_int(claims, "iat"), 3600);
    assert_signed(account.key, form.text + at, second);
    service_account_done(&account);
}

static void
a_file_may_lack_its_project_and_the_name_of_its_key(void **state)
{
    struct file f = good;
    own_mem char *text = NULL;
    struct service_account account = {0};
    own_str struct str form = {0};
    struct err e = {0};
    size_t at = 0;

    (void)state;
    f.id = f.project = NULL;
    text = text_of(&f);
    assert_true(service_account_parse(&account, text, strlen(text), &e));
    assert_null(account.project);
    assert_true(service_account_form(&account, SCOPE, NOW, &form, &at, &e));
    service_account_done(&account);
}

static void
other_files_are_told(void **state)
{
    static const struct {
        struct file file;
        const char *has;
    } rows[] = {
        {{.type = NULL}, "it has no 'type'"},
        {{.type = "authorized_user"}, "of the type 'authorized_user', but must be"},
        {{.type = "external_account"}, "of the type 'external_account', but must be"},
        {{.type = "service_account"}, "it has no 'client_email'"},
        {{.type = "service_account", .email = "a@b"}, "it has no 'token_uri'"},
        {{.type = "service_account", .email = "a@b", .url = ""}, "it has no 'token_uri'"},
        {{"service_account", "a@b", "http://oauth2.test/token", NULL, NULL, KEY_RSA_2048},
         "'token_uri' is 'http://oauth2.test/token', but must be an https URL"},
        {{"service_account", "a@b", "https://oauth2.test/token", NULL, NULL, KEY_ECDSA_P256},
         "its 'private_key' is not an RSA key"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_mem char *text = text_of(&rows[i].file);
        struct service_account account = {0};
        struct err e = {0};

        assert_false(service_account_parse(&account, text, strlen(text), &e));
        assert_int_equal(e.code, ERR_CONFIG);
        if (strstr(e.text, rows[i].has) == NULL)
            fail_msg("%s", e.text);
        service_account_done(&account);
    }
}

static void
what_a_damaged_file_holds_is_not_told(void **state)
{
    static const char *const rows[][2] = {
        {"secret", "it is not JSON"},
        {"{\"private_key\": secret}", "it is not JSON"},
        {"[\"secret\"]", "it is not JSON"},
        {"", "it is not JSON"},
        {"{\"type\":\"service_account\",\"client_email\":\"a@b\",\"token_uri\":\"https://t\"}",
         "it has no 'private_key'"},
        {"{\"type\":\"service_account\",\"client_email\":\"a@b\",\"token_uri\":\"https://t\","
         "\"private_key\":\"secret\"}",
         "its 'private_key' cannot be read"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct service_account account = {0};
        struct err e = {0};

        assert_false(service_account_parse(&account, rows[i][0], strlen(rows[i][0]), &e));
        assert_int_equal(e.code, ERR_CONFIG);
        assert_null(strstr(e.text, "secret"));
        if (strstr(e.text, rows[i][1]) == NULL)
            fail_msg("%s", e.text);
        service_account_done(&account);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_holds_a_signed_claim),
        cmocka_unit_test(a_file_may_lack_its_project_and_the_name_of_its_key),
        cmocka_unit_test(other_files_are_told),
        cmocka_unit_test(what_a_damaged_file_holds_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
