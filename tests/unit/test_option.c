/* test_option.c: expected values follow from pgcert.conf(5), VALUES, unless a line says otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const colours[] = {"red", "green", "blue", NULL};

struct all {
    char *text;
    char *path;
    char *file_name;
    char *url;
    struct list list;
    struct list names;
    struct list endpoints;
    int64_t span_s;
    struct option_share lifetime;
    int64_t count;
    bool yes_no;
    int word;
    char *with_default;
};

/* clang-format off */
static const struct option table[] = {
    {"text",         OPTION_TEXT,      offsetof(struct all, text),         NULL,    "any text", NULL, 0, 0, false},
    {"path",         OPTION_PATH,      offsetof(struct all, path),         NULL,    "a path", NULL, 0, 0, false},
    {"file_name",    OPTION_FILE_NAME, offsetof(struct all, file_name),    NULL,    "a file", NULL, 0, 0, false},
    {"url",          OPTION_URL,       offsetof(struct all, url),          NULL,    "a URL", NULL, 0, 0, false},
    {"list",         OPTION_LIST,      offsetof(struct all, list),         NULL,    "words", NULL, 0, 0, false},
    {"names",        OPTION_NAMES,     offsetof(struct all, names),        NULL,    "names", NULL, 0, 0, false},
    {"endpoints",    OPTION_ENDPOINTS, offsetof(struct all, endpoints),    NULL,    "hosts", NULL, 0, 0, false},
    {"span",         OPTION_SPAN,      offsetof(struct all, span_s),       "10s",   "a time", NULL, 0, 0, false},
    {"lifetime",     OPTION_LIFETIME,  offsetof(struct all, lifetime),     "1/3",   "a share", NULL, 0, 0, false},
    {"count",        OPTION_COUNT,     offsetof(struct all, count),        "3",     "a number", NULL, 1, 100, false},
    {"yes_no",       OPTION_YES_NO,    offsetof(struct all, yes_no),       "yes",   "a truth", NULL, 0, 0, false},
    {"word",         OPTION_WORD,      offsetof(struct all, word),         "green", "a colour", colours, 0, 0, false},
    {"with_default", OPTION_TEXT,      offsetof(struct all, with_default), "x",     "a text", NULL, 0, 0, false},
    {0},
};
/* clang-format on */

/* Binds "[kind name]" with one setting; the section stands in line 1, the setting in line 2. */
static bool
bind(struct all *into, const char *setting, struct err *e)
{
    own_conf struct conf c = {0};
    own_mem char *text = str_format("[kind name]\n%s\n", setting);

    assert_non_null(text);
    if (!conf_read_text(&c, "f", text, strlen(text), e))
        fail_msg("%s", e->text);
    return option_bind(&c.sections[0], table, into, e);
}

static void
bind_well(struct all *into, const char *setting)
{
    struct err e = {0};

    if (!bind(into, setting, &e))
        fail_msg("'%s': %s", setting, e.text);
}

/* `sentence` follows "f:2: [kind name] SETTING: ". */
static void
is_refused(const char *setting, const char *sentence)
{
    struct all a = {0};
    struct err e = {0};
    own_mem char *expected =
        str_format("f:2: [kind name] %.*s: %s", (int)strcspn(setting, " "), setting, sentence);

    if (bind(&a, setting, &e))
        fail_msg("'%s' was accepted", setting);
    assert_int_equal(e.code, ERR_CONFIG);
    assert_string_equal(e.text, expected);
}

static char *
joined(const struct list *l)
{
    struct str out = {0};

    for (size_t i = 0; i < l->count; i++)
        assert_true(str_addf(&out, "%s%s", i > 0 ? "|" : "", l->items[i]));
    return out.text != NULL ? str_take(&out) : strdup("");
}

static void
has_list(const char *setting, size_t offset, const char *expected)
{
    struct all a = {0};
    struct list l = {0};
    own_mem char *got = NULL;

    bind_well(&a, setting);
    memcpy(&l, (char *)&a + offset, sizeof(l));
    got = joined(&l);
    assert_string_equal(got, expected);
    option_done(table, &a);
}

static void
without_a_section_there_are_the_defaults(void **state)
{
    struct all a = {0};
    struct err e = {0};

    (void)state;
    assert_true(option_bind(NULL, table, &a, &e));
    assert_null(a.text);
    assert_int_equal(a.list.count, 0);
    assert_int_equal(a.span_s, 10);
    assert_int_equal(a.lifetime.part, 1);
    assert_int_equal(a.lifetime.whole, 3);
    assert_int_equal(a.count, 3);
    assert_true(a.yes_no);
    assert_int_equal(a.word, 1);
    assert_string_equal(a.with_default, "x");
    option_done(table, &a);
    assert_null(a.with_default);
    assert_int_equal(a.count, 0);
    option_done(table, &a);
}

static void
an_empty_value_is_nothing_for_texts_and_the_default_for_others(void **state)
{
    struct all a = {0};

    (void)state;
    bind_well(&a, "with_default =\nlist =\nspan =\nword =\nyes_no =\nlifetime =\ncount =");
    assert_null(a.with_default);
    assert_int_equal(a.list.count, 0);
    assert_int_equal(a.span_s, 10);
    assert_int_equal(a.word, 1);
    assert_true(a.yes_no);
    assert_int_equal(a.lifetime.whole, 3);
    assert_int_equal(a.count, 3);
    option_done(table, &a);
}

static void
texts_and_files_are_kept_as_written(void **state)
{
    static const struct {
        const char *setting;
        size_t offset;
        const char *value;
    } cases[] = {
        {"text = host=/x port=5432", offsetof(struct all, text), "host=/x port=5432"},
        {"path = /etc/pgcert/tsig.key", offsetof(struct all, path), "/etc/pgcert/tsig.key"},
        {"path = credential:tsig", offsetof(struct all, path), "credential:tsig"},
        {"file_name = pgcert.pem", offsetof(struct all, file_name), "pgcert.pem"},
        {"file_name = /x/y.pem", offsetof(struct all, file_name), "/x/y.pem"},
        {"url = https://a.example/dir?x=1", offsetof(struct all, url), "https://a.example/dir?x=1"},
        {"url = https://localhost:14000/dir", offsetof(struct all, url),
         "https://localhost:14000/dir"},
        {"url = https://[::1]:14000/dir", offsetof(struct all, url), "https://[::1]:14000/dir"},
        {"url = https://a.example", offsetof(struct all, url), "https://a.example"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct all a = {0};
        char *value = NULL;

        bind_well(&a, cases[i].setting);
        memcpy(&value, (char *)&a + cases[i].offset, sizeof(value));
        assert_string_equal(value, cases[i].value);
        option_done(table, &a);
    }
}

static void
what_is_no_file_or_url_is_refused(void **state)
{
    (void)state;
    is_refused("path = tsig.key", "'tsig.key' is not an absolute path (/...), nor credential:NAME");
    is_refused("path = credential:../x",
               "'credential:../x' is not an absolute path (/...), nor credential:NAME");
    is_refused("file_name = a/b",
               "'a/b' is neither an absolute path (/...) nor a name without '/'");
    is_refused("file_name = ..", "'..' is neither an absolute path (/...) nor a name without '/'");
    is_refused("file_name = /a/", "'/a/' names a directory, not a file");
    is_refused("url = http://a.example/",
               "'http://a.example/' is not a URL that begins with https://");
    is_refused("url = https:///x", "'https:///x' has no HOST or HOST:PORT after https://");
    is_refused("url = https://user@a.example/",
               "'https://user@a.example/' has no HOST or HOST:PORT after https://");
    is_refused("url = https://a:0/", "'https://a:0/' has no HOST or HOST:PORT after https://");
    is_refused("url = https://a/b c", "'https://a/b c' holds ' ', which no such URL does");
    is_refused("url = https://a/#b", "'https://a/#b' holds '#', which no such URL does");
}

static void
words_of_a_list_are_separated_by_commas_or_white_space(void **state)
{
    (void)state;
    has_list("list = a,b c ,\td,, e", offsetof(struct all, list), "a|b|c|d|e");
    has_list("list = a\n  b", offsetof(struct all, list), "a|b");
}

/* A-labels by Python's idna 3.3 (`idna.encode(name, uts46=True)`). */
static void
names_are_made_those_of_the_wire(void **state)
{
    size_t names = offsetof(struct all, names);

    (void)state;
    has_list("names = db.example.org, *.db.example.org", names, "db.example.org|*.db.example.org");
    has_list("names = DB.Example.ORG db.example.org. db.example.org", names, "db.example.org");
    has_list("names = b\xc3\xbc"
             "cher.example",
             names, "xn--bcher-kva.example");
    has_list("names = *.B\xc3\x9c"
             "CHER.example",
             names, "*.xn--bcher-kva.example");
    has_list("names = fa\xc3\x9f.de", names, "xn--fa-hia.de"); /* transitional would say fass.de */
    has_list("names = \xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82jp", names, "xn--r8jz45g.jp");
    has_list("names = XN--bcher-KVA.example", names, "xn--bcher-kva.example");
    has_list("names = r3---a.b-c.example 1.2.x localhost", names,
             "r3---a.b-c.example|1.2.x|localhost");
}

static void
what_is_no_dns_name_is_refused(void **state)
{
    char label[65] = "";
    own_str struct str long_name = {0};
    own_str struct str fits = {0};
    own_str struct str sentence = {0};

    (void)state;
    is_refused("names = a..b", "'a..b' has an empty label (two dots, or one in front)");
    is_refused("names = .a", "'.a' has an empty label (two dots, or one in front)");
    is_refused("names = .", "'.' has an empty label (two dots, or one in front)");
    is_refused("names = *.", "'*.' has an empty label (two dots, or one in front)");
    is_refused("names = -a.b", "'-a.b' has a label that begins or ends with '-'");
    is_refused("names = a-.b", "'a-.b' has a label that begins or ends with '-'");
    is_refused("names = a_b.c", "'a_b.c' has a '_', which no certificate may name");
    is_refused("names = a!.b", "'a!.b' holds '!'; a DNS name has letters, digits, '-' and dots");
    is_refused("names = a/b", "'a/b' holds '/'; a DNS name has letters, digits, '-' and dots");
    is_refused("names = *", "'*' has a '*' elsewhere than as its whole first label");
    is_refused("names = a*.b", "'a*.b' has a '*' elsewhere than as its whole first label");
    is_refused("names = a.*.b", "'a.*.b' has a '*' elsewhere than as its whole first label");
    is_refused("names = *.*.b", "'*.*.b' has a '*' elsewhere than as its whole first label");
    is_refused("names = 192.0.2.1", "'192.0.2.1' looks like an address; write a DNS name");
    is_refused("names = a.1", "'a.1' looks like an address; write a DNS name");
    is_refused("names = ::1", "'::1' is an address or has a port; write a DNS name alone");
    is_refused("names = a.b:5432",
               "'a.b:5432' is an address or has a port; write a DNS name alone");
    memset(label, 'a', 64);
    assert_true(str_addf(&long_name, "names = %s.b", label));
    assert_true(str_addf(&sentence, "'%s.b' has a label longer than 63 characters", label));
    is_refused(long_name.text, sentence.text);
    label[63] = '\0';
    assert_true(
        str_addf(&fits, "%.61s.%s.%s.%s", label, label, label, label)); /* 61+3*63+3 = 253 */
    str_clear(&long_name);
    assert_true(str_addf(&long_name, "names = %s", fits.text));
    has_list(long_name.text, offsetof(struct all, names), fits.text);
    str_clear(&long_name);
    str_clear(&sentence);
    assert_true(str_addf(&long_name, "names = a%s", fits.text));
    assert_true(
        str_addf(&sentence, "'%.60s...' is longer than the 253 characters of a DNS name", label));
    is_refused(long_name.text, sentence.text);
}

/* libidn2 says why; only that it refuses is ours: RFC 5892 (DISALLOWED), RFC 5893 (bidi). */
static void
what_idna_forbids_is_refused(void **state)
{
    static const char *const names[] = {
        "names = a\xe2\x80\x8d.b", /* a joiner where none may be */
        "names = xn--a.example",   /* not Punycode */
        /* right-to-left and left-to-right in one label */
        ("names = \xd7\x90"
         "a1.\xd7\x90"),
        "names = \xe2\x98\x83\xef\xbf\xbd.b", /* U+FFFD */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct all a = {0};
        struct err e = {0};

        if (bind(&a, names[i], &e))
            fail_msg("'%s' was accepted as '%s'", names[i], a.names.items[0]);
        assert_int_equal(e.code, ERR_CONFIG);
    }
}

static void
endpoints_are_hosts_with_or_without_port(void **state)
{
    static const char malformed[] = "'%s' is not HOST, HOST:PORT, [V6] or [V6]:PORT";
    static const char *const wrong[] = {
        "::1",        "[::1",    "[::1]5", "[::1]:", "[::1]:0",   "[1.2.3.4]", "a:",
        "a:b",        "a:65536", "a:+1",   "a:1:2",  "1.2.3",     "1.2.3.256", ":5432",
        "[fe80::1%]", "a..b",    "-a",     "a/b",    "/run/sock", "[::1%x/y]",
    };

    (void)state;
    has_list("endpoints = db.example.org 192.0.2.1:5432 [::1] [::1]:5432 [fe80::1%eth0]:1 a_b.",
             offsetof(struct all, endpoints),
             "db.example.org|192.0.2.1:5432|[::1]|[::1]:5432|[fe80::1%eth0]:1|a_b.");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        own_mem char *setting = str_format("endpoints = %s", wrong[i]);
        char sentence[200];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(sentence, sizeof(sentence), malformed, wrong[i]);
#pragma GCC diagnostic pop
        is_refused(setting, sentence);
    }
}

static void
an_endpoint_is_split_into_host_and_port(void **state)
{
    static const struct {
        const char *text, *host;
        int port;
    } cases[] = {
        {"a.example", "a.example", 53},          {"a.example:5300", "a.example", 5300},
        {"192.0.2.1", "192.0.2.1", 53},          {"[2001:db8::1]", "2001:db8::1", 53},
        {"[2001:db8::1]:54", "2001:db8::1", 54}, {"a:65535", "a", 65535},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        own_mem char *host = NULL;
        int port = 0;

        assert_true(option_parse_endpoint(&host, &port, cases[i].text, 53));
        assert_string_equal(host, cases[i].host);
        assert_int_equal(port, cases[i].port);
    }
}

static void
times_have_units(void **state)
{
    static const struct {
        const char *setting;
        int64_t span_s;
    } cases[] = {
        {"span = 0", 0},         {"span = 60", 60},           {"span = 0s", 0},
        {"span = 30s", 30},      {"span = 10min", 600},       {"span = 12h", 43200},
        {"span = 30d", 2592000}, {"span = 2w", 1209600},      {"span = 1y", 31536000},
        {"span = 30 s", 30},     {"span = 100y", 3153600000},
    };
    static const char *const wrong[] = {
        "s", "-1s", "1.5h", "10m", "1h30min", "30S", "101y", "9999999999999999s", "1/3", "0 x",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct all a = {0};

        bind_well(&a, cases[i].setting);
        assert_int_equal(a.span_s, cases[i].span_s);
        option_done(table, &a);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        own_mem char *setting = str_format("span = %s", wrong[i]);
        own_mem char *sentence =
            str_format("'%s' is not a time; write it like 30s 10min 12h 30d 10y", wrong[i]);

        is_refused(setting, sentence);
    }
}

static void
a_lifetime_is_a_time_or_a_share(void **state)
{
    static const char *const wrong[] = {
        "0",  "0s",   "1/1",  "2/1",   "0/3",    "1/0",   "/3",
        "1/", "1/3d", "-1/3", "1/3/4", "1/1001", "third",
    };
    struct option_share share = {0};

    (void)state;
    assert_true(option_parse_share(&share, "30d"));
    assert_int_equal(share.span_s, 2592000);
    assert_int_equal(share.whole, 0);
    assert_true(option_parse_share(&share, "2/3"));
    assert_int_equal(share.span_s, 0);
    assert_int_equal(share.part, 2);
    assert_int_equal(share.whole, 3);
    assert_true(option_parse_share(&share, "1 / 2"));
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (option_parse_share(&share, wrong[i]))
            fail_msg("'%s' was accepted", wrong[i]);
    is_refused("lifetime = third",
               "'third' is neither a time like 30d nor a share of the lifetime like 1/3");
}

static void
a_count_has_bounds(void **state)
{
    static const char *const wrong[] = {
        "0", "101", "-1", "+1", "1x", "0x1", "99999999999999999999"};
    struct all a = {0};

    (void)state;
    bind_well(&a, "count = 100");
    assert_int_equal(a.count, 100);
    option_done(table, &a);
    bind_well(&a, "count = 001");
    assert_int_equal(a.count, 1);
    option_done(table, &a);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        own_mem char *setting = str_format("count = %s", wrong[i]);
        own_mem char *sentence = str_format("'%s' is not a whole number from 1 to 100", wrong[i]);

        is_refused(setting, sentence);
    }
}

static void
yes_and_no_have_three_spellings(void **state)
{
    static const struct {
        const char *setting;
        bool truth;
    } cases[] = {
        {"yes_no = yes", true}, {"yes_no = true", true},   {"yes_no = on", true},
        {"yes_no = no", false}, {"yes_no = false", false}, {"yes_no = OFF", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct all a = {0};

        bind_well(&a, cases[i].setting);
        assert_int_equal(a.yes_no, cases[i].truth);
        option_done(table, &a);
    }
    is_refused("yes_no = 1", "'1' is neither yes nor no");
}

static void
a_word_is_one_of_those_that_there_are(void **state)
{
    struct all a = {0};

    (void)state;
    bind_well(&a, "word = blue");
    assert_int_equal(a.word, 2);
    option_done(table, &a);
    is_refused("word = bleu",
               "'bleu' is not known; did you mean 'blue'? There are: red green blue");
    is_refused("word = yellow", "'yellow' is not known; there are: red green blue");
}

static void
after_a_failure_nothing_is_left(void **state)
{
    struct all a = {0};
    struct all empty = {0};
    struct err e = {0};

    (void)state;
    assert_false(bind(&a, "text = x\nlist = a b\nword = x", &e));
    assert_memory_equal(&a, &empty, sizeof(a));
}

static void
a_setting_that_is_required_must_be_there(void **state)
{
    static const char text[] = "[kind]\n\n[kind name]\nurl =\n";
    const struct option needs[] = {
        {"url", OPTION_URL, 0, NULL, "where the issuer is", NULL, 0, 0, true},
        {0},
    };
    own_conf struct conf c = {0};
    char *url = NULL;
    struct err e = {0};

    (void)state;
    assert_true(conf_read_text(&c, "f", text, strlen(text), &e));
    assert_false(option_bind(&c.sections[0], needs, &url, &e));
    assert_string_equal(e.text, "f:1: [kind] url: must be set (where the issuer is)");
    assert_int_equal(e.code, ERR_CONFIG);
    assert_false(option_bind(&c.sections[1], needs, &url, &e));
    assert_string_equal(e.text, "f:4: [kind name] url: must be set (where the issuer is)");
    assert_true(option_bind(NULL, needs, &url, &e));
}

static void
a_wrong_default_is_our_own_mistake(void **state)
{
    const struct option wrong[] = {
        {"span", OPTION_SPAN, 0, "soon", "", NULL, 0, 0, false},
        {0},
    };
    int64_t span_s = 0;
    struct err e = {0};

    (void)state;
    assert_false(option_bind(NULL, wrong, &span_s, &e));
    assert_int_equal(e.code, ERR_INTERNAL);
}

static void
names_are_checked_against_all_tables(const char *name, const char *sentence)
{
    const struct option more[] = {{"ttl", OPTION_SPAN, 0, NULL, "", NULL, 0, 0, false}, {0}};
    const struct option *const tables[] = {table, more, NULL};
    own_mem char *text = str_format("[dns home]\ntext = 1\n%s = 1\n", name);
    own_conf struct conf c = {0};
    struct err e = {0};

    assert_true(conf_read_text(&c, "f", text, strlen(text), &e));
    assert_int_equal(option_check_names(&c.sections[0], tables, &e), sentence == NULL);
    assert_string_equal(e.text, sentence == NULL ? "" : sentence);
}

static void
an_unknown_setting_is_told_with_the_nearest_known_one(void **state)
{
    (void)state;
    names_are_checked_against_all_tables("ttl", NULL);
    names_are_checked_against_all_tables("word", NULL);
    names_are_checked_against_all_tables(
        "tll", "f:3: [dns home] tll: no such setting; did you mean 'ttl'?");
    names_are_checked_against_all_tables(
        "endpoint", "f:3: [dns home] endpoint: no such setting; did you mean 'endpoints'?");
    names_are_checked_against_all_tables(
        "frobnicate", "f:3: [dns home] frobnicate: no such setting; there are: text path file_name "
                      "url list names "
                      "endpoints span lifetime count yes_no word with_default ttl");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_section_there_are_the_defaults),
        cmocka_unit_test(an_empty_value_is_nothing_for_texts_and_the_default_for_others),
        cmocka_unit_test(texts_and_files_are_kept_as_written),
        cmocka_unit_test(what_is_no_file_or_url_is_refused),
        cmocka_unit_test(words_of_a_list_are_separated_by_commas_or_white_space),
        cmocka_unit_test(names_are_made_those_of_the_wire),
        cmocka_unit_test(what_is_no_dns_name_is_refused),
        cmocka_unit_test(what_idna_forbids_is_refused),
        cmocka_unit_test(endpoints_are_hosts_with_or_without_port),
        cmocka_unit_test(an_endpoint_is_split_into_host_and_port),
        cmocka_unit_test(times_have_units),
        cmocka_unit_test(a_lifetime_is_a_time_or_a_share),
        cmocka_unit_test(a_count_has_bounds),
        cmocka_unit_test(yes_and_no_have_three_spellings),
        cmocka_unit_test(a_word_is_one_of_those_that_there_are),
        cmocka_unit_test(after_a_failure_nothing_is_left),
        cmocka_unit_test(a_setting_that_is_required_must_be_there),
        cmocka_unit_test(a_wrong_default_is_our_own_mistake),
        cmocka_unit_test(an_unknown_setting_is_told_with_the_nearest_known_one),
    };

    return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
