/* test_name.c: names that a role of PostgreSQL can have. */
#include "ca/name.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

/* NAMEDATALEN - 1 bytes, not characters (PostgreSQL's manual, section 4.1.1). */
static void
a_name_has_1_to_63_bytes_of_utf8_without_control_characters(void **state)
{
    /* clang-format off */
    static const struct {
        const char *user;
        bool good;
    } rows[] = {
        {"alice", true}, {"a", true}, {"Zo\xc3\xab", true}, {"with space", true}, {"O=x,CN=y", true},
        {SIXTY "123", true}, {SIXTY "1\xc3\xab", true},
        {SIXTY "1234", false}, {SIXTY "12\xc3\xab", false},
        {"", false}, {" a", false}, {"a ", false},
        {"a\nb", false}, {"a\tb", false}, {"\x7f", false}, {"\xc2\x85", false}, {"a\x1b[2J", false},
        {"\xff", false}, {"\xc3", false}, {"\xc0\xaf", false}, {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};

        assert_int_equal(name_check_user(rows[i].user, &e), rows[i].good);
        assert_int_equal(e.code, rows[i].good ? ERR_NONE : ERR_INPUT);
    }
}

/* RFC 5280 appendix A.1: ub-organization-name is 64 characters. */
static void
an_organization_has_at_most_64_characters(void **state)
{
    static const struct {
        const char *name;
        bool good;
    } rows[] = {
        {SIXTY "\xc3\xab\xc3\xab\xc3\xab\xc3\xab", true},
        {SIXTY "12345", false},
        {"a\nb", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};

        assert_int_equal(name_check_organization(rows[i].name, &e), rows[i].good);
        assert_int_equal(e.code, rows[i].good ? ERR_NONE : ERR_CONFIG);
    }
}

/* A digest: 42 bytes, so that a user, '@' and a tenant fit into one name. */
static void
a_name_for_a_file_has_nothing_special_and_an_end(void **state)
{
    static const struct {
        const char *name, *file;
    } rows[] = {
        {"a b@c/d", "a%20b%40c%2Fd"},
        {".a", "%2Ea"},
        {"%~x", "%25%7Ex"},
        {SIXTY, SIXTY},
        /* printf %s "${SIXTY}1" | sha256sum | cut -c 1-40 */
        {SIXTY "1", "%~03db52d8e81b35223b22460c0de8eea31dc009a7"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str file = {0};

        assert_true(name_add_file(&file, rows[i].name, NAME_TENANT_FILE));
        assert_string_equal(file.text, rows[i].file);
    }
}

static void
a_name_is_built_from_what_is_there(void **state)
{
    struct err e = {0};
    X509_NAME *both = name_make("Example", "alice", &e);
    X509_NAME *one = name_make(NULL, "alice", &e);
    X509_NAME *none = name_make(NULL, NULL, &e);
    char text[128];

    (void)state;
    assert_string_equal(X509_NAME_oneline(both, text, sizeof(text)), "/O=Example/CN=alice");
    assert_string_equal(X509_NAME_oneline(one, text, sizeof(text)), "/CN=alice");
    assert_int_equal(X509_NAME_entry_count(none), 0);
    name_drop(&both);
    name_drop(&one);
    name_drop(&none);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_1_to_63_bytes_of_utf8_without_control_characters),
        cmocka_unit_test(an_organization_has_at_most_64_characters),
        cmocka_unit_test(a_name_for_a_file_has_nothing_special_and_an_end),
        cmocka_unit_test(a_name_is_built_from_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
