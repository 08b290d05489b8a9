/* test_connect.c: how a client connects, in the words of each. The URI is what libpq's own parser
 * makes of it (PQconninfoParse, via psql in tests/e2e/client.bats); here are the escapes. */
#include "ca/connect.h"

#include "tests/fake/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct str root = {NULL, 0, 0};

static struct ca_bundle
bundle(const char *user)
{
    return (struct ca_bundle){.user = user,
                              .host = "db.example.org",
                              .port = 5432,
                              .database = "app",
                              .path = "/srv/a",
                              .trust_pem = &root};
}

static void
urls_escape_what_would_mean_something(void **state)
{
    struct ca_bundle b = bundle("a@b:c/d?e&f=g%h");
    own_str struct str text = {0};

    (void)state;
    b.path = "/srv/a b";
    b.host = "2001:db8::1";
    assert_true(connect_urls(&b, &text));
    assert_string_equal(
        text.text,
        "postgresql://a%40b%3Ac%2Fd%3Fe%26f%3Dg%25h@[2001:db8::1]:5432/app?sslmode=verify-full"
        "&sslcert=/srv/a%20b/postgresql.crt&sslkey=/srv/a%20b/postgresql.key"
        "&sslrootcert=/srv/a%20b/root.crt\n"
        "jdbc:postgresql://[2001:db8::1]:5432/app?user=a%40b%3Ac%2Fd%3Fe%26f%3Dg%25h"
        "&sslmode=verify-full&sslcert=/srv/a%20b/postgresql.crt"
        "&sslkey=/srv/a%20b/postgresql.pk8&sslrootcert=/srv/a%20b/root.crt\n");
}

/* sh(1) itself says what the variables are. */
static void
a_shell_reads_back_what_was_meant(void **state)
{
    static const char *const users[] = {"alice", "O'Hara", "$(id)", "`id`", "a\\b\"c", "'; id; '"};

    (void)state;
    for (size_t i = 0; i < COUNT(users); i++) {
        struct ca_bundle b = bundle(users[i]);
        own_str struct str text = {0};
        char output[PROGRAM_OUTPUT];
        const char *argv[] = {"sh", "-c", NULL, NULL};

        assert_true(connect_environment(&b, &text));
        assert_true(str_addf(&text, "printf %%s \"$PGUSER\""));
        argv[2] = text.text;
        assert_int_equal(program_run(argv, output), 0);
        assert_string_equal(output, users[i]);
    }
}

static bool
has(const struct str *text, const char *part)
{
    return text->text != NULL && strstr(text->text, part) != NULL;
}

static void
a_public_root_is_the_system_s(void **state)
{
    struct ca_bundle b = bundle("alice");
    own_str struct str service = {0}, urls = {0}, readme = {0};

    (void)state;
    b.trust_pem = NULL;
    assert_true(connect_service(&b, &service) && connect_urls(&b, &urls) &&
                connect_readme(&b, 1795316400, &readme));
    assert_true(has(&service, "\nsslrootcert=system\n"));
    assert_true(has(&urls, "&sslrootcert=system\n"));
    assert_false(has(&urls, "root.crt"));
    assert_false(has(&readme, "root.crt"));
    assert_true(has(&readme, "libpq 16"));
}

/* A name in the brackets of a section must not end them. */
static void
a_service_is_named_after_the_user(void **state)
{
    struct ca_bundle b = bundle("x]y");
    own_str struct str text = {0};

    (void)state;
    assert_true(connect_service(&b, &text));
    assert_string_equal(text.text, "[x%5Dy]\nhost=db.example.org\nport=5432\nuser=x]y\ndbname=app\n"
                                   "sslmode=verify-full\nsslcert=/srv/a/postgresql.crt\n"
                                   "sslkey=/srv/a/postgresql.key\nsslrootcert=/srv/a/root.crt\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_escape_what_would_mean_something),
        cmocka_unit_test(a_shell_reads_back_what_was_meant),
        cmocka_unit_test(a_public_root_is_the_system_s),
        cmocka_unit_test(a_service_is_named_after_the_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
