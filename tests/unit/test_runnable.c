/* test_runnable.c: which programs are trusted. */
#include "base/runnable.h"

#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void
a_program_that_others_can_change_is_refused(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_mem char *resolved = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(mkdir(scratch_path(&s, "bin"), 0755), 0);
    scratch_write(&s, "bin/hook", "#!/bin/sh\n");
    assert_int_equal(chmod(scratch_path(&s, "bin/hook"), 0755), 0);
    assert_int_equal(symlink("bin/hook", scratch_path(&s, "link")), 0);
    assert_true(runnable_check(scratch_path(&s, "link"), geteuid(), &resolved, &e));
    assert_non_null(strstr(resolved, "/bin/hook"));
    assert_int_equal(chmod(scratch_path(&s, "bin/hook"), 0775), 0);
    assert_false(runnable_check(scratch_path(&s, "link"), geteuid(), &resolved, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_non_null(strstr(e.text, "/bin/hook', so that it is not run; try: chown root"));
    assert_int_equal(chmod(scratch_path(&s, "bin/hook"), 0755), 0);
    assert_int_equal(chmod(scratch_path(&s, "bin"), 0777), 0);
    assert_false(runnable_check(scratch_path(&s, "bin/hook"), geteuid(), &resolved, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_non_null(strstr(e.text, "/bin', so that it is not run"));
    assert_int_equal(chmod(scratch_path(&s, "bin"), 01777), 0);
    free(resolved);
    assert_true(runnable_check(scratch_path(&s, "bin/hook"), geteuid(), &resolved, &e));
    if (geteuid() != 0)
        return;
    assert_int_equal(chown(scratch_path(&s, "bin/hook"), 65534, 0), 0);
    assert_false(runnable_check(scratch_path(&s, "bin/hook"), geteuid(), &resolved, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
}

static void
what_is_no_program_is_told(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_mem char *resolved = NULL;
    struct err e = {0};

    (void)state;
    assert_false(runnable_check(scratch_path(&s, "none"), geteuid(), &resolved, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_false(runnable_check(scratch_path(&s, "none/hook"), geteuid(), &resolved, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_false(runnable_check(s.path, geteuid(), &resolved, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_false(runnable_check("credential:hook", geteuid(), &resolved, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_null(resolved);
}

/* What is run as somebody else may be his, and must not be ours unless we are root. */
static void
the_user_who_runs_it_may_own_it(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_mem char *resolved = NULL;
    struct err e = {0};

    (void)state;
    if (geteuid() != 0)
        skip();
    scratch_write(&s, "hook", "#!/bin/sh\n");
    assert_int_equal(chown(s.path, 65534, 0), 0);
    assert_int_equal(chown(scratch_path(&s, "hook"), 65534, 0), 0);
    assert_true(runnable_check(scratch_path(&s, "hook"), 65534, &resolved, &e));
    assert_int_equal(chown(scratch_path(&s, "hook"), 65533, 0), 0);
    free(TAKE(resolved));
    assert_false(runnable_check(scratch_path(&s, "hook"), 65534, &resolved, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
}

/* The link is good today; whose it is has it lead elsewhere tomorrow. */
static void
a_link_of_somebody_else_is_not_followed(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_mem char *resolved = NULL;
    struct err e = {0};

    (void)state;
    if (geteuid() != 0)
        skip();
    scratch_write(&s, "hook", "#!/bin/sh\n");
    assert_int_equal(chmod(scratch_path(&s, "hook"), 0755), 0);
    assert_int_equal(mkdir(scratch_path(&s, "his"), 0755), 0);
    assert_int_equal(symlink("../hook", scratch_path(&s, "his/link")), 0);
    assert_int_equal(symlink("his/link", scratch_path(&s, "ours")), 0);
    assert_true(runnable_check(scratch_path(&s, "ours"), 0, &resolved, &e));
    free(TAKE(resolved));
    /* the link, in a directory where only who made it can change it */
    assert_int_equal(lchown(scratch_path(&s, "his/link"), 65534, 0), 0);
    assert_false(runnable_check(scratch_path(&s, "his/link"), 0, &resolved, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_non_null(strstr(e.text, "/his/link' belongs to user 65534"));
    assert_false(runnable_check(scratch_path(&s, "ours"), 0, &resolved, &e));
    assert_true(runnable_check(scratch_path(&s, "ours"), 65534, &resolved, &e));
    free(TAKE(resolved));
    /* the directory in which a link of root's stands */
    assert_int_equal(lchown(scratch_path(&s, "his/link"), 0, 0), 0);
    assert_int_equal(chown(scratch_path(&s, "his"), 65534, 0), 0);
    assert_false(runnable_check(scratch_path(&s, "his/link"), 0, &resolved, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_false(runnable_check(scratch_path(&s, "ours"), 0, &resolved, &e));
    assert_false(runnable_check(scratch_path(&s, "his/../hook"), 0, &resolved, &e));
    assert_null(resolved);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_that_others_can_change_is_refused),
        cmocka_unit_test(what_is_no_program_is_told),
        cmocka_unit_test(the_user_who_runs_it_may_own_it),
        cmocka_unit_test(a_link_of_somebody_else_is_not_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
