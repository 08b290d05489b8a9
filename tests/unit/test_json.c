/* test_json.c: JSON that is accepted and refused (RFC 8259), and files of it. */
#include "base/json.h"

#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
is_refused(const char *text, size_t size)
{
    struct err e = {0};
    own_json struct json_t *object = json_decode(text, size, &e);

    if (object != NULL)
        fail_msg("'%.40s' was accepted", text);
    assert_int_equal(e.code, ERR_PROTOCOL);
    assert_true(strlen(e.text) > 0);
}

static void
what_is_not_one_json_object_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "{}x",
        "[]",
        "\"text\"",
        "1",
        "null",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":}",
        "{\"a\":01}",
        "{\"a\":\"\n\"}",
        "<html>",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\xc0\xaf\"}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        is_refused(rows[i], strlen(rows[i]));
    is_refused(NULL, 0);
    is_refused("{}\0", 3);
}

/* {"a":[[[...]]]} so many levels deep */
static char *
nested(size_t depth)
{
    struct str s = {0};

    assert_true(str_addf(&s, "{\"a\":"));
    for (size_t i = 1; i < depth; i++)
        assert_true(str_add(&s, "[", 1));
    for (size_t i = 1; i < depth; i++)
        assert_true(str_add(&s, "]", 1));
    assert_true(str_add(&s, "}", 1));
    return str_take(&s);
}

static void
nesting_is_bounded_at_64(void **state)
{
    own_mem char *deep = nested(64);
    own_mem char *deeper = nested(65);
    /* brackets in a text are no nesting, also behind an escaped quote */
    own_mem char *text = str_format("{\"a\":\"\\\"%s\"}", deeper + 5);
    struct err e = {0};
    own_json struct json_t *object = NULL;

    (void)state;
    object = json_decode(deep, strlen(deep), &e);
    assert_non_null(object);
    is_refused(deeper, strlen(deeper));
    json_drop(&object);
    object = json_decode(text, strlen(text), &e);
    assert_non_null(object);
}

static void
arrays_and_objects_are_bounded_at_20000(void **state)
{
    (void)state;
    for (size_t count = 19998; count <= 19999; count++) {
        own_str struct str text = {0};
        own_json struct json_t *object = NULL;
        struct err e = {0};

        /* the object and its array are two more */
        assert_true(str_addf(&text, "{\"a\":["));
        for (size_t i = 0; i < count; i++)
            assert_true(str_addf(&text, "%s%s", i > 0 ? "," : "", i % 2 == 0 ? "{}" : "[]"));
        assert_true(str_addf(&text, ",\"{[{[\"]}"));
        object = json_decode(text.text, text.size, &e);
        assert_int_equal(object != NULL, count == 19998);
    }
}

static void
size_is_bounded_at_1_mib(void **state)
{
    size_t most = 1024 * 1024;
    own_mem char *text = malloc(most + 1);
    struct err e = {0};
    own_json struct json_t *object = NULL;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', most + 1);
    text[0] = '{';
    text[most - 1] = '}';
    object = json_decode(text, most, &e);
    assert_non_null(object);
    is_refused(text, most + 1);
}

static void
members_of_another_type_are_not_there(void **state)
{
    static const char text[] = "{\"t\":\"x\",\"n\":5000000000,\"b\":true,\"f\":false,\"z\":null,"
                               "\"a\":[\"p\",1],\"o\":{\"k\":\"v\"}}";
    struct err e = {0};
    own_json struct json_t *o = json_decode(text, strlen(text), &e);

    (void)state;
    assert_string_equal(json_member_text(o, "t"), "x");
    assert_null(json_member_text(o, "n"));
    assert_null(json_member_text(o, "z"));
    assert_null(json_member_text(o, "none"));
    assert_null(json_member_text(NULL, "t"));
    assert_int_equal(json_member_int(o, "n"), 5000000000);
    assert_int_equal(json_member_int(o, "t"), 0);
    assert_true(json_member_true(o, "b"));
    assert_false(json_member_true(o, "f"));
    assert_false(json_member_true(o, "t"));
    assert_int_equal(json_count(json_member(o, "a")), 2);
    assert_int_equal(json_count(json_member(o, "o")), 0);
    assert_int_equal(json_count(NULL), 0);
    assert_string_equal(json_item_text(json_member(o, "a"), 0), "p");
    assert_null(json_item_text(json_member(o, "a"), 1));
    assert_null(json_item(json_member(o, "a"), 2));
    assert_string_equal(json_member_text(json_member(o, "o"), "k"), "v");
}

static struct json_t *
example(void)
{
    own_list struct list names = {0};
    struct json_t *o = json_new_object();

    assert_true(list_add_words(&names, "b a"));
    json_put_text(o, "z", "first");
    json_put_text(o, "quote", "\"\\\n");
    json_put_text(o, "none", NULL);
    json_put_text(o, "latin1", "b\xfc");
    json_put_int(o, "n", -1);
    json_put_bool(o, "yes", true);
    json_put_list(o, "names", &names);
    json_put_time(o, "at", 1795316400);
    json_put_time(o, "never", 0);
    json_put_int(o, "gone", 1);
    json_delete_member(o, "gone");
    return o;
}

#define EXAMPLE                                                                                    \
    "{\"z\":\"first\",\"quote\":\"\\\"\\\\\\n\",\"none\":null,\"latin1\":\"b?\",\"n\":-1,"         \
    "\"yes\":true,\"names\":[\"b\",\"a\"],\"at\":\"2026-11-22T03:00:00Z\",\"never\":null}"

static void
members_are_written_in_the_order_they_were_put(void **state)
{
    own_json struct json_t *o = example();
    own_mem char *text = json_encode(o);

    (void)state;
    assert_string_equal(text, EXAMPLE);
}

static void
every_member_is_visited_once(void **state)
{
    own_json struct json_t *o = example();
    own_str struct str seen = {0};
    void *cursor = NULL;
    const char *key = NULL;
    const struct json_t *value = NULL;

    (void)state;
    while (json_each(o, &cursor, &key, &value)) {
        assert_ptr_equal(value, json_member(o, key));
        assert_true(str_addf(&seen, "%s ", key));
    }
    assert_string_equal(seen.text, "z quote none latin1 n yes names at never ");
}

static void
a_file_comes_back_as_it_was_saved(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};
    own_json struct json_t *o = example();
    own_json struct json_t *back = NULL;
    own_mem char *text = NULL;

    (void)state;
    assert_true(json_save(o, scratch_path(&s, "f.json"), &e));
    back = json_load(scratch_path(&s, "f.json"), &e);
    text = json_encode(back);
    assert_string_equal(text, EXAMPLE);
    assert_int_equal(scratch_count(&s, ""), 1);
}

static void
a_missing_file_is_an_empty_object_and_a_damaged_one_an_error(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};
    own_json struct json_t *o = json_load(scratch_path(&s, "none.json"), &e);
    own_mem char *text = json_encode(o);

    (void)state;
    assert_string_equal(text, "{}");
    scratch_write(&s, "f.json", "{\"a\":");
    assert_null(json_load(scratch_path(&s, "f.json"), &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.text, "f.json': not JSON"));
    assert_null(json_load(s.path, &e)); /* a directory */
    assert_int_equal(e.code, ERR_INPUT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_one_json_object_is_refused),
        cmocka_unit_test(nesting_is_bounded_at_64),
        cmocka_unit_test(arrays_and_objects_are_bounded_at_20000),
        cmocka_unit_test(size_is_bounded_at_1_mib),
        cmocka_unit_test(members_of_another_type_are_not_there),
        cmocka_unit_test(members_are_written_in_the_order_they_were_put),
        cmocka_unit_test(every_member_is_visited_once),
        cmocka_unit_test(a_file_comes_back_as_it_was_saved),
        cmocka_unit_test(a_missing_file_is_an_empty_object_and_a_damaged_one_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
