/* test_way.c: paths are walked as the kernel walks them, and whose they are is seen. */
#include "reload/way.h"

#include "base/str.h"
#include "reload/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534 /* Debian: in every base-passwd */

static char top[64]; /* in it: a/b/c, a/file, and links */

static const char *
at(const char *name)
{
    static char path[160];

    (void)snprintf(path, sizeof(path), "%s/%s", top, name);
    return path;
}

static int
make_tree(void **state)
{
    static const char *const links[][2] = {
        {"a/b", "relative"}, {"/", "root"},  {"loop", "loop"},    {"../..", "a/b/up"},
        {"c/../c", "a/b/d"}, {"gone", "no"}, {"a/file", "plain"}, {"relative/c", "twice"},
    };
    int fd = -1;

    (void)state;
    (void)strcpy(top, "/tmp/test_way.XXXXXX");
    assert_non_null(mkdtemp(top));
    assert_int_equal(chmod(top, 0755), 0);
    assert_int_equal(mkdir(at("a"), 0755), 0);
    assert_int_equal(mkdir(at("a/b"), 0755), 0);
    assert_int_equal(mkdir(at("a/b/c"), 0755), 0);
    fd = open(at("a/file"), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    for (size_t i = 0; i < COUNT(links); i++)
        assert_int_equal(symlink(links[i][0], at(links[i][1])), 0);
    return 0;
}

static int
remove_tree(void **state)
{
    static const char *const names[] = {"relative", "root",  "loop",  "a/b/up", "a/b/d",
                                        "no",       "plain", "twice", "a/file", "gone"};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        (void)unlink(at(names[i]));
    (void)rmdir(at("a/b/c"));
    (void)rmdir(at("a/b"));
    (void)rmdir(at("a"));
    return rmdir(top);
}

/* realpath(3) is the other opinion. */
static void
a_way_ends_where_the_kernel_says(void **state)
{
    static const char *const names[] = {"",         "a/b/c",   "a//b/./c/", "relative",
                                        "twice",    "a/b/d",   "a/b/up",    "relative/up/a/b/d/..",
                                        "root/tmp", "root/..", "a/../a/b"};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        own_way struct way w = {0};
        own_mem char *wanted = realpath(at(names[i]), NULL);
        struct stat s = {0};
        struct err e = {0};

        if (!way_find(&w, at(names[i]), &e))
            fail_msg("%s: %s", names[i], e.text);
        assert_string_equal(w.directory, wanted);
        assert_int_equal(stat(wanted, &s), 0);
        assert_int_equal(w.about.st_ino, s.st_ino);
    }
}

static void
a_way_that_leads_nowhere_is_told(void **state)
{
    static const struct {
        const char *name;
        enum err_code code;
    } cases[] = {{"loop", ERR_CONFIG},   {"no", ERR_CREATE},      {"a/missing/c", ERR_CREATE},
                 {"a/file", ERR_CONFIG}, {"plain/c", ERR_CONFIG}, {"a/file/..", ERR_CONFIG}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        own_way struct way w = {0};
        struct err e = {0};

        assert_false(way_find(&w, at(cases[i].name), &e));
        assert_int_equal(e.code, cases[i].code);
    }
}

/* The first on the way to a/b/c that is somebody's, below the top; NULL: nobody's but root's. */
static void
others_are(const char *wanted, const char *by)
{
    own_way struct way w = {0};
    struct err e = {0};

    assert_true(way_find(&w, at(by), &e));
    if (wanted == NULL)
        assert_null(w.others);
    else
        assert_string_equal(w.others, at(wanted));
}

static void
whoever_could_change_the_way_is_seen(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* nothing here would be root's */
    others_are(NULL, "a/b/c");
    others_are(NULL, "twice");
    assert_int_equal(chown(at("a/b/c"), NOBODY, NOBODY), 0);
    others_are(NULL, "a/b/c"); /* where it ends is another question */
    assert_int_equal(chown(at("a"), NOBODY, NOBODY), 0);
    others_are("a", "a/b/c");
    others_are(NULL, "a/.."); /* nobody was in it */
    assert_int_equal(chown(at("a"), 0, 0), 0);
    assert_int_equal(chmod(at("a/b"), 0775), 0);
    others_are("a/b", "a/b/c");
    assert_int_equal(chmod(at("a/b"), 01777), 0);
    others_are(NULL, "a/b/c");
    assert_int_equal(lchown(at("relative"), NOBODY, NOBODY), 0);
    others_are("relative", "relative/c");
    others_are("relative", "twice");
}

static void
root_believes_a_server_of_its_own_files_only(void **state)
{
    struct err e = {0};
    char file[160];

    (void)state;
    if (geteuid() != 0)
        skip(); /* who is not root may use what he can */
    (void)snprintf(file, sizeof(file), "%s", at("a/file"));
    assert_true(place_believe(file, 0, &e));
    assert_false(place_believe(file, NOBODY, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_int_equal(chown(at("a"), NOBODY, 0), 0); /* his directory */
    assert_true(place_believe(file, NOBODY, &e));
    assert_int_equal(chown(at("a"), 0, 0), 0);
    assert_int_equal(chown(file, 0, NOBODY), 0); /* root's file, for his group */
    assert_true(place_believe(file, NOBODY, &e));
    assert_false(place_believe(file, 1, &e));
    assert_false(place_believe(at("a/b"), NOBODY, &e)); /* no file */
    assert_false(place_believe(at("a/missing"), NOBODY, &e));
}

static void
open_all(void)
{
    static const struct {
        const char *name;
        enum err_code code;
    } cases[] = {{"", ERR_NONE},      {"a/b/c", ERR_NONE},      {"relative", ERR_BUSY},
                 {"twice", ERR_BUSY}, {"relative/c", ERR_BUSY}, {"a/file", ERR_BUSY},
                 {"loop", ERR_BUSY},  {"a/missing", ERR_SYSTEM}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        own_fd int fd = -1;
        struct stat s = {0}, wanted = {0};
        struct err e = {0};

        assert_int_equal(way_open(at(cases[i].name), &fd, &e), cases[i].code == ERR_NONE);
        assert_int_equal(e.code, cases[i].code);
        if (fd < 0)
            continue;
        assert_int_equal(fstat(fd, &s), 0);
        assert_int_equal(stat(at(cases[i].name), &wanted), 0);
        assert_int_equal(s.st_ino, wanted.st_ino);
        assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
}

static void
no_link_is_opened(void **state)
{
    own_fd int root = -1;
    struct err e = {0};

    (void)state;
    open_all();
    assert_true(way_open("/", &root, &e));
}

/* For good, so it is the last one. */
static void
nor_on_a_kernel_without_openat2(void **state)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = COUNT(code), .filter = code};

    (void)state;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        skip(); /* a kernel without filters */
    assert_int_equal(syscall(SYS_openat2, -1, NULL, NULL, 0), -1);
    assert_int_equal(errno, ENOSYS);
    no_link_is_opened(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_tree, remove_tree)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_way_ends_where_the_kernel_says),
        TEST(a_way_that_leads_nowhere_is_told),
        TEST(whoever_could_change_the_way_is_seen),
        TEST(root_believes_a_server_of_its_own_files_only),
        TEST(no_link_is_opened),
        TEST(nor_on_a_kernel_without_openat2),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
