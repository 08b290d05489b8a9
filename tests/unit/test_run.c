/* test_run.c: programs that end well, badly, late, and those that say too much. */
#include "base/run.h"

#include "base/clock.h"
#include "tests/fake/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A script, and what it is run with. */
struct bench {
    struct scratch scratch;
    struct list environment;
    struct list secrets;
    struct run_result result;
    struct err e;
    int64_t timeout_ms;
    const struct str *input;
    int64_t took_ms;
};

static void
begin(struct bench *b)
{
    *b = (struct bench){.scratch = scratch_new(), .timeout_ms = 20000};
}

static void
end(struct bench *b)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    assert_int_equal(errno, ECHILD);
    run_result_done(&b->result);
    list_wipe(&b->environment);
    list_wipe(&b->secrets);
    scratch_done(&b->scratch);
}

static struct run
what(struct bench *b, const char *path, const char *const *arguments)
{
    return (struct run){
        .path = path,
        .arguments = arguments,
        .environment = &b->environment,
        .input = b->input,
        .secrets = &b->secrets,
        .timeout_ms = b->timeout_ms,
    };
}

/* Runs `sh -c text word`. */
static bool
shell(struct bench *b, const char *text)
{
    const char *const arguments[] = {"sh", "-c", text, "sh", "a word; $HOME", NULL};
    struct run r = what(b, "/bin/sh", arguments);
    int64_t since_ms = clock_system.steady_ms(&clock_system);
    bool good = false;

    run_result_done(&b->result);
    b->e = (struct err){0};
    good = run_program(&r, &b->result, &b->e) && run_judge(&r, &b->result, &b->e);
    b->took_ms = clock_system.steady_ms(&clock_system) - since_ms;
    return good;
}

static bool
file(struct bench *b, const char *name, mode_t mode)
{
    const char *path = scratch_path(&b->scratch, name);
    const char *const arguments[] = {path, NULL};
    struct run r = what(b, path, arguments);

    (void)chmod(path, mode);
    b->e = (struct err){0};
    return run_program(&r, &b->result, &b->e);
}

static void
arguments_and_outputs_are_what_they_are(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    assert_true(shell(&b, "printf '%s' \"$1\"; echo oh >&2"));
    assert_string_equal(b.result.out.text, "a word; $HOME");
    assert_string_equal(b.result.err.text, "oh\n");
    assert_int_equal(b.result.status, 0);
    assert_int_equal(b.result.signal, 0);
    end(&b);
}

static void
nothing_of_our_environment_is_there(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    assert_int_equal(setenv("PGCERT_TEST", "one", 1), 0);
    assert_true(run_set(&b.environment, "A", "first") && run_set(&b.environment, "A", "x y"));
    assert_true(run_set(&b.environment, "AB", "2") &&
                run_inherit(&b.environment, "NOT_SET_AT_ALL"));
    assert_true(shell(&b, "tr '\\0' '\\n' </proc/$$/environ"));
    assert_string_equal(b.result.out.text, "A=x y\nAB=2\n");
    assert_true(run_inherit(&b.environment, "PGCERT_TEST"));
    assert_true(shell(&b, "echo $PGCERT_TEST; pwd"));
    assert_string_equal(b.result.out.text, "one\n/\n");
    end(&b);
}

static void
no_descriptor_of_ours_is_open_in_it(void **state)
{
    struct bench b;
    int fd = open("/", O_RDONLY); /* NOLINT(android-cloexec-open): on purpose */
    int kept = dup2(fd, 200);

    (void)state;
    begin(&b);
    assert_true(shell(&b, "for f in /proc/$$/fd/*; do echo ${f##*/}; done"));
    /* and what the shell opens for the list itself, which is closed again by then */
    for (const char *at = b.result.out.text; *at != '\0'; at += strcspn(at, "\n") + 1)
        assert_true(strtol(at, NULL, 10) <= 3);
    assert_null(strstr(b.result.out.text, "200"));
    (void)close(fd);
    (void)close(kept);
    end(&b);
}

static void
it_runs_also_where_our_own_standard_descriptors_are_closed(void **state)
{
    struct bench b;
    int kept = dup(0);
    bool good = false;

    (void)state;
    begin(&b);
    (void)close(0);
    good = shell(&b, "echo out; echo err >&2");
    assert_int_equal(dup2(kept, 0), 0);
    (void)close(kept);
    assert_true(good);
    assert_string_equal(b.result.out.text, "out\n");
    assert_string_equal(b.result.err.text, "err\n");
    end(&b);
}

static void
its_input_is_the_buffer_or_nothing(void **state)
{
    struct bench b;
    struct str input = {0};

    (void)state;
    begin(&b);
    assert_true(shell(&b, "wc -c"));
    assert_int_equal(strtol(b.result.out.text, NULL, 10), 0);
    for (int i = 0; i < 300000; i++) /* more than a pipe holds; true does not read any of it */
        assert_true(str_add(&input, "x", 1));
    b.input = &input;
    assert_true(shell(&b, "wc -c"));
    assert_int_equal(strtol(b.result.out.text, NULL, 10), 300000);
    assert_true(shell(&b, "true"));
    str_done(&input);
    end(&b);
}

static void
signals_are_the_default_ones(void **state)
{
    struct bench b;
    uint64_t blocked = 0, ignored = 0;
    char *rest = NULL;

    (void)state;
    begin(&b);
    (void)signal(SIGPIPE, SIG_IGN);
    assert_true(shell(&b, "sed -n 's/^SigIgn:\t*//p;s/^SigBlk:\t*//p' /proc/self/status"));
    (void)signal(SIGPIPE, SIG_DFL);
    blocked = strtoull(b.result.out.text, &rest, 16);
    ignored = strtoull(rest, NULL, 16);
    /* 32 and 33 are the C library's own: whoever started us may ignore them, and nobody can change
     * that by sigaction(2) */
    assert_int_equal((blocked | ignored) & ~(UINT64_C(3) << 31), 0);
    end(&b);
}

static void
a_flood_is_bounded_and_does_not_block(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    assert_true(shell(&b, "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo begin >&2;"
                          "head -c 3000000 /dev/zero | tr '\\0' y >&2; echo last >&2"));
    assert_int_equal(b.result.out.size, RUN_OUTPUT_MAX);
    assert_memory_equal(b.result.out.text, "first\nxx", 8);
    assert_true(b.result.err.size <= 2 * RUN_OUTPUT_MAX);
    assert_null(strstr(b.result.err.text, "begin"));
    assert_string_equal(b.result.err.text + b.result.err.size - 6, "ylast\n");
    end(&b);
}

static void
a_failure_is_told_with_its_last_lines(void **state)
{
    static const struct {
        const char *script, *sentence;
    } rows[] = {
        {"exit 3", "'/bin/sh' failed with status 3, without a word"},
        {"echo one >&2; exit 1", "'/bin/sh' failed with status 1: one"},
        {"echo said; exit 1", "'/bin/sh' failed with status 1: said"},
        {"printf 'one.\\n\\n two.\\n' >&2; exit 1", "'/bin/sh' failed with status 1: one.;  two"},
        {"seq 1 9 >&2; exit 1", "'/bin/sh' failed with status 1: 5; 6; 7; 8; 9"},
        {"printf '\\033[31mred' >&2; exit 1", "'/bin/sh' failed with status 1: ?[31mred"},
        {"kill -9 $$", "'/bin/sh' was ended by signal 9 (Killed)"},
        {"echo dear me >&2; kill -TERM $$",
         "'/bin/sh' was ended by signal 15 (Terminated): dear me"},
    };
    struct bench b;

    (void)state;
    begin(&b);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_false(shell(&b, rows[i].script));
        assert_int_equal(b.e.code, ERR_NETWORK);
        assert_string_equal(b.e.text, rows[i].sentence);
    }
    end(&b);
}

static void
what_is_secret_is_not_in_the_sentence(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    assert_true(list_add(&b.secrets, "hunter2") && list_add(&b.secrets, "hunter2hunter3") &&
                list_add(&b.secrets, "1") && list_add(&b.secrets, ""));
    assert_false(shell(&b, "echo key=hunter2hunter3, hunter2. 1 >&2; exit 1"));
    assert_string_equal(b.e.text, "'/bin/sh' failed with status 1: key=***, ***. 1");
    end(&b);
}

static void
one_that_hangs_is_ended(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    b.timeout_ms = 200;
    assert_false(shell(&b, "echo waiting >&2; sleep 60"));
    assert_int_equal(b.e.code, ERR_TIMEOUT);
    assert_string_equal(b.e.text, "'/bin/sh' did not end within 200 ms and was killed: waiting");
    assert_in_range(b.took_ms, 200, 1500); /* SIGTERM was enough */
    end(&b);
}

static bool
is_alive(struct bench *b, const char *name)
{
    long pid = strtol(scratch_read(&b->scratch, name), NULL, 10);

    return pid > 0 && kill((pid_t)pid, 0) == 0;
}

static void
one_that_does_not_want_to_end_is_killed_with_its_children(void **state)
{
    struct bench b;
    own_mem char *script = NULL;

    (void)state;
    begin(&b);
    b.timeout_ms = 200;
    script = str_format("trap '' TERM; sleep 60 & echo $! >%s; while :; do sleep 60; done",
                        scratch_path(&b.scratch, "pid"));
    assert_false(shell(&b, script));
    assert_int_equal(b.e.code, ERR_TIMEOUT);
    assert_int_equal(b.result.signal, SIGKILL);
    assert_in_range(b.took_ms, 2000, 5000);
    for (int i = 0; i < 200 && is_alive(&b, "pid"); i++) /* a killed one may be seen for a while */
        clock_system.sleep_ms(&clock_system, 10);
    assert_false(is_alive(&b, "pid"));
    end(&b);
}

static void
one_that_leaves_a_process_behind_is_not_waited_for(void **state)
{
    struct bench b;
    own_mem char *script = NULL;

    (void)state;
    begin(&b);
    script = str_format("sleep 60 & echo $! >%s; echo done", scratch_path(&b.scratch, "pid"));
    assert_true(shell(&b, script));
    assert_in_range(b.took_ms, 0, 5000);
    assert_string_equal(b.result.out.text, "done\n");
    (void)kill((pid_t)strtol(scratch_read(&b.scratch, "pid"), NULL, 10), SIGKILL);
    end(&b);
}

static void
one_that_closes_its_outputs_is_waited_for(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    assert_false(shell(&b, "exec >&- 2>&-; sleep 0.2; exit 4"));
    assert_int_equal(b.result.status, 4);
    end(&b);
}

static void
what_cannot_be_run_is_told(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    assert_false(file(&b, "none", 0));
    assert_int_equal(b.e.code, ERR_CONFIG);
    assert_non_null(strstr(b.e.text, "/none': there is no such program"));
    scratch_write(&b.scratch, "plain", "#!/bin/sh\n");
    assert_false(file(&b, "plain", 0600));
    assert_int_equal(b.e.code, ERR_PERMISSION);
    assert_non_null(strstr(b.e.text, "/plain': it is not executable"));
    scratch_write(&b.scratch, "text", "echo hello\n");
    assert_false(file(&b, "text", 0700));
    assert_int_equal(b.e.code, ERR_CONFIG);
    assert_non_null(strstr(b.e.text, "/text': it is no program; the first line"));
    scratch_write(&b.scratch, "lost", "#!/no/such/shell\n");
    assert_false(file(&b, "lost", 0700));
    assert_int_equal(b.e.code, ERR_CONFIG);
    assert_non_null(strstr(b.e.text, "/lost': the interpreter that its first line names"));
    scratch_write(&b.scratch, "good", "#!/bin/sh\nexit 5\n");
    assert_true(file(&b, "good", 0700));
    assert_int_equal(b.result.status, 5);
    end(&b);
}

static void
it_dies_with_us(void **state)
{
    struct bench b;
    own_mem char *script = NULL;
    pid_t other = -1;

    (void)state;
    begin(&b);
    script = str_format("echo $$ >%s; exec sleep 60", scratch_path(&b.scratch, "pid"));
    other = fork();
    if (other == 0) {
        (void)shell(&b, script);
        _exit(0);
    }
    for (int i = 0; i < 500 && !is_alive(&b, "pid"); i++)
        clock_system.sleep_ms(&clock_system, 10);
    assert_true(is_alive(&b, "pid"));
    assert_int_equal(kill(other, SIGKILL), 0);
    assert_int_equal(waitpid(other, NULL, 0), other);
    for (int i = 0; i < 500 && is_alive(&b, "pid"); i++)
        clock_system.sleep_ms(&clock_system, 10);
    assert_false(is_alive(&b, "pid"));
    end(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_and_outputs_are_what_they_are),
        cmocka_unit_test(nothing_of_our_environment_is_there),
        cmocka_unit_test(no_descriptor_of_ours_is_open_in_it),
        cmocka_unit_test(it_runs_also_where_our_own_standard_descriptors_are_closed),
        cmocka_unit_test(its_input_is_the_buffer_or_nothing),
        cmocka_unit_test(signals_are_the_default_ones),
        cmocka_unit_test(a_flood_is_bounded_and_does_not_block),
        cmocka_unit_test(a_failure_is_told_with_its_last_lines),
        cmocka_unit_test(what_is_secret_is_not_in_the_sentence),
        cmocka_unit_test(one_that_hangs_is_ended),
        cmocka_unit_test(one_that_does_not_want_to_end_is_killed_with_its_children),
        cmocka_unit_test(one_that_leaves_a_process_behind_is_not_waited_for),
        cmocka_unit_test(one_that_closes_its_outputs_is_waited_for),
        cmocka_unit_test(what_cannot_be_run_is_told),
        cmocka_unit_test(it_dies_with_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
