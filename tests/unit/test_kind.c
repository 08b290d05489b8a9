/* test_kind.c: kinds of certificates. */
#include "ca/kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/obj_mac.h>

static void
each_is_found_by_its_word(void **state)
{
    (void)state;
    for (int i = 0; i < KIND_COUNT; i++)
        assert_int_equal(kind_find(kinds[i].word), i);
    assert_int_equal(kind_find("clien"), KIND_COUNT);
    assert_int_equal(kind_find(""), KIND_COUNT);
}

/* What PostgreSQL trusts for clients must not be able to fake a server, nor the other way round. */
static void
an_issuing_ca_has_the_one_purpose_of_what_it_signs(void **state)
{
    (void)state;
    assert_int_equal(kinds[KIND_SERVER].issuer, CA_SERVERS);
    assert_int_equal(kinds[KIND_CLIENT].issuer, CA_CLIENTS);
    assert_int_equal(kinds[KIND_SERVER].purpose, NID_server_auth);
    assert_int_equal(kinds[KIND_SERVER_CA].purpose, NID_server_auth);
    assert_int_equal(kinds[KIND_CLIENT].purpose, NID_client_auth);
    assert_int_equal(kinds[KIND_CLIENT_CA].purpose, NID_client_auth);
    assert_int_equal(kinds[KIND_CLIENT_CA].path_length, 0);
    assert_int_equal(kinds[KIND_SERVER_CA].path_length, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_found_by_its_word),
        cmocka_unit_test(an_issuing_ca_has_the_one_purpose_of_what_it_signs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
