/* test_child.c: tasks as ourselves and, where we are root, as another user. */
#include "base/child.h"

#include "base/file.h"
#include "base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534 /* Debian: in every base-passwd */
#define GROUP 4242   /* which root is not in */

static bool
tell_user(void *argument, struct str *answer, struct err *e)
{
    (void)argument;
    (void)e;
    return str_addf(answer, "%u %u %u", (unsigned)geteuid(), (unsigned)getegid(),
                    (unsigned)(setuid(0) == 0));
}

static bool
refuse(void *argument, struct str *answer, struct err *e)
{
    (void)answer;
    e->retry_at_s = 7;
    return err_set(e, ERR_CONFIG, "no '%s'", (const char *)argument);
}

static bool
die(void *argument, struct str *answer, struct err *e)
{
    (void)argument;
    (void)answer;
    (void)e;
    (void)raise(SIGKILL);
    return true;
}

static bool
hang(void *argument, struct str *answer, struct err *e)
{
    (void)argument;
    (void)answer;
    (void)e;
    (void)pause();
    return true;
}

static bool
tell_too_much(void *argument, struct str *answer, struct err *e)
{
    static const char flood[CHILD_ANSWER_MAX + 1];

    (void)argument;
    (void)e;
    return str_add(answer, flood, sizeof(flood));
}

/* Counts in its own memory; an empty question is the last. */
static bool
count(void *argument, const struct str *question, struct str *answer, struct err *e)
{
    int *counted = argument;

    (void)e;
    if (question->size > 0)
        (*counted)++;
    return str_addf(answer, "%d:%s", *counted, question->size > 0 ? question->text : "");
}

static void
need_root(void)
{
    if (geteuid() != 0)
        skip(); /* only root can become somebody else */
}

static void
a_task_of_our_own_is_simply_called(void **state)
{
    struct str answer = {0};
    struct err e = {0};

    (void)state;
    assert_true(child_run_as(geteuid(), tell_user, NULL, 1000, &answer, &e));
    assert_int_equal(answer.text[0], geteuid() == 0 ? '0' : answer.text[0]);
    str_done(&answer);
    assert_false(child_run_as(geteuid(), refuse, (char[]){"luck"}, 1000, &answer, &e));
    assert_int_equal(e.code, ERR_CONFIG);
}

static void
a_task_of_another_user_runs_as_that_user_for_good(void **state)
{
    struct str answer = {0};
    struct err e = {0};

    (void)state;
    need_root();
    assert_true(child_run_as(NOBODY, tell_user, NULL, 1000, &answer, &e));
    assert_string_equal(answer.text, "65534 65534 0");
    assert_int_equal(geteuid(), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none is left */
    assert_int_equal(errno, ECHILD);
    str_done(&answer);
}

static void
the_error_of_a_child_comes_over(void **state)
{
    struct str answer = {0};
    struct err e = {0};

    (void)state;
    need_root();
    assert_false(child_run_as(NOBODY, refuse, (char[]){"luck"}, 1000, &answer, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_string_equal(e.text, "no 'luck'");
    assert_int_equal(answer.size, 0);
}

static void
a_child_that_dies_hangs_or_floods_is_an_error(void **state)
{
    static const struct {
        child_task *task;
        enum err_code code;
    } cases[] = {
        {die, ERR_INTERNAL},
        {hang, ERR_TIMEOUT},
        {tell_too_much, ERR_INTERNAL},
    };

    (void)state;
    need_root();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str answer = {0};
        struct err e = {0};

        assert_false(child_run_as(NOBODY, cases[i].task, NULL, 50, &answer, &e));
        assert_int_equal(e.code, cases[i].code);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        str_done(&answer);
    }
}

static void
converse(uid_t user, int counted_here)
{
    int counted = 0;
    struct str question = {0};
    struct str answer = {0};
    struct err e = {0};
    struct child *c = child_start_as(user, count, NULL, &counted, &e);

    assert_non_null(c);
    assert_true(str_addf(&question, "who"));
    assert_true(child_ask(c, &question, 1000, &answer, &e));
    assert_true(child_ask(c, &question, 1000, &answer, &e));
    assert_string_equal(answer.text, "1:who2:who");
    assert_int_equal(counted, counted_here);
    child_stop(&c);
    assert_null(c);
    str_done(&question);
    str_done(&answer);
}

static void
a_conversation_keeps_what_it_knows(void **state)
{
    (void)state;
    converse(geteuid(), 2);
    need_root();
    converse(NOBODY, 0);
}

static void
a_user_that_nobody_knows_is_refused(void **state)
{
    struct str answer = {0};
    struct err e = {0};

    (void)state;
    assert_false(child_run_as(4000000001U, tell_user, NULL, 1000, &answer, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
}

/* ---- a child that works beside us ---- */

/* What it is told to count from, and a pipe that it says "x" into all the time. */
struct beside {
    int pipe[2];
    int other; /* a descriptor that is none of its business */
};

static bool
tell_state(void *argument, const struct str *question, struct str *answer, struct err *e)
{
    const struct beside *b = argument;

    if (question->size == 0)
        return true;
    if (strcmp(question->text, "refuse") == 0)
        return err_set(e, ERR_CONFIG, "refused");
    return str_addf(answer, "%d %d %s", getpid(), fcntl(b->other, F_GETFD) >= 0, question->text);
}

static void
say_all_the_time(void *argument, struct child *self, int control)
{
    const struct beside *b = argument;
    int kept[] = {b->pipe[1], control};

    child_keep_only(kept, COUNT(kept));
    for (;;) {
        struct pollfd p = {.fd = control, .events = POLLIN};

        if (poll(&p, 1, 5) > 0 && !child_turn(self))
            return;
        if (write(b->pipe[1], "x", 1) != 1)
            return;
    }
}

static void
a_child_beside_us_works_and_is_asked(void **state)
{
    struct str question = {.text = (char[]){"hello"}, .size = 5};
    struct str bad = {.text = (char[]){"refuse"}, .size = 6};
    struct beside b = {.other = dup(1)};
    own_str struct str answer = {0};
    struct child *c = NULL;
    struct err e = {0};
    char said[3];
    pid_t pid = 0;
    char *rest = NULL;

    (void)state;
    assert_int_equal(pipe2(b.pipe, O_CLOEXEC), 0);
    c = child_start_beside(geteuid(), tell_state, say_all_the_time, &b, &e);
    assert_non_null(c);
    (void)close(b.pipe[1]);
    for (size_t i = 0; i < sizeof(said); i++)
        assert_int_equal(read(b.pipe[0], &said[i], 1), 1);
    assert_true(child_ask(c, &question, 5000, &answer, &e));
    pid = (pid_t)strtol(answer.text, &rest, 10);
    assert_string_equal(rest, " 0 hello"); /* it does not have the other descriptor */
    assert_int_not_equal(pid, getpid());   /* also as the user we are */
    assert_false(child_ask(c, &bad, 5000, &answer, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    child_stop(&c);
    /* gone: the pipe ends once it is empty */
    while (read(b.pipe[0], said, sizeof(said)) > 0)
        continue;
    assert_int_equal(kill(pid, 0), -1);
    (void)close(b.pipe[0]);
    (void)close(b.other);
}

static void
a_child_beside_us_dies_with_us(void **state)
{
    struct beside b = {.other = -1};
    struct err e = {0};
    pid_t parent = 0;
    char said[64];

    (void)state;
    assert_int_equal(pipe2(b.pipe, O_CLOEXEC), 0);
    parent = fork();
    if (parent == 0) {
        const struct child *c = child_start_beside(geteuid(), tell_state, say_all_the_time, &b, &e);

        (void)close(b.pipe[1]);
        while (c != NULL)
            (void)pause();
    }
    (void)close(b.pipe[1]);
    assert_int_equal(read(b.pipe[0], said, 1), 1);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    while (read(b.pipe[0], said, sizeof(said)) > 0)
        continue;
    (void)close(b.pipe[0]);
}

/* A field of /proc/self/status, from which nothing hides. */
static void
add_field(struct str *out, const char *name)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];

    while (status != NULL && fgets(line, sizeof(line), status) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && !str_addf(out, "%s", line))
            break;
    if (status != NULL)
        (void)fclose(status);
}

/* Who we are, what rights we have, and whether root's can be had. */
static bool
tell_rights(void *argument, struct str *answer, struct err *e)
{
    (void)argument;
    (void)e;
    if (!str_addf(answer, "%u ", (unsigned)geteuid()))
        return false;
    add_field(answer, "CapPrm");
    add_field(answer, "CapEff");
    add_field(answer, "CapAmb");
    return str_addf(answer, "%d", setresuid((uid_t)-1, geteuid() == 0 ? 1 : 0, (uid_t)-1));
}

#define RIGHTS(permitted)                                                                          \
    "CapPrm:\t00000000000000" permitted "\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n"

/* Of a file of root's in root's directory, made there: may its group become 1? */
static bool
give_to_a_group(void *argument, struct str *answer, struct err *e)
{
    own_fd int fd = open((const char *)argument, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    struct stat s = {0};

    (void)e;
    (void)unlink((const char *)argument);
    return fd >= 0 && fchown(fd, 0, 1) < 0 && child_join(1) && fchown(fd, 0, 1) == 0 &&
           fchown(fd, 1, 1) < 0 && fstat(fd, &s) == 0 &&
           str_addf(answer, "%u %u", (unsigned)s.st_uid, (unsigned)s.st_gid);
}

/* What a program of root's gets, started by one who was root: capabilities(7). */
static bool
start_a_program(void *argument, struct str *answer, struct err *e)
{
    static const char *const arguments[] = {
        "grep", "-h", "-e", "CapEff", "-e", "CapBnd", "/proc/self/status", NULL};
    const struct list nothing = {0};
    const struct run r = {
        .path = "/bin/grep", .arguments = arguments, .environment = &nothing, .timeout_ms = 5000};
    own_run_result struct run_result result = {0};

    (void)argument;
    return run_program(&r, &result, e) && str_add(answer, result.out.text, result.out.size);
}

static bool
answers(uid_t user, child_task *task, void *argument, const char *wanted)
{
    own_str struct str answer = {0};
    struct err e = {0};
    bool good =
        child_run_as(user, task, argument, 5000, &answer, &e) && strcmp(answer.text, wanted) == 0;

    if (!good)
        print_error("as %u: '%s' %s\n", (unsigned)user, answer.size > 0 ? answer.text : "", e.text);
    return good;
}

static bool
sleep_long(void *argument, struct str *answer, struct err *e)
{
    (void)argument;
    (void)answer;
    (void)e;
    (void)sleep(30);
    return true;
}

/* Whoever it is, it is ended when it is late; else an alarm ends us. */
static bool
is_late(uid_t user)
{
    own_str struct str answer = {0};
    struct err e = {0};
    bool was_late = false;

    (void)alarm(4);
    was_late = !child_run_as(user, sleep_long, NULL, 100, &answer, &e) && e.code == ERR_TIMEOUT;
    (void)alarm(0);
    return was_late;
}

/* Each is one bit of what a process that has settled comes to. */
static int
settle(char *file)
{
    struct err e = {0};
    int wrong = 0;

    if (!child_settle(getpwuid(NOBODY), (gid_t)-1, false, &e) || geteuid() != NOBODY ||
        !child_may_switch() || child_is_root())
        return 1;
    wrong |= answers(NOBODY, tell_rights, NULL, "65534 " RIGHTS("c0") "-1") ? 0 : 2;
    wrong |= answers(1, tell_rights, NULL, "1 " RIGHTS("00") "-1") ? 0 : 4;
    wrong |= answers(0, tell_rights, NULL, "0 " RIGHTS("40") "-1") ? 0 : 8;
    wrong |= answers(0, give_to_a_group, file, "0 1") ? 0 : 16;
    wrong |=
        answers(0, start_a_program, NULL, "CapEff:\t0000000000000000\nCapBnd:\t00000000000000c0\n")
            ? 0
            : 32;
    return wrong;
}

/* The same of root itself, for which another port or file is not its own either. */
static int
settle_as_root(char *file)
{
    struct err e = {0};
    own_str struct str rights = {0};
    int wrong = 0;

    if (!child_settle(getpwuid(0), GROUP, true, &e) || geteuid() != 0 || !child_may_switch() ||
        child_is_root() || !file_has_group(GROUP))
        return 1;
    wrong |= tell_rights(NULL, &rights, &e) &&
                     strcmp(rights.text, "0 CapPrm:\t00000000000004c0\nCapEff:\t0000000000000000\n"
                                         "CapAmb:\t0000000000000000\n-1") == 0
                 ? 0
                 : 2;
    wrong |= answers(1, tell_rights, NULL, "1 " RIGHTS("00") "-1") ? 0 : 4;
    wrong |= answers(0, tell_rights, NULL, "0 " RIGHTS("40") "-1") ? 0 : 8;
    wrong |= answers(0, give_to_a_group, file, "0 1") ? 0 : 16;
    wrong |= is_late(1) && is_late(0) ? 0 : 64;
    wrong |= access("/run/pgcert-test-child-closed", R_OK) < 0 && errno == EACCES ? 0 : 32;
    return wrong;
}

static void
expect_settled(int (*how)(char *file))
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0)
        _exit(how((char[]){"/run/pgcert-test-child"}));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
who_settles_may_become_others_and_nothing_else(void **state)
{
    const char *const closed = "/run/pgcert-test-child-closed";

    (void)state;
    need_root();
    expect_settled(settle);
    assert_int_equal(close(open(closed, O_CREAT | O_WRONLY | O_CLOEXEC, 0)), 0);
    assert_int_equal(chown(closed, NOBODY, NOBODY), 0);
    expect_settled(settle_as_root);
    assert_int_equal(unlink(closed), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_of_our_own_is_simply_called),
        cmocka_unit_test(a_task_of_another_user_runs_as_that_user_for_good),
        cmocka_unit_test(the_error_of_a_child_comes_over),
        cmocka_unit_test(a_child_that_dies_hangs_or_floods_is_an_error),
        cmocka_unit_test(a_conversation_keeps_what_it_knows),
        cmocka_unit_test(a_child_beside_us_works_and_is_asked),
        cmocka_unit_test(a_child_beside_us_dies_with_us),
        cmocka_unit_test(who_settles_may_become_others_and_nothing_else),
        cmocka_unit_test(a_user_that_nobody_knows_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
