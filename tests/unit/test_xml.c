/* test_xml.c: what is a document, what is none, and how it is looked at. */
#include "base/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* After the example response of docs.aws.amazon.com, Route 53, ListHostedZonesByName. */
#define ZONES                                                                                      \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                 \
    "<ListHostedZonesByNameResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\n"    \
    "   <HostedZones>\n"                                                                           \
    "      <HostedZone><Id>/hostedzone/Z111111QQQQQQQ</Id><Name>example.com.</Name></HostedZone>"  \
    "\n      <Other/><HostedZone><Id>/hostedzone/Z2</Id><Name>a&amp;b &#x2014; "                   \
    "<![CDATA[<c>]]></Name></HostedZone>\n"                                                        \
    "   </HostedZones>\n   <IsTruncated>true</IsTruncated>\n"                                      \
    "</ListHostedZonesByNameResponse>"

static void
a_document_is_a_tree(void **state)
{
    struct err e = {0};
    own_xml struct xml *root = xml_decode(ZONES, strlen(ZONES), &e);
    const struct xml *zone = xml_child(xml_child(root, "HostedZones"), "HostedZone");

    (void)state;
    assert_non_null(root);
    assert_string_equal(xml_name(root), "ListHostedZonesByNameResponse");
    assert_string_equal(xml_child_text(root, "IsTruncated"), "true");
    assert_string_equal(xml_child_text(zone, "Id"), "/hostedzone/Z111111QQQQQQQ");
    assert_string_equal(xml_name(xml_next(zone, NULL)), "Other");
    zone = xml_next(zone, "HostedZone");
    assert_string_equal(xml_child_text(zone, "Id"), "/hostedzone/Z2");
    assert_string_equal(xml_child_text(zone, "Name"), "a&b \xe2\x80\x94 <c>");
    assert_null(xml_next(zone, "HostedZone"));
    assert_string_equal(xml_text(zone), "");
}

static void
attributes_are_found_by_name(void **state)
{
    static const char text[] = "<host Name='@' Address='0 issue &quot;ca.test&quot;' TTL=''/>";
    struct err e = {0};
    own_xml struct xml *root = xml_decode(text, strlen(text), &e);

    (void)state;
    assert_non_null(root);
    assert_string_equal(xml_attribute(root, "Name"), "@");
    assert_string_equal(xml_attribute(root, "Address"), "0 issue \"ca.test\"");
    assert_string_equal(xml_attribute(root, "TTL"), "");
    assert_null(xml_attribute(root, "name"));
}

static void
what_is_not_there_is_null(void **state)
{
    (void)state;
    assert_null(xml_name(NULL));
    assert_null(xml_text(NULL));
    assert_null(xml_attribute(NULL, "a"));
    assert_null(xml_child(NULL, "a"));
    assert_null(xml_next(NULL, "a"));
    assert_null(xml_child_text(NULL, "a"));
}

static void
what_is_no_document_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "no element"},
        {"{}", "not well-formed"},
        {"<a><b></a>", "mismatched tag"},
        {"<a/><b/>", "junk after document"},
        {"<a", "unclosed token"},
        {"<a b='1' b='2'/>", "duplicate attribute"},
        {"<a>\xff</a>", "not well-formed"},
        {"<a>&unknown;</a>", "undefined entity"},
        {"<!DOCTYPE a><a/>", "DOCTYPE"},
        {"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "DOCTYPE"},
        /* CVE-2003-1564, "billion laughs" */
        {"<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;&lol;\">]>"
         "<lolz>&lol2;</lolz>",
         "DOCTYPE"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err e = {0};

        assert_null(xml_decode(cases[i].text, strlen(cases[i].text), &e));
        assert_int_equal(e.code, ERR_PROTOCOL);
        assert_non_null(strstr(e.text, "not XML: "));
        assert_non_null(strstr(e.text, cases[i].why));
    }
}

/* `count` times `text`, between an outermost element or not. */
static void
repeat(struct str *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(str_add(out, text, strlen(text)));
}

static void
nesting_is_bounded_at_32(void **state)
{
    (void)state;
    for (size_t depth = 32; depth <= 33; depth++) {
        own_str struct str text = {0};
        struct err e = {0};
        own_xml struct xml *root = NULL;

        repeat(&text, "<a>", depth);
        repeat(&text, "</a>", depth);
        root = xml_decode(text.text, text.size, &e);
        assert_true((root != NULL) == (depth == 32));
        assert_true(root != NULL || strstr(e.text, "nested too deep") != NULL);
    }
}

static void
elements_and_attributes_are_bounded(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        bool good;
    } cases[] = {
        {"<a/>", 19999, true},
        {"<a/>", 20000, false},
        {"<a b='' c=''/>", 6666, true},
        {"<a b='' c=''/>", 6667, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        own_str struct str text = {0};
        struct err e = {0};
        own_xml struct xml *root = NULL;

        repeat(&text, "<r>", 1);
        repeat(&text, cases[i].text, cases[i].count);
        repeat(&text, "</r>", 1);
        root = xml_decode(text.text, text.size, &e);
        assert_true((root != NULL) == cases[i].good);
        assert_true(root != NULL || strstr(e.text, "too many elements") != NULL);
    }
}

static void
size_is_bounded_at_1_mib(void **state)
{
    (void)state;
    for (size_t more = 0; more <= 1; more++) {
        own_str struct str text = {0};
        struct err e = {0};
        own_xml struct xml *root = NULL;

        repeat(&text, "<a>", 1);
        repeat(&text, " ", 1024 * 1024 - 7 + more);
        repeat(&text, "</a>", 1);
        root = xml_decode(text.text, text.size, &e);
        assert_true((root != NULL) == (more == 0));
        assert_true(root != NULL || strstr(e.text, "1 MiB") != NULL);
    }
}

static void
what_is_escaped_comes_back(void **state)
{
    static const char odd[] = "a<b>&\"c'\r\n\td \xc3\xa4 ]]>";
    own_str struct str text = {0};
    struct err e = {0};
    own_xml struct xml *root = NULL;

    (void)state;
    repeat(&text, "<a b=\"", 1);
    assert_true(xml_escape(&text, odd));
    repeat(&text, "\">", 1);
    assert_true(xml_escape(&text, odd));
    assert_true(xml_escape(&text, "\x01"));
    repeat(&text, "</a>", 1);
    root = xml_decode(text.text, text.size, &e);
    assert_non_null(root);
    assert_string_equal(xml_attribute(root, "b"), odd);
    assert_memory_equal(xml_text(root), odd, strlen(odd));
    assert_string_equal(xml_text(root) + strlen(odd), "?");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_a_tree),
        cmocka_unit_test(attributes_are_found_by_name),
        cmocka_unit_test(what_is_not_there_is_null),
        cmocka_unit_test(what_is_no_document_is_refused),
        cmocka_unit_test(nesting_is_bounded_at_32),
        cmocka_unit_test(elements_and_attributes_are_bounded),
        cmocka_unit_test(size_is_bounded_at_1_mib),
        cmocka_unit_test(what_is_escaped_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
