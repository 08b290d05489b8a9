/* test_file.c: files read bounded, replaced whole, locked. */
#include "base/file.h"

#include "tests/fake/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- read ---- */

static void
a_file_is_read_up_to_its_limit(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};
    own_str struct str out = {0};

    (void)state;
    scratch_write(&s, "f", "12345");
    assert_true(str_addf(&out, "before"));
    assert_true(file_read(AT_FDCWD, scratch_path(&s, "f"), 5, &out, &e));
    assert_string_equal(out.text, "before12345");
    assert_false(file_read(AT_FDCWD, scratch_path(&s, "f"), 4, &out, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.text, "larger than 4 bytes"));
}

static void
what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};
    own_str struct str out = {0};

    (void)state;
    assert_int_equal(mkfifo(scratch_path(&s, "fifo"), 0600), 0);
    assert_false(file_read(AT_FDCWD, scratch_path(&s, "fifo"), 10, &out, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_false(file_read(AT_FDCWD, s.path, 10, &out, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_false(file_read(AT_FDCWD, "/dev/null", 10, &out, &e));
    assert_int_equal(e.code, ERR_INPUT);
}

/* With a device that alone may have consequences. */
static void
what_is_no_regular_file_is_not_even_opened(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_fd int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    own_str struct str out = {0};
    struct err e = {0};
    char event[512];

    (void)state;
    assert_int_equal(mkfifo(scratch_path(&s, "fifo"), 0600), 0);
    scratch_write(&s, "f", "x");
    assert_true(inotify_add_watch(watch, s.path, IN_OPEN) >= 0);
    assert_false(file_read(AT_FDCWD, scratch_path(&s, "fifo"), 10, &out, &e));
    assert_int_equal(read(watch, event, sizeof(event)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(file_read(AT_FDCWD, scratch_path(&s, "f"), 10, &out, &e));
    assert_true(read(watch, event, sizeof(event)) > 0);
}

static void
a_file_that_does_not_exist_is_an_error_or_not_found(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};
    own_str struct str out = {0};
    bool found = true;

    (void)state;
    errno = 0;
    assert_false(file_read(AT_FDCWD, scratch_path(&s, "f"), 10, &out, &e));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_true(file_read_if_there(AT_FDCWD, scratch_path(&s, "f"), 10, &out, &found, &e));
    assert_false(found);
    scratch_write(&s, "f", "x");
    assert_true(file_read_if_there(AT_FDCWD, scratch_path(&s, "f"), 10, &out, &found, &e));
    assert_true(found);
    /* there, but no file: that is an error */
    assert_false(file_read_if_there(AT_FDCWD, s.path, 10, &out, &found, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_false(file_read_if_there(AT_FDCWD, scratch_path(&s, "f/x"), 10, &out, &found, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
}

static void
a_secret_must_not_be_readable_by_others(void **state)
{
    /* clang-format off */
    static const struct {
        mode_t mode;
        bool as_root, as_user; /* accepted when root, or another user, owns it */
    } rows[] = {
        {0600, true,  true},
        {0400, true,  true},
        {0640, true,  false},
        {0440, true,  false},
        {0660, false, false},
        {0644, false, false},
        {0604, false, false},
        {0602, false, false},
        {0620, false, false},
    };
    /* clang-format on */
    own_scratch struct scratch s = scratch_new();
    const char *path = scratch_path(&s, "f");
    bool root = geteuid() == 0;

    (void)state;
    scratch_write(&s, "f", "secret\n");
    for (int owner = 0; owner < 2; owner++) {
        if (owner == 1 && root)
            assert_int_equal(chown(path, 65534, 65534), 0);
        for (size_t i = 0; i < COUNT(rows); i++) {
            bool good = root && owner == 0 ? rows[i].as_root : rows[i].as_user;
            own_str struct str out = {0};
            struct err e = {0};

            assert_int_equal(chmod(path, rows[i].mode), 0);
            if (file_read_secret(path, 100, &out, &e) != good)
                fail_msg("mode %04o: %s", (unsigned)rows[i].mode, e.text);
            assert_int_equal(e.code, good ? ERR_NONE : ERR_PERMISSION);
        }
    }
}

static void
white_space_after_a_secret_is_cut_off(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text, *secret;
    } rows[] = {
        {"a b",         "a b"},
        {" a\n",        " a"},
        {"a \t\r\n\n",  "a"},
    };
    /* clang-format on */
    own_scratch struct scratch s = scratch_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str out = {0};
        struct err e = {0};

        scratch_write(&s, "f", rows[i].text);
        assert_int_equal(chmod(scratch_path(&s, "f"), 0600), 0);
        assert_true(file_read_secret(scratch_path(&s, "f"), 100, &out, &e));
        assert_string_equal(out.text, rows[i].secret);
    }
}

/* ---- replace, remove ---- */

static void
a_file_is_replaced_with_its_mode_and_nothing_is_left(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};
    struct stat before = {0}, after = {0};

    (void)state;
    assert_true(file_replace(AT_FDCWD, scratch_path(&s, "f"), "old", 3, 0640, &e));
    assert_int_equal(stat(scratch_path(&s, "f"), &before), 0);
    assert_int_equal(before.st_mode & 07777, 0640);
    assert_true(file_replace(AT_FDCWD, scratch_path(&s, "f"), "new!", 4, 0600, &e));
    assert_string_equal(scratch_read(&s, "f"), "new!");
    assert_int_equal(stat(scratch_path(&s, "f"), &after), 0);
    assert_int_equal(after.st_mode & 07777, 0600);
    assert_int_not_equal(before.st_ino,
                         after.st_ino); /* another file: whoever has the old one keeps it */
    assert_int_equal(scratch_count(&s, ""), 1);
}

static void
a_full_disk_leaves_the_old_file_and_no_other(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};
    char large[8192];
    bool good = false;

    (void)state;
    memset(large, 'x', sizeof(large));
    scratch_write(&s, "f", "old");
    scratch_fill_disk(4096);
    good = file_replace(AT_FDCWD, scratch_path(&s, "f"), large, sizeof(large), 0600, &e);
    scratch_fill_disk(-1);
    assert_false(good);
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_non_null(strstr(e.text, "File too large"));
    assert_string_equal(scratch_read(&s, "f"), "old");
    assert_int_equal(scratch_count(&s, ""), 1);
}

static void
a_file_that_cannot_be_made_or_named_is_an_error_of_its_own(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};

    (void)state;
    assert_false(file_replace(AT_FDCWD, scratch_path(&s, "none/f"), "x", 1, 0600, &e));
    assert_int_equal(e.code, ERR_CREATE);
    assert_int_equal(mkdir(scratch_path(&s, "d"), 0700), 0);
    assert_false(file_replace(AT_FDCWD, scratch_path(&s, "d"), "x", 1, 0600, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_int_equal(scratch_count(&s, ""), 1);
}

static void
what_a_killed_run_has_left_can_be_removed(void **state)
{
    own_scratch struct scratch s = scratch_new();

    (void)state;
    scratch_write(&s, "f", "");
    scratch_write(&s, "f.0123456789abcdef.tmp", "half");
    scratch_write(&s, ".tmp", "");
    scratch_write(&s, "f.tmpx", "");
    file_remove_temporaries(s.path);
    assert_false(scratch_has(&s, "f.0123456789abcdef.tmp"));
    assert_int_equal(scratch_count(&s, ""), 3);
    file_remove_temporaries("/nonexistent");
}

static void
a_name_is_taken_from_the_directory_given(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_fd int fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    own_str struct str out = {0};
    struct err e = {0};

    (void)state;
    assert_true(file_replace(fd, "f", "x", 1, 0600, &e));
    assert_true(file_read(fd, "f", 1, &out, &e));
    assert_string_equal(out.text, "x");
    assert_true(file_remove(fd, "f", &e));
    assert_true(file_remove(fd, "f", &e)); /* not there: not an error */
    assert_int_equal(scratch_count(&s, ""), 0);
    assert_int_equal(mkdir(scratch_path(&s, "d"), 0700), 0);
    assert_false(file_remove(fd, "d", &e));
    assert_int_equal(e.code, ERR_SYSTEM);
}

static void
directories_are_made_with_their_parents(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};
    struct stat made = {0};

    (void)state;
    assert_int_equal(chmod(s.path, 0750), 0);
    assert_true(file_make_directory(scratch_path(&s, "a/b/c"), 0700, &e));
    assert_true(file_make_directory(scratch_path(&s, "a/b/c/"), 0711, &e));
    assert_int_equal(stat(scratch_path(&s, "a/b"), &made), 0);
    assert_int_equal(made.st_mode & 07777, 0700);
    assert_int_equal(stat(s.path, &made), 0);
    assert_int_equal(made.st_mode & 07777, 0750); /* left as it was */
    scratch_write(&s, "f", "");
    assert_false(file_make_directory(scratch_path(&s, "f/a"), 0700, &e));
    assert_int_equal(e.code, ERR_CREATE);
}

/* ---- write, lock ---- */

static void
a_write_that_fails_says_so(void **state)
{
    own_fd int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    if (full < 0)
        skip();
    assert_false(file_write_all(full, "x", 1));
    assert_int_equal(errno, ENOSPC);
    assert_true(file_write_all(full, NULL, 0));
}

/* In another process: may it have the lock now? */
static enum err_code
lock_of_another(const char *path)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct err e = {0};
        int fd = -1;

        (void)!file_lock(path, 0, &fd, &e);
        _exit((int)e.code);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return (enum err_code)WEXITSTATUS(status);
}

static void
a_lock_has_one_holder_until_it_is_closed(void **state)
{
    own_scratch struct scratch s = scratch_new();
    const char *path = scratch_path(&s, "lock");
    struct err e = {0};
    int fd = -1, second = -1;

    (void)state;
    assert_true(file_lock(path, 0, &fd, &e));
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(lock_of_another(path), ERR_BUSY);
    assert_false(file_lock(path, 1, &second, &e));
    assert_int_equal(e.code, ERR_BUSY);
    assert_int_equal(second, -1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(lock_of_another(path), ERR_NONE);
}

static void
a_lock_that_cannot_be_made_is_not_a_busy_one(void **state)
{
    own_scratch struct scratch s = scratch_new();
    struct err e = {0};
    int fd = -1;

    (void)state;
    assert_false(file_lock(scratch_path(&s, "none/lock"), 0, &fd, &e));
    assert_int_equal(e.code, ERR_CREATE);
    assert_int_equal(symlink("/dev/null", scratch_path(&s, "lock")), 0);
    assert_false(file_lock(scratch_path(&s, "lock"), 0, &fd, &e));
    assert_int_equal(e.code, ERR_CREATE);
}

/* ---- list ---- */

static bool
is_even(const char *name)
{
    return (name[0] - '0') % 2 == 0;
}

static void
a_directory_is_listed_in_order_and_one_that_is_not_there_is_empty(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_list struct list all = {0};
    own_list struct list some = {0};
    struct err e = {0};

    (void)state;
    assert_true(list_add(&some, "9, which was there"));
    for (int i = 4; i > 0; i--)
        scratch_write(&s, (const char[2]){(char)('0' + i), '\0'}, "");
    assert_true(file_list(s.path, NULL, &all, &e));
    assert_int_equal(all.count, 4);
    assert_string_equal(all.items[0], "1");
    assert_string_equal(all.items[3], "4");
    assert_true(file_list(s.path, is_even, &some, &e));
    assert_int_equal(some.count, 3);
    assert_string_equal(some.items[0], "9, which was there");
    assert_string_equal(some.items[1], "2");
    assert_string_equal(some.items[2], "4");
    assert_true(file_list(scratch_path(&s, "none"), NULL, &all, &e));
    assert_int_equal(all.count, 4);
    assert_false(file_list(scratch_path(&s, "1"), NULL, &all, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_up_to_its_limit),
        cmocka_unit_test(what_is_no_regular_file_is_refused_without_waiting),
        cmocka_unit_test(what_is_no_regular_file_is_not_even_opened),
        cmocka_unit_test(a_file_that_does_not_exist_is_an_error_or_not_found),
        cmocka_unit_test(a_secret_must_not_be_readable_by_others),
        cmocka_unit_test(white_space_after_a_secret_is_cut_off),
        cmocka_unit_test(a_file_is_replaced_with_its_mode_and_nothing_is_left),
        cmocka_unit_test(a_full_disk_leaves_the_old_file_and_no_other),
        cmocka_unit_test(a_file_that_cannot_be_made_or_named_is_an_error_of_its_own),
        cmocka_unit_test(what_a_killed_run_has_left_can_be_removed),
        cmocka_unit_test(a_name_is_taken_from_the_directory_given),
        cmocka_unit_test(directories_are_made_with_their_parents),
        cmocka_unit_test(a_write_that_fails_says_so),
        cmocka_unit_test(a_directory_is_listed_in_order_and_one_that_is_not_there_is_empty),
        cmocka_unit_test(a_lock_has_one_holder_until_it_is_closed),
        cmocka_unit_test(a_lock_that_cannot_be_made_is_not_a_busy_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
