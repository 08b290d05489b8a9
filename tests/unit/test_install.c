/* test_install.c: the write protocol in a directory of its own, and, where we are root, of others.
 */
#include "reload/install.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534 /* Debian: in every base-passwd */

static char directory[64];
static char path[96];

static int
make_directory(void **state)
{
    (void)state;
    (void)strcpy(directory, "/tmp/test_install.XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/p.pem", directory);
    return 0;
}

/* Removes all that is in it; nothing below it is a directory. */
static int
remove_directory(void **state)
{
    DIR *d = opendir(directory);
    const struct dirent *entry = NULL;

    (void)state;
    for (entry = readdir(d); entry != NULL; entry = readdir(d))
        (void)unlinkat(dirfd(d), entry->d_name, 0);
    (void)closedir(d);
    return rmdir(directory);
}

static size_t
count_files(void)
{
    DIR *d = opendir(directory);
    const struct dirent *entry = NULL;
    size_t count = 0;

    for (entry = readdir(d); entry != NULL; entry = readdir(d))
        count += entry->d_name[0] != '.';
    (void)closedir(d);
    return count;
}

/* A file with that ending holds that text; NULL: there is none. */
static void
holds(const char *ending, const char *wanted)
{
    struct str text = {0};
    struct err e = {0};
    bool found = false;

    assert_true(install_read(path, ending, &text, &found, &e));
    assert_int_equal(found, wanted != NULL);
    if (wanted != NULL)
        assert_string_equal(text.text == NULL ? "" : text.text, wanted);
    str_done(&text);
}

static struct install
place(void)
{
    return (struct install){.path = path, .secret = true, .reader = geteuid(), .group = getegid()};
}

static void
put(const char *text, bool keep)
{
    struct install i = place();
    struct str bytes = {0};
    struct err e = {0};

    assert_true(str_addf(&bytes, "%s", text));
    if (!install_write(&i, &bytes, keep, &e))
        fail_msg("%s", e.text);
    str_done(&bytes);
}

static enum err_code
put_fails(const struct install *i)
{
    struct str bytes = {0};
    struct err e = {0};

    assert_true(str_addf(&bytes, "new"));
    assert_false(install_write(i, &bytes, true, &e));
    str_done(&bytes);
    return e.code;
}

static void
a_file_is_made_for_its_owner_alone(void **state)
{
    struct stat s = {0};

    (void)state;
    put("one", true);
    holds("", "one");
    holds(INSTALL_PREVIOUS, NULL);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 07777, 0600);
    assert_int_equal(count_files(), 1);
}

static void
what_was_there_is_kept_and_put_back(void **state)
{
    struct install i = place();
    struct err e = {0};

    (void)state;
    put("one", true);
    put("two", true);
    holds("", "two");
    holds(INSTALL_PREVIOUS, "one");
    put("three", true);
    holds(INSTALL_PREVIOUS, "two");
    assert_true(install_restore(&i, &e));
    holds("", "two");
    holds(INSTALL_PREVIOUS, "two");
    assert_true(install_restore(&i, &e)); /* once more is no different */
    holds("", "two");
    assert_int_equal(count_files(), 2);
}

static void
what_is_not_worth_keeping_does_not_replace_what_was_kept(void **state)
{
    (void)state;
    put("one", true);
    put("garbage", true);
    put("two", false);
    holds("", "two");
    holds(INSTALL_PREVIOUS, "one");
}

static void
restoring_nothing_fails_and_removing_nothing_does_not(void **state)
{
    struct install i = place();
    struct err e = {0};

    (void)state;
    assert_false(install_restore(&i, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_true(install_remove(&i, &e));
    put("one", true);
    assert_true(install_remove(&i, &e));
    assert_int_equal(count_files(), 0);
}

static void
leftovers_of_killed_runs_are_removed_and_nothing_else(void **state)
{
    static const char *const names[] = {"p.pem.new-0123456789abcdef", "p.pem.new-0123456789abcde",
                                        "p.pem.new-0123456789ABCDEF", "q.pem.new-0123456789abcdef",
                                        "p.pem.new-0123456789abcdef0"};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char name[160];
        int fd = -1;

        (void)snprintf(name, sizeof(name), "%s/%s", directory, names[i]);
        fd = open(name, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        (void)close(fd);
    }
    put("one", true);
    assert_int_equal(count_files(), COUNT(names)); /* one went, p.pem came */
}

static void
what_is_no_regular_file_is_left_alone(void **state)
{
    struct install i = place();
    struct str text = {0};
    struct err e = {0};
    bool found = false;

    (void)state;
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_int_equal(put_fails(&i), ERR_CONFIG);
    assert_false(install_read(path, "", &text, &found, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(put_fails(&i), ERR_CONFIG);
    assert_false(install_read(path, "", &text, &found, &e)); /* and nobody waits for a writer */
}

static void
a_place_that_cannot_be_is_told(void **state)
{
    static const struct {
        const char *path;
        enum err_code code;
    } cases[] = {
        {"relative.pem", ERR_CONFIG},
        {"/tmp/", ERR_CONFIG},
        {"/nonexistent/directory/p.pem", ERR_CREATE},
    };

    (void)state;
    for (size_t n = 0; n < COUNT(cases); n++) {
        struct install i = place();

        i.path = cases[n].path;
        assert_int_equal(put_fails(&i), cases[n].code);
    }
}

static void
a_directory_that_others_may_change_is_refused(void **state)
{
    struct install i = place();

    (void)state;
    assert_int_equal(chmod(directory, 0770), 0);
    assert_int_equal(put_fails(&i), ERR_PERMISSION);
    assert_int_equal(chmod(directory, 01777), 0);
    assert_int_equal(put_fails(&i), ERR_PERMISSION);
    assert_int_equal(count_files(), 0);
}

static void
root_writes_as_the_owner_of_the_directory(void **state)
{
    struct install i = place();
    struct stat s = {0};

    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can become somebody else */
    assert_int_equal(chown(directory, NOBODY, NOBODY), 0);
    i.reader = 1;
    assert_int_equal(put_fails(&i), ERR_PERMISSION); /* a server of user 1 could not read it */
    i.reader = NOBODY;
    i.group = NOBODY;
    {
        struct str bytes = {0};
        struct err e = {0};

        assert_true(str_addf(&bytes, "one"));
        assert_true(install_write(&i, &bytes, true, &e));
        str_done(&bytes);
    }
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_uid, NOBODY);
    assert_int_equal(s.st_gid, NOBODY);
    assert_int_equal(s.st_mode & 07777, 0600);
    holds("", "one");
}

static void
in_a_directory_of_roots_the_group_of_the_server_reads(void **state)
{
    struct install i = place();
    struct str bytes = {0};
    struct err e = {0};
    struct stat s = {0};

    (void)state;
    if (geteuid() != 0)
        skip(); /* the directory would not be root's */
    i.reader = (uid_t)-1;
    assert_int_equal(put_fails(&i), ERR_CONFIG);
    i.reader = NOBODY;
    i.group = NOBODY;
    assert_true(str_addf(&bytes, "one"));
    assert_true(install_write(&i, &bytes, true, &e));
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_uid, 0);
    assert_int_equal(s.st_gid, NOBODY);
    assert_int_equal(s.st_mode & 07777, 0640);
    str_done(&bytes);
}

/* A file of somebody's: put_over() replaces it, as long as it holds `over`. */
static enum err_code
put_over(const char *over, const char *text)
{
    own_str struct str before = {0};
    own_str struct str bytes = {0};
    struct install i = {.path = path, .reader = (uid_t)-1, .group = (gid_t)-1, .over = &before};
    struct err e = {0};

    assert_true(str_addf(&before, "%s", over) && str_addf(&bytes, "%s", text));
    return install_write(&i, &bytes, false, &e) ? ERR_NONE : e.code;
}

static void
somebodys_file_keeps_owner_group_and_mode(void **state)
{
    static const mode_t modes[] = {0600, 0640, 0664, 0444};
    struct stat s = {0};

    (void)state;
    put("one", false);
    for (size_t i = 0; i < COUNT(modes); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        if (geteuid() == 0)
            assert_int_equal(chown(path, NOBODY, 1), 0);
        assert_int_equal(put_over("one", "two"), ERR_NONE);
        holds("", "two");
        assert_int_equal(stat(path, &s), 0);
        assert_int_equal(s.st_mode & 07777, modes[i]);
        assert_int_equal(s.st_uid, geteuid() == 0 ? NOBODY : geteuid());
        assert_int_equal(s.st_gid, geteuid() == 0 ? 1 : getegid());
        assert_int_equal(put_over("two", "one"), ERR_NONE);
    }
    assert_int_equal(count_files(), 1);
}

static void
a_file_that_was_changed_meanwhile_is_left_alone(void **state)
{
    static const char *const others[] = {"", "on", "onf", "one!"};

    (void)state;
    put("one", false);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(put_over(others[i], "two"), ERR_BUSY);
    holds("", "one");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(put_over("one", "two"), ERR_BUSY);
    assert_int_equal(count_files(), 0);
    put("", false);
    assert_int_equal(put_over("", "two"), ERR_NONE);
    holds("", "two");
}

static void
what_cannot_be_given_back_is_not_taken(void **state)
{
    struct stat s = {0};

    (void)state;
    if (geteuid() != 0)
        skip(); /* nobody else can make such a file */
    put("one", false);
    assert_int_equal(chown(directory, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(put_over("one", "two"), ERR_PERMISSION);
    holds("", "one");
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_uid, 0);
    /* nor a group of which its owner is none */
    assert_int_equal(chown(path, NOBODY, 0), 0);
    assert_int_equal(put_over("one", "two"), ERR_PERMISSION);
    assert_int_equal(count_files(), 1);
}

/* A path leads to that one; NULL: it may not, with that code. */
static void
leads_to(const char *from, const char *to, enum err_code code)
{
    char *real = NULL;
    struct err e = {0};

    assert_int_equal(install_follow(from, &real, &e), to != NULL);
    assert_int_equal(e.code, code);
    if (to != NULL)
        assert_string_equal(real, to);
    free(real);
}

static void
links_are_followed_where_their_maker_could_write_himself(void **state)
{
    char other[] = "/tmp/test_install.XXXXXX";
    char target[96], link[96];

    (void)state;
    assert_non_null(mkdtemp(other));
    (void)snprintf(target, sizeof(target), "%s/real", other);
    (void)snprintf(link, sizeof(link), "%s/link", directory);
    leads_to(link, link, ERR_NONE); /* not there: itself */
    put("one", false);
    leads_to(path, path, ERR_NONE);
    assert_int_equal(symlink("p.pem", link), 0);
    leads_to(link, path, ERR_NONE);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink(target, link), 0);
    leads_to(link, target, ERR_NONE);
    if (geteuid() == 0) {
        assert_int_equal(chown(other, NOBODY, NOBODY), 0);
        leads_to(link, target, ERR_NONE); /* root's link */
        assert_int_equal(chown(directory, NOBODY, NOBODY), 0);
        leads_to(link, target, ERR_NONE); /* his own */
        assert_int_equal(chown(other, 0, 0), 0);
        leads_to(link, NULL, ERR_PERMISSION); /* not into root's */
        assert_int_equal(chown(other, NOBODY, NOBODY), 0);
    }
    assert_int_equal(chmod(directory, 0777), 0);
    leads_to(link, NULL, ERR_PERMISSION); /* anybody's */
    leads_to("relative", NULL, ERR_CONFIG);
    assert_int_equal(rmdir(other), 0);
}

static void
a_change_is_seen_to_the_microsecond(void **state)
{
    struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    int64_t first_us = 0, then_us = 0;
    struct err e = {0};

    (void)state;
    assert_false(install_changed(path, &first_us, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    put("one", false);
    assert_true(install_changed(path, &first_us, &e));
    assert_true(first_us > INT64_C(1700000000) * 1000000);
    (void)nanosleep(&pause, NULL);
    assert_int_equal(chmod(path, 0640), 0);
    assert_true(install_changed(path, &then_us, &e));
    assert_true(then_us > first_us && then_us - first_us < INT64_C(60) * 1000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_made_for_its_owner_alone),
        TEST(what_was_there_is_kept_and_put_back),
        TEST(what_is_not_worth_keeping_does_not_replace_what_was_kept),
        TEST(restoring_nothing_fails_and_removing_nothing_does_not),
        TEST(leftovers_of_killed_runs_are_removed_and_nothing_else),
        TEST(what_is_no_regular_file_is_left_alone),
        TEST(a_place_that_cannot_be_is_told),
        TEST(a_directory_that_others_may_change_is_refused),
        TEST(root_writes_as_the_owner_of_the_directory),
        TEST(in_a_directory_of_roots_the_group_of_the_server_reads),
        TEST(somebodys_file_keeps_owner_group_and_mode),
        TEST(a_file_that_was_changed_meanwhile_is_left_alone),
        TEST(what_cannot_be_given_back_is_not_taken),
        TEST(links_are_followed_where_their_maker_could_write_himself),
        TEST(a_change_is_seen_to_the_microsecond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
