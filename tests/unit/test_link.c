/* test_link.c: Link headers as RFC 8288 has them and as servers send them. */
#include "acme/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE "https://ca.test:14000/cert/1?x"

static void
only_alternates_are_taken(void **state)
{
    /* the second row is RFC 8555 section 7.4.2's own example with both links in one header */
    static const struct {
        const char *value, *urls;
    } rows[] = {
        {"<https://ca.test/cert/1/alternate/1>;rel=\"alternate\"",
         "https://ca.test/cert/1/alternate/1"},
        {"<https://example.com/acme/cert/1>;rel=\"alternate\", "
         "<https://example.com/acme/directory>;rel=\"index\"",
         "https://example.com/acme/cert/1"},
        {"<https://ca.test/a>;rel=alternate,<https://ca.test/b> ; title=\"x, <y>; rel=z\"; "
         "REL = \"Alternate\"",
         "https://ca.test/a https://ca.test/b"},
        {"<https://ca.test/a>; rel=\"up alternate\"", "https://ca.test/a"},
        {"<https://ca.test/a>; rel=\"up\"; rel=\"alternate\"", ""},
        {"<https://ca.test/a>; rel=\"alternates\"", ""},
        {"<https://ca.test/a>; rev=\"alternate\"", ""},
        {"</cert/1/alternate/1>;rel=alternate", "https://ca.test:14000/cert/1/alternate/1"},
        {"<http://ca.test/a>;rel=alternate", ""},
        {"<//evil.test/a>;rel=alternate", ""},
        {"<file:///etc/passwd>;rel=alternate", ""},
        {"<https://ca.test/a>;rel=alternate, <https://ca.test/a>;rel=alternate",
         "https://ca.test/a"},
        {"<https://ca.test/a;rel=alternate", ""},
        {"<>;rel=alternate", ""},
        {"<https://ca.test/a>;=;;==,\"", ""},
        {"<https://ca.test/a>;rel=\"alternate", "https://ca.test/a"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_list struct list urls = {0};
        own_str struct str all = {0};

        assert_true(link_add(&urls, rows[i].value, "alternate", BASE));
        for (size_t n = 0; n < urls.count; n++)
            assert_true(str_addf(&all, "%s%s", n > 0 ? " " : "", urls.items[n]));
        assert_string_equal(all.text == NULL ? "" : all.text, rows[i].urls);
    }
}

static void
another_relation_can_be_asked_for(void **state)
{
    own_list struct list urls = {0};

    (void)state;
    assert_true(link_add(&urls,
                         "<https://ca.test/dir>;rel=\"index\", </orders/1?page=2>;rel=\"next\", "
                         "<https://ca.test/a>;rel=alternate",
                         "next", BASE));
    assert_int_equal(urls.count, 1);
    assert_string_equal(urls.items[0], "https://ca.test:14000/orders/1?page=2");
}

static void
other_relations_are_others(void **state)
{
    static const char text[] = "<https://ca.test/terms>;rel=\"terms-of-service\", "
                               "<https://ca.test/help>;rel=\"help\", </dir>;rel=\"index\", "
                               "<https://ca.test/a b>;rel=\"help\"";
    own_list struct list terms = {0};
    own_list struct list help = {0};

    (void)state;
    assert_true(link_add(&terms, text, "terms-of-service", BASE));
    assert_true(link_add(&help, text, "help", BASE));
    assert_int_equal(terms.count, 1);
    assert_string_equal(terms.items[0], "https://ca.test/terms");
    assert_int_equal(help.count, 1);
    assert_string_equal(help.items[0], "https://ca.test/help");
}

static void
a_server_with_endless_alternates_is_cut_short(void **state)
{
    own_list struct list urls = {0};
    own_str struct str value = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(str_addf(&value, "<https://ca.test/%d>;rel=alternate,", i));
    assert_true(link_add(&urls, value.text, "alternate", BASE));
    assert_int_equal(urls.count, LINK_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_alternates_are_taken),
        cmocka_unit_test(another_relation_can_be_asked_for),
        cmocka_unit_test(other_relations_are_others),
        cmocka_unit_test(a_server_with_endless_alternates_is_cut_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
