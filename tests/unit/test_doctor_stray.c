/* test_doctor_stray.c: which names look left over, and which keys may be used. */
#include "reload/doctor_stray.h"

#include "reload/reload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void
names_tell_what_is_left_over(void **state)
{
    static const struct {
        const char *name;
        bool is_stray;
    } rows[] = {
        {"server.key.bak", true},
        {"server.key~", true},
        {"pgcert.pem.tmp", true},
        {"server.key", false},
        {"~", false},
        {".bak", false},
        {"pgcert.pem", false},
        {"pgcert.pem.previous", false},
        {"old.server.key", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(doctor_stray_is(rows[i].name), rows[i].is_stray);
}

static void
ours_have_a_random_number_at_the_end(void **state)
{
    static const struct {
        const char *name;
        bool is_ours;
    } rows[] = {
        {"pgcert.pem.new-0123456789abcdef", true},
        {"pgcert-clients.pem.new-0123456789abcdef", true},
        {"pgcert.pem.previous.new-0123456789abcdef", true},
        {"pgcert.pem.new-0123456789abcde", false},
        {"pgcert.pem.new-0123456789abcdef0", false},
        {"pgcert.pem.new-0123456789ABCDEF", false},
        {"other.pem.new-0123456789abcdef", false},
        {"pgcert.pem", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(doctor_stray_is_ours(rows[i].name, "pgcert.pem"), rows[i].is_ours);
}

/* be-secure-common.c, check_ssl_key_file_permissions(), and the manual, "Secure TCP/IP Connections
 * with SSL" */
static void
a_key_is_taken_by_owner_and_mode(void **state)
{
    static const struct {
        uid_t owner;
        unsigned mode;
        bool is_taken;
    } rows[] = {
        {7, 0600, true},  {7, 0400, true},  {7, 0640, false}, {7, 0604, false},
        {0, 0640, true},  {0, 0600, true},  {0, 0660, false}, {0, 0644, false},
        {0, 0650, false}, {8, 0600, false}, {7, 0700, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(reload_takes_key(rows[i].owner, rows[i].mode, 7), rows[i].is_taken);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tell_what_is_left_over),
        cmocka_unit_test(ours_have_a_random_number_at_the_end),
        cmocka_unit_test(a_key_is_taken_by_owner_and_mode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
