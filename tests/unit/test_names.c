/* test_names.c: files with a name a line, also those that a tired person has written. */
#include "cli/names.h"

#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* All that was taken, as "NUMBER:NAME;" or "NUMBER!;" */
static bool
gather(void *context, size_t number, const char *name, struct err *wrong, struct err *e)
{
    char *text = context;
    size_t used = strlen(text);

    if (strcmp(name, "stop") == 0)
        return err_set(e, ERR_USAGE, "stopped");
    (void)snprintf(text + used, 4096 - used, wrong->code != ERR_NONE ? "%zu!;" : "%zu:%s;", number,
                   name);
    return true;
}

static void
each_line_is_a_name(void **state)
{
    static char long_line[5000];
    own_scratch struct scratch s = scratch_new();
    char got[4096] = "";
    struct err e = {0};

    (void)state;
    memset(long_line, 'x', sizeof(long_line) - 1);
    {
        FILE *out = fopen(scratch_path(&s, "names"), "we");

        assert_non_null(out);
        (void)fprintf(out, "alice\n\nZo\xc3\xab O'Hara\r\n%s\na%cb\n\r\n# one\nlast", long_line, 0);
        assert_int_equal(fclose(out), 0);
    }
    assert_true(names_read(scratch_path(&s, "names"), gather, got, &e));
    assert_string_equal(got, "1:alice;3:Zo\xc3\xab O'Hara;4!;5!;7:# one;8:last;");
}

static void
a_file_that_is_not_there_and_a_taker_that_has_enough_end_it(void **state)
{
    own_scratch struct scratch s = scratch_new();
    char got[4096] = "";
    struct err e = {0};

    (void)state;
    assert_false(names_read(scratch_path(&s, "names"), gather, got, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_false(names_read(s.path, gather, got, &e)); /* a directory */
    assert_int_equal(e.code, ERR_SYSTEM);
    scratch_write(&s, "names", "alice\nstop\nbob\n");
    assert_false(names_read(scratch_path(&s, "names"), gather, got, &e));
    assert_int_equal(e.code, ERR_USAGE);
    assert_string_equal(got, "1:alice;");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_is_a_name),
        cmocka_unit_test(a_file_that_is_not_there_and_a_taker_that_has_enough_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
