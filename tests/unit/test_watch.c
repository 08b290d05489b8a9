/* test_watch.c: changes of real files as the kernel reports them; only the time is the test's. */
#include "inotify/watch.h"

#include "inotify/settle.h"

#include "tests/fake/scratch.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t now_ms = 1000000;

/* The name of what has changed since last time; "": nothing. Events are there when the call that
 * causes them returns, so nothing is waited for. */
static const char *
changed(struct watch *w)
{
    const char *path = NULL;
    struct err e = {0};
    size_t thing = 0;

    now_ms += 1000;
    if (!watch_read(w, now_ms, &e))
        fail_msg("%s", e.text);
    now_ms += SETTLE_QUIET_MS;
    if (!watch_take(w, now_ms, &thing, &path))
        return "";
    return strrchr(path, '/') + 1;
}

static void
set(struct watch *w, size_t thing, const char *path, watch_filter *is_wanted)
{
    struct watch_path one = {path, is_wanted};
    struct err e = {0};

    if (!watch_set(w, thing, &one, 1, &e))
        fail_msg("%s", e.text);
}

/* Watches one file as thing 0. */
static struct watch *
watching(struct scratch *s, const char *name)
{
    struct err e = {0};
    struct watch *w = watch_new(&e);

    if (w == NULL)
        fail_msg("%s", e.text);
    set(w, 0, scratch_path(s, name), NULL);
    assert_string_equal(changed(w), "");
    return w;
}

static void
make_directory(struct scratch *s, const char *name)
{
    assert_int_equal(mkdir(scratch_path(s, name), 0700), 0);
}

static void
make_link(struct scratch *s, const char *target, const char *name)
{
    assert_int_equal(symlink(target, scratch_path(s, name)), 0);
}

static void
move(struct scratch *s, const char *from, const char *to)
{
    assert_int_equal(rename(scratch_path(s, from), scratch_path(s, to)), 0);
}

/* The status of a test in a process of its own; 77: it cannot be made here. */
static int
status_of(int (*test)(struct scratch *s))
{
    own_scratch struct scratch s = scratch_new();
    pid_t pid = fork();
    int status = 0;

    if (pid == 0)
        _exit(test(&s));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* ---- one file ---- */

static void
written_in_place(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;
    own_fd int fd = -1;

    (void)state;
    scratch_write(&s, "a.pem", "one");
    w = watching(&s, "a.pem");
    scratch_write(&s, "a.pem", "two");
    assert_string_equal(changed(w), "a.pem");
    assert_string_equal(changed(w), "");
    /* also while it stays open */
    fd = open(scratch_path(&s, "a.pem"), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "!", 1), 1);
    assert_string_equal(changed(w), "a.pem");
}

static void
replaced_by_a_rename(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;

    (void)state;
    scratch_write(&s, "a.pem", "one");
    w = watching(&s, "a.pem");
    for (int i = 0; i < 3; i++) { /* the new file is watched as the old one was */
        scratch_write(&s, "new", i % 2 == 0 ? "two" : "three");
        assert_string_equal(changed(w), "");
        move(&s, "new", "a.pem");
        assert_string_equal(changed(w), "a.pem");
    }
}

static void
written_again_with_the_same_contents(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;

    (void)state;
    scratch_write(&s, "a.pem", "one");
    w = watching(&s, "a.pem");
    scratch_write(&s, "a.pem", "one");
    assert_string_equal(changed(w), "");
    scratch_write(&s, "new", "one");
    move(&s, "new", "a.pem");
    assert_string_equal(changed(w), "");
}

static void
its_neighbours_are_nobodys_business(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;

    (void)state;
    scratch_write(&s, "a.pem", "one");
    w = watching(&s, "a.pem");
    scratch_write(&s, "b.pem", "two");
    assert_string_equal(changed(w), "");
    assert_int_equal(watch_due_ms(w), -1);
}

static void
it_vanishes_and_comes_back(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;

    (void)state;
    scratch_write(&s, "a.pem", "one");
    w = watching(&s, "a.pem");
    assert_int_equal(unlink(scratch_path(&s, "a.pem")), 0);
    assert_string_equal(changed(w), "a.pem");
    scratch_write(&s, "a.pem", "one");
    assert_string_equal(changed(w), "a.pem");
}

/* Root would read whatever there is. 0: as it should be. */
static int
run_unreadable(struct scratch *s)
{
    own_watch struct watch *w = NULL;

    if (geteuid() == 0 && (chown(s->path, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
        return 1;
    scratch_write(s, "a.pem", "one");
    if (chmod(scratch_path(s, "a.pem"), 0) < 0)
        return 2;
    w = watching(s, "a.pem");
    if (chmod(scratch_path(s, "a.pem"), 0600) < 0)
        return 3;
    return strcmp(changed(w), "a.pem") == 0 ? 0 : 4;
}

static void
it_can_be_read_later_only(void **state)
{
    (void)state;
    assert_int_equal(status_of(run_unreadable), 0);
}

/* A directory of ours that we may pass, or not even that. Root would read whatever there is. */
static int
run_closed(struct scratch *s)
{
    own_watch struct watch *w = NULL;
    int status = 0;

    if (geteuid() == 0 && (chown(s->path, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
        return 1;
    make_directory(s, "closed");
    scratch_write(s, "closed/a.pem", "one");
    if (chmod(scratch_path(s, "closed"), 0) < 0)
        return 2;
    w = watching(s, "closed/a.pem");
    if (watch_is_short(w) == NULL || strstr(watch_is_short(w), "is not noticed") == NULL)
        status = 3;
    else if (watch_due_ms(w) != -1)
        status = 4; /* there is nothing to wake for */
    if (chmod(scratch_path(s, "closed"), 0100) < 0)
        return 5;
    set(w, 1, scratch_path(s, "closed/a.pem"), NULL); /* which may be read now */
    if (status == 0 && strstr(watch_is_short(w), "looked at every") == NULL)
        status = 6;
    if (status == 0 && watch_due_ms(w) < 0)
        status = 7;
    return chmod(scratch_path(s, "closed"), 0700) < 0 ? 8 : status;
}

static void
for_what_may_not_be_read_nobody_wakes(void **state)
{
    (void)state;
    assert_int_equal(status_of(run_closed), 0);
}

/* ---- a change takes time ---- */

static void
it_is_reported_when_it_is_over(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;
    const char *path = NULL;
    struct err e = {0};
    size_t thing = 9;

    (void)state;
    scratch_write(&s, "a.pem", "one");
    w = watching(&s, "a.pem");
    for (int i = 0; i < 5; i++) {
        scratch_write(&s, "a.pem", i % 2 == 0 ? "x" : "xx");
        now_ms += SETTLE_QUIET_MS - 1;
        assert_true(watch_read(w, now_ms, &e));
        assert_false(watch_take(w, now_ms, &thing, &path));
        assert_int_equal(watch_due_ms(w), now_ms + SETTLE_QUIET_MS);
    }
    assert_true(watch_take(w, now_ms + SETTLE_QUIET_MS, &thing, &path));
    assert_int_equal(thing, 0);
    assert_false(watch_take(w, now_ms + SETTLE_QUIET_MS, &thing, &path));
}

static void
two_files_of_one_thing_are_one_change(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;
    struct watch_path pair[2] = {{0}};
    struct err e = {0};

    (void)state;
    scratch_write(&s, "key.pem", "one");
    scratch_write(&s, "chain.pem", "one");
    w = watching(&s, "unused");
    pair[0].path = scratch_path(&s, "key.pem");
    pair[1].path = scratch_path(&s, "chain.pem");
    assert_true(watch_set(w, 1, pair, 2, &e));
    scratch_write(&s, "chain.pem", "two");
    scratch_write(&s, "key.pem", "two");
    assert_string_equal(changed(w), "key.pem");
    assert_string_equal(changed(w), "");
}

/* ---- the way to it ---- */

/* certbot: live/db/fullchain.pem -> ../../archive/db/fullchain1.pem, then ...2.pem */
static void
a_link_into_an_archive_is_pointed_elsewhere(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;

    (void)state;
    make_directory(&s, "live");
    make_directory(&s, "live/db");
    make_directory(&s, "archive");
    make_directory(&s, "archive/db");
    scratch_write(&s, "archive/db/fullchain1.pem", "one");
    make_link(&s, "../../archive/db/fullchain1.pem", "live/db/fullchain.pem");
    w = watching(&s, "live/db/fullchain.pem");
    scratch_write(&s, "archive/db/fullchain2.pem", "two");
    assert_string_equal(changed(w), ""); /* nothing points to it yet */
    assert_int_equal(unlink(scratch_path(&s, "live/db/fullchain.pem")), 0);
    make_link(&s, "../../archive/db/fullchain2.pem", "live/db/fullchain.pem");
    assert_string_equal(changed(w), "fullchain.pem");
    scratch_write(&s, "archive/db/fullchain1.pem", "nobody looks there now");
    assert_string_equal(changed(w), "");
    scratch_write(&s, "archive/db/fullchain2.pem", "written at the end of the link");
    assert_string_equal(changed(w), "fullchain.pem");
}

/* Kubernetes: tls.crt -> ..data/tls.crt, ..data -> ..2026_1, and ..data is renamed over */
static void
a_link_to_a_directory_is_swapped(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;

    (void)state;
    make_directory(&s, "..2026_1");
    scratch_write(&s, "..2026_1/tls.crt", "one");
    make_link(&s, "..2026_1", "..data");
    make_link(&s, "..data/tls.crt", "tls.crt");
    w = watching(&s, "tls.crt");
    for (int i = 2; i < 5; i++) {
        char directory[16], file[32];

        (void)snprintf(directory, sizeof(directory), "..2026_%d", i);
        (void)snprintf(file, sizeof(file), "%s/tls.crt", directory);
        make_directory(&s, directory);
        scratch_write(&s, file, directory);
        make_link(&s, directory, "..data_tmp");
        move(&s, "..data_tmp", "..data");
        assert_string_equal(changed(w), "tls.crt");
    }
}

static void
a_directory_above_it_is_replaced(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;

    (void)state;
    make_directory(&s, "up");
    make_directory(&s, "up/live");
    scratch_write(&s, "up/live/a.pem", "one");
    make_directory(&s, "other");
    make_directory(&s, "other/live");
    scratch_write(&s, "other/live/a.pem", "two");
    w = watching(&s, "up/live/a.pem");
    move(&s, "up", "old");
    assert_string_equal(changed(w), "a.pem");
    move(&s, "other", "up");
    assert_string_equal(changed(w), "a.pem");
    scratch_write(&s, "old/live/a.pem", "nobody looks there now");
    assert_string_equal(changed(w), "");
    scratch_write(&s, "up/live/a.pem", "three");
    assert_string_equal(changed(w), "a.pem");
}

static void
directories_vanish_and_come_back(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;
    size_t watches = 0;

    (void)state;
    w = watching(&s, "up/live/a.pem"); /* nothing of that is there */
    watches = watch_count(w);
    for (int i = 0; i < 2; i++) {
        make_directory(&s, "up");
        assert_string_equal(changed(w), "");
        make_directory(&s, "up/live");
        scratch_write(&s, "up/live/a.pem", "one"); /* before anybody could watch there */
        assert_string_equal(changed(w), "a.pem");
        assert_int_equal(watch_count(w), watches + 2);
        scratch_write(&s, "up/live/a.pem", "two");
        assert_string_equal(changed(w), "a.pem");
        assert_int_equal(unlink(scratch_path(&s, "up/live/a.pem")), 0);
        assert_int_equal(rmdir(scratch_path(&s, "up/live")), 0);
        assert_int_equal(rmdir(scratch_path(&s, "up")), 0);
        assert_string_equal(changed(w), "a.pem");
        assert_int_equal(watch_count(w), watches);
    }
}

/* /tmp, say, is on many a way, and full of other things. */
static void
what_else_is_in_a_directory_on_the_way_is_not_heard(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;
    struct pollfd p = {.events = POLLIN};

    (void)state;
    make_directory(&s, "up");
    make_directory(&s, "up/live");
    scratch_write(&s, "up/live/a.pem", "one");
    w = watching(&s, "up/live/a.pem");
    p.fd = watch_descriptor(w);
    scratch_write(&s, "up/b.pem", "one");
    make_directory(&s, "up/other");
    assert_int_equal(poll(&p, 1, 0), 0);
    scratch_write(&s, "up/live/b.pem", "one");
    assert_int_equal(poll(&p, 1, 0), 1);
}

static void
links_in_a_circle_end(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;

    (void)state;
    make_link(&s, "b", "a");
    make_link(&s, "a", "b");
    w = watching(&s, "a");
    assert_int_equal(unlink(scratch_path(&s, "b")), 0);
    scratch_write(&s, "b", "one");
    assert_string_equal(changed(w), "a");
}

/* ---- names in a directory ---- */

static bool
is_number(const char *name)
{
    return isdigit((unsigned char)*name);
}

static void
of_a_directory_the_wanted_names_count(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;

    (void)state;
    w = watching(&s, "unused");
    set(w, 1, scratch_path(&s, "store"), is_number);
    make_directory(&s, "store");
    assert_string_equal(changed(w), ""); /* empty is as good as not there */
    scratch_write(&s, "store/state.json", "{}");
    assert_string_equal(changed(w), "");
    make_directory(&s, "store/new.1");
    scratch_write(&s, "store/new.1/key.pem", "one");
    assert_string_equal(changed(w), "");
    move(&s, "store/new.1", "store/1");
    assert_string_equal(changed(w), "store");
}

/* ---- many, and too many ---- */

static void
one_watch_for_each_directory(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;
    char name[16];
    size_t watches = 0;

    (void)state;
    w = watching(&s, "a");
    watches = watch_count(w);
    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "%zu.pem", i);
        set(w, i, scratch_path(&s, name), NULL);
    }
    assert_int_equal(watch_count(w), watches);
    scratch_write(&s, "777.pem", "one");
    assert_string_equal(changed(w), "777.pem");
    assert_string_equal(changed(w), "");
}

static void
a_thing_can_watch_other_paths(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;
    size_t watches = 0;

    (void)state;
    scratch_write(&s, "a.pem", "one");
    make_directory(&s, "other");
    w = watching(&s, "a.pem");
    watches = watch_count(w);
    set(w, 0, scratch_path(&s, "other/b.pem"), NULL);
    scratch_write(&s, "a.pem", "two");
    assert_string_equal(changed(w), "");
    scratch_write(&s, "other/b.pem", "two");
    assert_string_equal(changed(w), "b.pem");
    set(w, 0, scratch_path(&s, "a.pem"), NULL);
    assert_int_equal(watch_count(w), watches);
}

/* What has happened to a path that stays is not forgotten. */
static void
watching_the_same_again_loses_nothing(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;
    struct err e = {0};

    (void)state;
    scratch_write(&s, "a.pem", "one");
    w = watching(&s, "a.pem");
    scratch_write(&s, "a.pem", "two");
    assert_true(watch_read(w, now_ms, &e));
    set(w, 0, scratch_path(&s, "a.pem"), NULL);
    assert_string_equal(changed(w), "a.pem");
}

static void
when_events_were_lost_everything_is_looked_at(void **state)
{
    own_scratch struct scratch s = scratch_new();
    own_watch struct watch *w = NULL;
    char name[32] = "0";
    long most = 0;

    (void)state;
    scratch_write(&s, "proc", "");
    scratch_write(&s, "a.pem", "one");
    scratch_write(&s, "b", "");
    w = watching(&s, "a.pem");
    {
        FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");

        assert_non_null(f);
        if (fgets(name, sizeof(name), f) != NULL)
            most = strtol(name, NULL, 10);
        (void)fclose(f);
    }
    for (long i = 0; i <= most / 2; i++) /* two events each */
        move(&s, i % 2 == 0 ? "b" : "c", i % 2 == 0 ? "c" : "b");
    scratch_write(&s, "a.pem", "two"); /* no event of that is left */
    assert_string_equal(changed(w), "a.pem");
    scratch_write(&s, "a.pem", "three");
    assert_string_equal(changed(w), "a.pem");
}

static void
write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        _exit(77); /* the kernel has none of that for us */
    (void)close(fd);
}

/* In a user namespace of its own, with room for a few watches. 0: as it should be. */
static int
run_short(struct scratch *s)
{
    char map[32];
    own_watch struct watch *w = NULL;

    (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
    if (unshare(CLONE_NEWUSER) < 0)
        return 77;
    write_file("/proc/self/uid_map", map);
    write_file("/proc/sys/user/max_inotify_watches", "2"); /* for /tmp and its own */
    make_directory(s, "far");
    scratch_write(s, "far/a.pem", "one");
    w = watching(s, "far/a.pem");
    if (watch_is_short(w) == NULL ||
        strstr(watch_is_short(w), "fs.inotify.max_user_watches") == NULL)
        return 1;
    (void)changed(w); /* the first look */
    scratch_write(s, "far/a.pem", "two");
    if (strcmp(changed(w), "") != 0)
        return 2; /* nobody could know */
    if (watch_due_ms(w) < 0)
        return 3;
    now_ms += WATCH_BLIND_MS;
    (void)changed(w); /* it is time for the second one */
    return strcmp(changed(w), "a.pem") == 0 ? 0 : 4;
}

static void
without_watches_it_is_looked_at_now_and_then(void **state)
{
    int status = status_of(run_short);

    (void)state;
    if (status == 77)
        skip();
    assert_int_equal(status, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_in_place),
        cmocka_unit_test(replaced_by_a_rename),
        cmocka_unit_test(written_again_with_the_same_contents),
        cmocka_unit_test(its_neighbours_are_nobodys_business),
        cmocka_unit_test(it_vanishes_and_comes_back),
        cmocka_unit_test(it_can_be_read_later_only),
        cmocka_unit_test(for_what_may_not_be_read_nobody_wakes),
        cmocka_unit_test(it_is_reported_when_it_is_over),
        cmocka_unit_test(two_files_of_one_thing_are_one_change),
        cmocka_unit_test(a_link_into_an_archive_is_pointed_elsewhere),
        cmocka_unit_test(a_link_to_a_directory_is_swapped),
        cmocka_unit_test(a_directory_above_it_is_replaced),
        cmocka_unit_test(directories_vanish_and_come_back),
        cmocka_unit_test(what_else_is_in_a_directory_on_the_way_is_not_heard),
        cmocka_unit_test(links_in_a_circle_end),
        cmocka_unit_test(of_a_directory_the_wanted_names_count),
        cmocka_unit_test(one_watch_for_each_directory),
        cmocka_unit_test(a_thing_can_watch_other_paths),
        cmocka_unit_test(watching_the_same_again_loses_nothing),
        cmocka_unit_test(when_events_were_lost_everything_is_looked_at),
        cmocka_unit_test(without_watches_it_is_looked_at_now_and_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
