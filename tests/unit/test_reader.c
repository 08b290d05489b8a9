/* test_reader.c: whose rights count on the way to a file. As root; others are themselves always. */
#include "base/reader.h"

#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SOMEBODY 65534

/* A tree below a scratch directory, which is 0700 and root's, in /tmp, which is everybody's. */
static void
make_tree(struct scratch *s)
{
    static const char *const directories[] = {"ours", "theirs", "shared", "sticky", "sticky/ours"};
    static const struct {
        const char *target, *link;
    } links[] = {
        {"../theirs/file", "ours/to-theirs"}, {"../ours/file", "theirs/to-ours"},
        {"../ours/file", "ours/around"},      {"circle", "ours/circle"},
        {"/etc/passwd", "ours/absolute"},     {"../ours", "sticky/link"},
    };

    for (size_t i = 0; i < COUNT(directories); i++)
        assert_int_equal(mkdir(scratch_path(s, directories[i]), 0755), 0);
    for (size_t i = 0; i < COUNT(links); i++)
        assert_int_equal(symlink(links[i].target, scratch_path(s, links[i].link)), 0);
    scratch_write(s, "ours/file", "ours");
    scratch_write(s, "ours/his", "his");
    scratch_write(s, "theirs/file", "theirs");
    scratch_write(s, "shared/file", "shared");
    scratch_write(s, "sticky/file", "sticky");
    scratch_write(s, "sticky/ours/file", "ours");
    assert_int_equal(chmod(scratch_path(s, "shared"), 0775), 0);
    assert_int_equal(chmod(scratch_path(s, "sticky"), 01777), 0);
    assert_int_equal(chmod(s->path, 0755), 0);
    assert_int_equal(chmod(scratch_path(s, "ours/file"), 0600), 0);
    assert_int_equal(chmod(scratch_path(s, "ours/his"), 0600), 0);
    assert_int_equal(chown(scratch_path(s, "ours/his"), SOMEBODY, SOMEBODY), 0);
    assert_int_equal(chown(scratch_path(s, "theirs"), SOMEBODY, SOMEBODY), 0);
    assert_int_equal(lchown(scratch_path(s, "theirs/to-ours"), SOMEBODY, SOMEBODY), 0);
}

static void
the_first_who_is_not_root_decides(void **state)
{
    /* clang-format off */
    static const struct {
        const char *path;
        int user;        /* -1: nobody does */
        const char *why;
    } rows[] = {
        {"ours/file",             0,        NULL},
        {"ours/around",           0,        NULL},
        {"ours/absolute",         0,        NULL},
        {"ours/../ours/./file",   0,        NULL},
        {"ours//file",            0,        NULL},
        {"ours",                  0,        NULL},
        {"ours/his",              SOMEBODY, NULL},
        {"ours/to-theirs",        SOMEBODY, NULL}, /* the file is root's, the directory is not */
        {"theirs/file",           SOMEBODY, NULL},
        {"theirs/to-ours",        SOMEBODY, NULL},
        {"theirs/../ours/file",   SOMEBODY, NULL},
        {"theirs/none",           SOMEBODY, NULL},
        {"sticky/ours/file",      0,        NULL},
        {"sticky/file",           -1,       "chmod go-w"},
        {"sticky/link/file",      -1,       "chmod go-w"},
        {"shared/file",           -1,       "chmod go-w"},
        {"ours/circle",           -1,       "circles"},
        {"ours/none",             -1,       "No such file"},
    };
    /* clang-format on */
    own_scratch struct scratch s = scratch_new();

    (void)state;
    if (geteuid() != 0)
        skip();
    make_tree(&s);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        uid_t user = 1;
        bool good = reader_find(scratch_path(&s, rows[i].path), &user, &e);

        if (good != (rows[i].user >= 0) || (good && user != (uid_t)rows[i].user) ||
            (!good && strstr(e.text, rows[i].why) == NULL))
            fail_msg("'%s': user %u: %s", rows[i].path, (unsigned)user, e.text);
    }
}

static void
is_read(struct scratch *s, const char *told_by, const char *path, const char *text, const char *why)
{
    own_str struct str out = {0};
    struct err e = {0};
    bool good = reader_read(scratch_path(s, told_by), scratch_path(s, path), 100, &out, &e);

    if (text != NULL && (!good || strcmp(out.text, text) != 0))
        fail_msg("'%s' by '%s': %s", path, told_by, e.text);
    if (text == NULL && (good || strstr(e.text, why) == NULL))
        fail_msg("'%s' by '%s': \"%s\" does not say \"%s\"", path, told_by, e.text, why);
}

static void
a_file_is_read_with_his_rights_only(void **state)
{
    own_scratch struct scratch s = scratch_new();

    (void)state;
    if (geteuid() != 0)
        skip();
    make_tree(&s);
    is_read(&s, "ours", "ours/file", "ours", NULL);
    is_read(&s, "ours", "ours/his", "his", NULL);
    is_read(&s, "ours", "theirs/to-ours", NULL, "as user 65534");
    is_read(&s, "theirs", "ours/file", NULL, "as user 65534");
    is_read(&s, "theirs", "ours/his", "his", NULL);
    is_read(&s, "ours", "ours", NULL, "not a regular file");
}

static void
a_path_that_is_too_long_is_refused(void **state)
{
    char path[5000];
    struct err e = {0};
    uid_t user = 0;

    (void)state;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_false(reader_find(path, &user, &e));
    assert_int_equal(e.code, ERR_INPUT);
    path[300] = '\0';
    assert_false(reader_find(path, &user, &e));
    assert_int_equal(e.code, ERR_INPUT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_who_is_not_root_decides),
        cmocka_unit_test(a_file_is_read_with_his_rights_only),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
