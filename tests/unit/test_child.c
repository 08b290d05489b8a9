/* test_child.c: tasks as ourselves and, where we are root, as another user. */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534 /* Debian: in every base-passwd */

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
        cmocka_unit_test(a_user_that_nobody_knows_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
