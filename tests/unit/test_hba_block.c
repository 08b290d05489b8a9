/* test_hba_block.c: the block in files as administrators leave them. */
#include "reload/hba_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define B HBA_BLOCK_BEGIN "\n"
#define E HBA_BLOCK_END "\n"
#define WHOLE(lines) B HBA_BLOCK_NOTE "\n" lines E

static void
the_block_is_found_or_what_is_wrong_with_it(void **state)
{
    static const struct {
        const char *text;
        size_t start, end;
        const char *wrong; /* NULL: nothing */
    } rows[] = {
        {"", 0, 0, NULL},
        {"local all all peer\n", 0, 0, NULL},
        {B E, 0, sizeof(B E) - 1, NULL},
        {"x\n" B "a\nb\n" E "y", 2, 2 + sizeof(B "a\nb\n" E) - 1, NULL},
        {B "a\n" HBA_BLOCK_END, 0, sizeof(B "a\n" HBA_BLOCK_END) - 1, NULL},
        {" \t" HBA_BLOCK_BEGIN " \r\n" E, 0, sizeof(" \t" HBA_BLOCK_BEGIN " \r\n" E) - 1, NULL},
        {"#" HBA_BLOCK_BEGIN "\nhost " HBA_BLOCK_END "\n# end\n", 0, 0, NULL},
        {HBA_BLOCK_BEGIN "s\n", 0, 0, NULL},
        {B "a\n", 0, 0, "line 1: a '" HBA_BLOCK_BEGIN "' without its end"},
        {"\n" HBA_BLOCK_BEGIN, 0, 0, "line 2: a '" HBA_BLOCK_BEGIN "' without its end"},
        {"a\n" E, 0, 0, "line 2: an '" HBA_BLOCK_END "' without its beginning"},
        {B E E, 0, 0, "line 3: an '" HBA_BLOCK_END "' without its beginning"},
        {B B E, 0, 0, "line 2: a second '" HBA_BLOCK_BEGIN "'"},
        {B E "\n" B E, 0, 0, "line 4: a second '" HBA_BLOCK_BEGIN "'"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hba_block b = {7, 7};
        struct err e = {0};
        bool found = hba_block_find(&b, rows[i].text, strlen(rows[i].text), &e);

        assert_int_equal(found, rows[i].wrong == NULL);
        assert_int_equal(e.code, found ? ERR_NONE : ERR_CONFIG);
        if (rows[i].wrong == NULL) {
            assert_int_equal(b.start, rows[i].start);
            assert_int_equal(b.end, rows[i].end);
        } else {
            assert_int_equal(strncmp(e.text, rows[i].wrong, strlen(rows[i].wrong)), 0);
            assert_int_equal(b.start, 7); /* results are written on success only */
        }
    }
}

static void
becomes(const char *before, size_t size, const char *lines, const char *after, size_t after_size)
{
    own_str struct str file = {0};
    own_str struct str added = {0};
    own_str struct str out = {0};
    struct err e = {0};

    assert_true(str_add(&file, before, size) && str_addf(&added, "%s", lines));
    if (!hba_block_replace(&file, &added, &out, &e))
        fail_msg("%s", e.text);
    assert_int_equal(out.size, after_size);
    assert_memory_equal(out.size == 0 ? "" : out.text, after, after_size);
}

/* The block goes to the top, wherever it was, and no other byte changes: there and back. */
static void
all_but_the_block_stays_byte_by_byte(void **state)
{
    static const struct {
        const char *rest;
        size_t size;
    } rows[] = {
        {"", 0}, {"\n", 1}, {"host a b c d", 12}, {"a \\\r\n\r\n# end\n", 13}, {"\0\xff\n\0", 4},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str with = {0};
        own_str struct str below = {0};
        own_str struct str mine = {0};

        assert_true(str_addf(&with, "%s", WHOLE("one\ntwo\n")));
        assert_true(str_add(&with, rows[i].rest, rows[i].size));
        becomes(rows[i].rest, rows[i].size, "one\ntwo\n", with.text, with.size);
        becomes(with.text, with.size, "one\ntwo\n", with.text, with.size);
        becomes(with.text, with.size, "", rows[i].rest, rows[i].size);
        assert_true(str_addf(&below, "# mine\n%s", WHOLE("old\n")));
        assert_true(str_add(&below, rows[i].rest, rows[i].size));
        assert_true(str_addf(&mine, "# mine\n") && str_add(&mine, rows[i].rest, rows[i].size));
        becomes(below.text, below.size, "", mine.text, mine.size);
    }
}

static void
a_damaged_file_is_not_made_anew(void **state)
{
    struct str file = {.text = (char[]){B}, .size = strlen(B)};
    struct str lines = {.text = (char[]){"x\n"}, .size = 2};
    own_str struct str out = {0};
    own_list struct list sources = {0};
    struct err e = {0};

    (void)state;
    assert_false(hba_block_replace(&file, &lines, &out, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_int_equal(out.size, 0);
    assert_false(hba_block_sources(&file, &sources, &e));
    assert_int_equal(e.code, ERR_CONFIG);
}

static void
where_clients_come_from_is_read_in_the_block_only(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        const char *last;
        enum err_code code;
    } rows[] = {
        {HBA_BLOCK_FROM " all\n", 0, NULL, ERR_NONE},
        {B HBA_BLOCK_FROM " all\n" E, 1, "all", ERR_NONE},
        {B HBA_BLOCK_FROM " 192.0.2.7 samenet \r\n" E, 2, "samenet", ERR_NONE},
        {B HBA_BLOCK_FROM "\n" E, 0, NULL, ERR_NONE},
        {B HBA_BLOCK_FROM " all\nhost\n" HBA_BLOCK_END, 1, "all", ERR_NONE},
        {B HBA_BLOCK_FROM " all reject\n" E, 0, NULL, ERR_CONFIG},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str file = {0};
        own_list struct list sources = {0};
        struct err e = {0};

        assert_true(str_addf(&file, "%s", rows[i].text));
        assert_int_equal(hba_block_sources(&file, &sources, &e), rows[i].code == ERR_NONE);
        assert_int_equal(e.code, rows[i].code);
        if (e.code == ERR_NONE)
            assert_int_equal(sources.count, rows[i].count);
        if (rows[i].last != NULL)
            assert_string_equal(sources.items[sources.count - 1], rows[i].last);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_is_found_or_what_is_wrong_with_it),
        cmocka_unit_test(all_but_the_block_stays_byte_by_byte),
        cmocka_unit_test(a_damaged_file_is_not_made_anew),
        cmocka_unit_test(where_clients_come_from_is_read_in_the_block_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
