/* test_finding.c: what is added to a list of findings, and what may be pasted. */
#include "base/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void
what_was_not_seen_is_told_once(void **state)
{
    own_findings struct findings f = {.check = "x"};
    struct err first = {0}, second = {0};

    (void)state;
    (void)err_set(&first, ERR_PERMISSION, "not permitted");
    (void)err_set(&second, ERR_NETWORK, "nobody answers");
    assert_true(finding_unseen(&f, "a", &first));
    finding_add(&f, FINDING_BAD, "b", "of another");
    finding_remedy(&f, "its remedy");
    assert_false(finding_unseen(&f, "a", &first));
    assert_int_equal(f.count, 2);
    assert_string_equal(f.items[1].remedy, "its remedy");
    assert_true(finding_unseen(&f, "b", &first));
    assert_true(finding_unseen(&f, "a", &second));
    assert_int_equal(finding_count(&f, FINDING_UNSEEN), 3);
    assert_int_equal(f.unseen, ERR_PERMISSION);
}

static void
what_ends_a_quote_is_not_pasted(void **state)
{
    static const struct {
        const char *path;
        bool is_quotable;
    } rows[] = {
        {"/a/server.key", true}, {"/a b/$(x)`y`\"z\";*", true}, /* text between single quotes: XCU
                                                                   section 2.2.2 */
        {"/a/\xc3\xab", true},   {"/a/'; x; '", false},         {"/a/\\", false},
        {"/a/\nx", false},       {"/a/\033[2J", false},         {"/a/\x7f", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(finding_is_quotable(rows[i].path), rows[i].is_quotable);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_seen_is_told_once),
        cmocka_unit_test(what_ends_a_quote_is_not_pasted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
