/* test_conf.c: expected values follow from pgcert.conf(5), FILES and FORMAT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/conf.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- text ---- */

/* Everything read, as "kind/name@line{name=text@line ...}..." */
static char *
show(const struct conf *c)
{
    struct str out = {0};

    for (size_t i = 0; i < c->section_count; i++) {
        const struct conf_section *s = &c->sections[i];

        assert_true(str_addf(&out, "%s/%s@%d{", s->kind, s->name, s->line));
        for (size_t j = 0; j < s->value_count; j++)
            assert_true(str_addf(&out, "%s%s=%s@%d", j > 0 ? " " : "", s->values[j].name,
                                 s->values[j].text, s->values[j].line));
        assert_true(str_addf(&out, "}"));
    }
    return out.text != NULL ? str_take(&out) : strdup("");
}

static void
reads_as(const char *text, const char *expected)
{
    own_conf struct conf c = {0};
    own_mem char *shown = NULL;
    struct err e = {0};

    if (!conf_read_text(&c, "f", text, strlen(text), &e))
        fail_msg("'%s': %s", text, e.text);
    shown = show(&c);
    assert_string_equal(shown, expected);
}

static void
is_refused_bytes(const char *text, size_t size, const char *sentence)
{
    own_conf struct conf c = {0};
    struct err e = {0};

    if (conf_read_text(&c, "f", text, size, &e))
        fail_msg("'%s' was accepted", text);
    assert_string_equal(e.text, sentence);
    assert_int_equal(e.code, ERR_CONFIG);
}

static void
is_refused(const char *text, const char *sentence)
{
    is_refused_bytes(text, strlen(text), sentence);
}

static void
sections_and_settings_are_read_with_their_lines(void **state)
{
    (void)state;
    reads_as("", "");
    reads_as("# nothing\n\n", "");
    reads_as("[pgcert]\n", "pgcert/@1{}");
    reads_as("[pgcert]", "pgcert/@1{}");
    reads_as("[dns home]\nttl = 60\n\nprovider=rfc2136", "dns/home@1{ttl=60@2 provider=rfc2136@4}");
    reads_as("[ dns   home ]\r\nttl\t=\t60\r\n", "dns/home@1{ttl=60@2}");
    reads_as("\xef\xbb\xbf[pgcert]\nstate = /s\n", "pgcert/@1{state=/s@2}");
    reads_as("[certificate *.db.example.org]\n", "certificate/*.db.example.org@1{}");
    reads_as("[certificate b\xc3\xbc.example]\n", "certificate/b\xc3\xbc.example@1{}");
    reads_as("[a]\n[b x]\n[b y]\nc = 1", "a/@1{}b/x@2{}b/y@3{c=1@4}");
}

static void
an_empty_value_is_a_value(void **state)
{
    (void)state;
    reads_as("[a]\nb =\nc =   # none\n", "a/@1{b=@2 c=@3}");
}

static void
a_comment_ends_a_line_only_after_white_space(void **state)
{
    (void)state;
    reads_as("[a] # x\nb = 1 # 2\nc = 1#2\nd = 1\t#2 # 3\n", "a/@1{b=1@2 c=1#2@3 d=1@4}");
    reads_as("; x\n[a]\nb = 1 ; 2\nc = 1;2\n  # x\n", "a/@2{b=1@3 c=1;2@4}");
    reads_as("[a]\n# b = 1 [x\n", "a/@1{}");
}

static void
a_section_is_continued_and_a_setting_replaced(void **state)
{
    (void)state;
    reads_as("[a]\nb = 1\nc = 2\n[d]\n[a]\nb = 3\n", "a/@1{b=3@6 c=2@3}d/@4{}");
    reads_as("[a]\nb = 1\nb = 2\n", "a/@1{b=2@3}");
}

static void
an_indented_line_continues_the_value(void **state)
{
    (void)state;
    reads_as("[a]\nb = 1,\n  2,  # two\n\t3\nc = 4\n", "a/@1{b=1, 2, 3@2 c=4@5}");
    reads_as("[a]\nb =\n  2\n", "a/@1{b=2@2}");
    reads_as("[a]\nb = 1\n\n# x\n  [c]\n", "a/@1{b=1 [c]@2}");
}

static void
an_indented_setting_is_a_setting(void **state)
{
    (void)state;
    reads_as("[a]\n  b = 1\n  c = 2\n", "a/@1{b=1@2 c=2@3}");
    reads_as("  [a]\n  b = x=1 y=2\n", "a/@1{b=x=1 y=2@2}");
    reads_as("[a]\n  b = 1\n[c]\n  d = 1\n", "a/@1{b=1@2}c/@3{d=1@4}");
}

static void
separators_inside_a_value_stay(void **state)
{
    (void)state;
    reads_as("[a]\nb = mailto:x@y.z = :\n", "a/@1{b=mailto:x@y.z = :@2}");
    reads_as("[a]\nb = [c]\n", "a/@1{b=[c]@2}");
}

/* The library's own line holds 200 bytes, its names 50: see conf_text.c. */
static void
long_lines_and_names_are_read_whole(void **state)
{
    own_str struct str text = {0};
    own_str struct str value = {0};
    own_str struct str name = {0};
    own_conf struct conf c = {0};
    struct err e = {0};

    (void)state;
    for (int i = 0; i < 300; i++)
        assert_true(str_addf(&value, "%sword%d;#%*s", i > 0 ? " " : "", i, i % 4, ""));
    while (value.text[value.size - 1] == ' ')
        value.text[--value.size] = '\0';
    for (int i = 0; i < 120; i++)
        assert_true(str_addf(&name, "n"));
    assert_true(
        str_addf(&text, "[k %s]\n%s = %s\n%s2 = 2\n", name.text, name.text, value.text, name.text));
    assert_true(value.size < 4000);
    if (!conf_read_text(&c, "f", text.text, text.size, &e))
        fail_msg("%s", e.text);
    assert_int_equal(c.section_count, 1);
    assert_string_equal(c.sections[0].name, name.text);
    assert_int_equal(c.sections[0].value_count, 2);
    assert_string_equal(c.sections[0].values[0].name, name.text);
    assert_string_equal(c.sections[0].values[0].text, value.text);
    assert_string_equal(c.sections[0].values[1].text, "2");
}

/* Every length around the library's limit, with white space at every place. */
static void
no_byte_is_lost_where_a_long_line_is_cut(void **state)
{
    (void)state;
    for (size_t size = 150; size < 450; size++)
        for (size_t gap = 1; gap < 4; gap++) {
            char value[512] = "";
            char text[600];
            own_conf struct conf c = {0};
            struct err e = {0};

            memset(value, 'x', size);
            for (size_t i = 90 + size % 7; i + 60 < size; i += 7)
                memset(value + i, i % 2 == 0 ? ' ' : '\t', gap);
            (void)snprintf(text, sizeof(text), "[a]\nb = %s\n", value);
            if (!conf_read_text(&c, "f", text, strlen(text), &e))
                fail_msg("%s", e.text);
            assert_string_equal(c.sections[0].values[0].text, value);
        }
}

static void
what_is_no_setting_is_refused_with_file_and_line(void **state)
{
    (void)state;
    is_refused("[a]\n\nhello\n", "f:3: 'hello' is not a setting; write: name = value");
    is_refused("[a]\nb: 1\n", "f:2: 'b: 1' is not a setting; write: name = value");
    is_refused("[a]\n= 1\n", "f:2: '= 1' is not a setting; write: name = value");
    is_refused("[a]\nb c = 1\n", "f:2: 'b c = 1' is not a setting; write: name = value");
    is_refused("[a]\n  b\n", "f:2: 'b' is not a setting; write: name = value");
    is_refused("b = 1\n", "f:1: 'b = 1' stands before the first [section]");
}

static void
what_is_no_section_is_refused(void **state)
{
    (void)state;
    is_refused("[dns home\n", "f:1: '[dns home' has no ']' at its end");
    is_refused("[dns home] x\n", "f:1: '[dns home] x' has no ']' at its end");
    is_refused("[]\n", "f:1: '[]' is not a section; write [kind] or [kind name]");
    is_refused("[a.b]\n", "f:1: '[a.b]' is not a section; write [kind] or [kind name]");
#define NAME_RULE                                                                                  \
    " cannot name a section: one word of at most 200 bytes, no '/', quotes or brackets, no '.' "   \
    "or '-' in front"
    is_refused("[a b c]\n", "f:1: 'b c'" NAME_RULE);
    is_refused("[a ../etc]\n", "f:1: '../etc'" NAME_RULE);
    is_refused("[a \"b\"]\n", "f:1: '\"b\"'" NAME_RULE);
}

static void
what_is_no_text_is_refused(void **state)
{
    (void)state;
    is_refused_bytes("[a]\nb = \0\n", 10, "f:2: byte 5 is a control character (0x00)");
    is_refused("[a]\nb = \x1b[0m\n", "f:2: byte 5 is a control character (0x1b)");
    is_refused("[a]\n# caf\xe9\n", "f:2: byte 6 (0xe9) is not UTF-8; save the file as UTF-8");
    /* RFC 3629 section 10: overlong, a surrogate, beyond U+10FFFF, cut off */
    is_refused("#\xc0\x80\n", "f:1: byte 2 (0xc0) is not UTF-8; save the file as UTF-8");
    is_refused("#\xe0\x9f\xbf\n", "f:1: byte 2 (0xe0) is not UTF-8; save the file as UTF-8");
    is_refused("#\xed\xa0\x80\n", "f:1: byte 2 (0xed) is not UTF-8; save the file as UTF-8");
    is_refused("#\xf4\x90\x80\x80\n", "f:1: byte 2 (0xf4) is not UTF-8; save the file as UTF-8");
    is_refused("#\xe2\x82\n", "f:1: byte 2 (0xe2) is not UTF-8; save the file as UTF-8");
    reads_as("#\xf4\x8f\xbf\xbf \xed\x9f\xbf \xe2\x82\xac\n[a]\n", "a/@2{}");
}

static void
what_is_too_much_is_refused(void **state)
{
    own_str struct str line = {0};
    own_str struct str sections = {0};
    own_str struct str settings = {0};
    own_str struct str value = {0};

    (void)state;
    assert_true(str_addf(&line, "[a]\nb = %04096d\n", 0));
    is_refused(line.text,
               "f:2: the line is longer than 4095 bytes; continue it on an indented line");
    for (int i = 0; i < 3001; i++)
        assert_true(str_addf(&sections, "[a n%d]\n", i));
    is_refused(sections.text, "f:3001: there are more than 3000 sections");
    assert_true(str_addf(&settings, "[a]\n"));
    for (int i = 0; i < 1001; i++)
        assert_true(str_addf(&settings, "b%d = 1\n", i));
    is_refused(settings.text, "f:1002: there are more than 1000 settings in a section");
    assert_true(str_addf(&value, "[a]\nb =\n"));
    for (int i = 0; i < 9; i++)
        assert_true(str_addf(&value, "  %02000d\n", 0));
    is_refused(value.text, "f:11: the value of 'b' is longer than 16384 bytes");
}

/* Shortened from what certbot 2.1 writes to renewal/NAME.conf, with a [[subsection]] as its webroot
 * plugin makes one; quotes as configobj has them. */
static void
a_file_in_the_manner_of_configobj_is_read(void **state)
{
    static const char text[] = "# renew_before_expiry = 30 days\n"
                               "version = 2.1.0\n"
                               "\n"
                               "[renewalparams]\n"
                               "server = \"https://acme.test/directory\"\n"
                               "webroot_path = /var/www,\n"
                               "a = 'b\"\n"
                               "[[webroot_map]]\n"
                               "db.example.org = ''\n";
    struct conf c = {0};
    struct err e = {0};
    char *shown = NULL;

    (void)state;
    assert_true(conf_read_foreign(&c, "f", text, strlen(text), &e));
    shown = show(&c);
    assert_string_equal(shown, "top/@2{version=2.1.0@2}"
                               "renewalparams/@4{server=https://acme.test/directory@5 "
                               "webroot_path=/var/www,@6 a='b\"@7}"
                               "sub/@8{db.example.org=@9}");
    free(shown);
    conf_done(&c);
    /* of our own that is no file of settings */
    assert_false(conf_read_text(&c, "f", text, strlen(text), &e));
    assert_int_equal(e.code, ERR_CONFIG);
    conf_done(&c);
    assert_false(conf_read_foreign(&c, "f", "a = b\nc\n", 8, &e));
    assert_string_equal(e.text, "f:2: 'c' is not a setting; write: name = value");
    conf_done(&c);
}

static void
what_is_not_there_is_not_found(void **state)
{
    static const char text[] = "[a x]\nb = 1\n";
    own_conf struct conf c = {0};
    struct err e = {0};

    (void)state;
    assert_true(conf_read_text(&c, "f", text, strlen(text), &e));
    assert_non_null(conf_find(&c, "a", "x"));
    assert_null(conf_find(&c, "a", ""));
    assert_null(conf_find(&c, "b", "x"));
    assert_string_equal(conf_value_find(conf_find(&c, "a", "x"), "b")->text, "1");
    assert_null(conf_value_find(conf_find(&c, "a", "x"), "c"));
}

/* ---- files ---- */

static int
enter_directory(void **state)
{
    char *directory = strdup("/tmp/test_conf.XXXXXX");

    if (directory == NULL || mkdtemp(directory) == NULL || chdir(directory) < 0)
        return -1;
    *state = directory;
    return 0;
}

static int
remove_one(const char *path, const struct stat *s, int type, struct FTW *walk)
{
    (void)s;
    (void)type;
    (void)walk;
    return remove(path);
}

static int
leave_directory(void **state)
{
    own_mem char *directory = *state;

    return chdir("/") < 0 ? -1 : nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void
files_are_read_in_order_of_name_and_the_last_wins(void **state)
{
    own_conf struct conf c = {0};
    own_mem char *shown = NULL;
    struct err e = {0};

    (void)state;
    write_file("p.conf", "[a]\nb = main\n");
    assert_int_equal(mkdir("conf.d", 0700), 0);
    write_file("conf.d/20.conf", "[a]\nb = twenty\n");
    write_file("conf.d/10.conf", "\n[a]\nb = ten\nc = ten\n");
    write_file("conf.d/B.conf", "[a]\nd = capital\n");
    write_file("conf.d/a.conf", "[a]\nd = small\n");
    write_file("conf.d/.hidden.conf", "garbage");
    write_file("conf.d/x.conf~", "garbage");
    write_file("conf.d/.conf", "garbage");
    assert_int_equal(mkdir("conf.d/directory.conf", 0700), 0);
    if (!conf_read(&c, "p.conf", &e))
        fail_msg("%s", e.text);
    shown = show(&c);
    assert_string_equal(shown, "a/@1{b=twenty@2 c=ten@4 d=small@2}");
    assert_string_equal(conf_value_find(&c.sections[0], "b")->file, "conf.d/20.conf");
    assert_string_equal(c.sections[0].file, "p.conf");
    assert_int_equal(c.files.count, 5);
    assert_string_equal(c.files.items[1], "conf.d/10.conf");
    assert_string_equal(c.files.items[3], "conf.d/B.conf");
}

static void
a_setting_of_another_file_needs_its_own_section(void **state)
{
    own_conf struct conf c = {0};
    struct err e = {0};

    (void)state;
    write_file("p.conf", "[a]\n");
    assert_int_equal(mkdir("conf.d", 0700), 0);
    write_file("conf.d/x.conf", "b = 1\n");
    assert_false(conf_read(&c, "p.conf", &e));
    assert_string_equal(e.text, "conf.d/x.conf:1: 'b = 1' stands before the first [section]");
}

static void
a_missing_file_is_said_with_the_way_out(void **state)
{
    own_conf struct conf c = {0};
    struct err e = {0};

    (void)state;
    assert_false(conf_read(&c, "p.conf", &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_string_equal(e.text, "there is no 'p.conf'; make one: pgcert setup, or by hand from the "
                                "sample in pgcert.conf(5)");
}

/* For the command that makes it. */
static void
what_stands_beside_a_missing_file_can_be_read(void **state)
{
    own_conf struct conf c = {0};
    own_conf struct conf none = {0};
    struct err e = {0};

    (void)state;
    assert_true(conf_read_beside(&none, "nowhere/p.conf", &e));
    assert_int_equal(none.section_count, 0);
    assert_int_equal(mkdir("conf.d", 0700), 0);
    write_file("conf.d/y.conf", "[a]\nb = 1\n");
    assert_true(conf_read_beside(&c, "p.conf", &e));
    assert_string_equal(conf_value_find(conf_find(&c, "a", ""), "b")->text, "1");
}

static void
a_file_that_is_too_large_is_refused(void **state)
{
    own_conf struct conf c = {0};
    struct err e = {0};

    (void)state;
    write_file("p.conf", "");
    assert_int_equal(truncate("p.conf", 1024 * 1024 + 1), 0);
    assert_false(conf_read(&c, "p.conf", &e));
    assert_int_equal(e.code, ERR_CONFIG);
}

static void
what_cannot_be_read_is_a_failure(void **state)
{
    own_conf struct conf c = {0};
    own_conf struct conf d = {0};
    struct err e = {0};

    (void)state;
    write_file("p.conf", "[a]\n");
    assert_int_equal(mkdir("conf.d", 0700), 0);
    assert_int_equal(symlink("nowhere", "conf.d/x.conf"), 0);
    assert_false(conf_read(&c, "p.conf", &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_false(conf_read(&d, "conf.d", &e)); /* a directory */
    assert_int_equal(e.code, ERR_CONFIG);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_and_settings_are_read_with_their_lines),
        cmocka_unit_test(an_empty_value_is_a_value),
        cmocka_unit_test(a_comment_ends_a_line_only_after_white_space),
        cmocka_unit_test(a_section_is_continued_and_a_setting_replaced),
        cmocka_unit_test(an_indented_line_continues_the_value),
        cmocka_unit_test(an_indented_setting_is_a_setting),
        cmocka_unit_test(separators_inside_a_value_stay),
        cmocka_unit_test(long_lines_and_names_are_read_whole),
        cmocka_unit_test(no_byte_is_lost_where_a_long_line_is_cut),
        cmocka_unit_test(what_is_no_setting_is_refused_with_file_and_line),
        cmocka_unit_test(what_is_no_section_is_refused),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(what_is_too_much_is_refused),
        cmocka_unit_test(a_file_in_the_manner_of_configobj_is_read),
        cmocka_unit_test(what_is_not_there_is_not_found),
        IN_DIRECTORY(files_are_read_in_order_of_name_and_the_last_wins),
        IN_DIRECTORY(a_setting_of_another_file_needs_its_own_section),
        IN_DIRECTORY(a_missing_file_is_said_with_the_way_out),
        IN_DIRECTORY(what_stands_beside_a_missing_file_can_be_read),
        IN_DIRECTORY(a_file_that_is_too_large_is_refused),
        IN_DIRECTORY(what_cannot_be_read_is_a_failure),
    };

    return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
