/* test_confine.c: forked children confine themselves, and try what they may not. */
#include "base/confine.h"

#include "tests/fake/scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what is tried: 0, or errno ---- */

static const char *where; /* the scratch directory */

static char *
at(const char *name)
{
    char *path = str_format("%s/%s", where, name);

    assert_non_null(path);
    return path;
}

static int
outcome(long result)
{
    return result < 0 ? errno : 0;
}

static int
open_it(const char *name, int flags)
{
    own_mem char *path = name[0] == '/' ? strdup(name) : at(name);
    own_fd int fd = open(path, flags | O_CLOEXEC, 0600);

    return outcome(fd);
}

static int
read_it(const char *name)
{
    return open_it(name, O_RDONLY);
}

static int
write_it(const char *name)
{
    return open_it(name, O_WRONLY);
}

static int
empty_it(const char *name)
{
    own_mem char *path = at(name);

    return outcome(truncate(path, 0));
}

static int
make_it(const char *name)
{
    return open_it(name, O_WRONLY | O_CREAT | O_EXCL);
}

static int
remove_it(const char *name)
{
    own_mem char *path = at(name);

    return outcome(unlink(path));
}

/* Over what may be read, by what may be written. */
static int
rename_it(const char *name)
{
    own_mem char *from = at("work/mine");
    own_mem char *to = at(name);

    return outcome(rename(from, to));
}

static int
list_it(const char *name)
{
    return open_it(name, O_RDONLY | O_DIRECTORY);
}

static int
run_it(const char *name)
{
    pid_t pid = fork();
    int status = 0;

    if (pid < 0)
        return errno;
    if (pid == 0) {
        own_mem char *path = at(name);
        char *const arguments[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){": <\"$1\""},
                                   (char[]){"sh"}, path,           NULL};

        (void)execve("/bin/sh", arguments, (char *[]){NULL});
        _exit(errno);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
execute(const char *name)
{
    own_mem char *path = at(name);
    char *const arguments[] = {path, NULL};

    return outcome(execve(path, arguments, (char *[]){NULL}));
}

static int
make_socket(const char *family)
{
    own_fd int fd = socket((int)strtol(family, NULL, 10), SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return outcome(fd);
}

/* The kernel takes the lower half of a register for the family, and so must who judges it. */
static int
make_odd_socket(const char *family)
{
    long number = strtol(family, NULL, 10) | (1L << 32);
    own_fd int fd = (int)syscall(SYS_socket, number, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return outcome(fd);
}

static int
listen_at_any_port(const char *unused)
{
    own_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    (void)unused;
    return fd < 0 ? errno : outcome(bind(fd, (struct sockaddr *)&any, sizeof(any)));
}

static int
trace(const char *unused)
{
    (void)unused;
    return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
be_root_elsewhere(const char *unused)
{
    (void)unused;
    return outcome(unshare(CLONE_NEWUSER));
}

static int
be_root_in_a_child(const char *unused)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

    (void)unused;
    if (pid == 0)
        _exit(0);
    return outcome(pid);
}

static int
signal_parent(const char *unused)
{
    (void)unused;
    return outcome(kill(getppid(), 0));
}

static int
read_parent(const char *unused)
{
    own_mem char *path = str_format("/proc/%d/mem", (int)getppid());

    (void)unused;
    return read_it(path);
}

static int
type(const char *unused)
{
    (void)unused;
    return outcome(ioctl(STDERR_FILENO, TIOCSTI, "x"));
}

static int
call_what_is_in_no_list(const char *unused)
{
    (void)unused;
    return outcome(syscall(SYS_sched_rr_get_interval, 0, NULL));
}

static int
gain(const char *unused)
{
    (void)unused;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? EPERM : 0;
}

/* ---- the rows ---- */

enum needs { NOTHING = 0, FILES = 1, FILES_3 = 3, PORTS = 4, SCOPES = 6, CALLS = 100 };

struct row {
    int (*try)(const char *what);
    const char *what;
    int wanted[4]; /* as SYSCALLS_FILES, _LOCAL, _NETWORK, _PROGRAMS */
    int needs;     /* an ABI of Landlock, or CALLS */
};

#define ALL(result)                                                                                \
    {                                                                                              \
        result, result, result, result                                                             \
    }

/* A sanitizer looks for leaks as a tracer. */
#ifdef __SANITIZE_ADDRESS__
#define TRACED                                                                                     \
    {                                                                                              \
        ENOSYS, 0, 0, 0                                                                            \
    }
#else
#define TRACED ALL(EPERM)
#endif

/* clang-format off */
static const struct row rows[] = {
    {read_it,   "open/file",          ALL(0),      NOTHING},
    {write_it,  "open/file",          ALL(EACCES), FILES},
    {empty_it,  "open/file",          ALL(EACCES), FILES_3},
    {make_it,   "open/new",           ALL(EACCES), FILES},
    {remove_it, "open/file",          ALL(EACCES), FILES},
    {rename_it, "open/file",          ALL(EACCES), FILES},
    {list_it,   "open",               ALL(0),      NOTHING},
    {read_it,   "work/mine",          ALL(0),      NOTHING},
    {write_it,  "work/mine",          ALL(0),      NOTHING},
    {make_it,   "work/new",           ALL(0),      NOTHING},
    {remove_it, "work/new",           ALL(0),      NOTHING},
    {read_it,   "open/secret/key",    ALL(EACCES), FILES},
    {write_it,  "open/secret/key",    ALL(EACCES), FILES},
    {make_it,   "open/secret/new",    ALL(EACCES), FILES},
    {read_it,   "open/link",          ALL(EACCES), FILES}, /* to secret/key */
    {read_it,   "open/later/key",     ALL(EACCES), FILES}, /* made after the child was confined */
    {read_it,   "half/hidden",        ALL(EACCES), FILES},
    {write_it,  "half/mine",          ALL(0),      NOTHING},
    {make_it,   "half/new",           ALL(EACCES), FILES}, /* beside what is hidden */
    {read_it,   "elsewhere",          ALL(EACCES), FILES},
    {write_it,  "/dev/null",          ALL(0),      NOTHING},
    {read_it,   "/dev/urandom",       ALL(0),      NOTHING},
    {read_it,   "/dev/loop-control",  ALL(EACCES), FILES},
    {run_it,    "open/file",          {ENOSYS, EPERM, EPERM, 0}, CALLS},
    {run_it,    "open/secret/key",    {ENOSYS, EPERM, EPERM, 2}, CALLS}, /* as dash has it */
    {execute,   "open/file",          {EPERM, EPERM, EPERM, EACCES}, CALLS}, /* it is not executable */
    {make_socket, "2",                {EPERM, EPERM, 0, 0}, CALLS},            /* AF_INET */
    {make_socket, "1",                {EPERM, 0, ENOSYS, 0}, CALLS},       /* AF_UNIX */
    {make_socket, "38",               {EPERM, EPERM, ENOSYS, EPERM}, CALLS},   /* AF_ALG */
    {make_odd_socket, "2",            {EPERM, EPERM, 0, 0}, CALLS},
    {make_odd_socket, "38",           {EPERM, EPERM, ENOSYS, EPERM}, CALLS},
    {listen_at_any_port, "",          {EPERM, EPERM, EACCES, EACCES}, PORTS},
    {trace, "",                       TRACED,     CALLS},
    {be_root_elsewhere, "",           ALL(EPERM), CALLS},
    {be_root_in_a_child, "",          {ENOSYS, EPERM, ENOSYS, EPERM}, CALLS},
    {type, "",                        {ENOSYS, EPERM, ENOSYS, EPERM}, CALLS},
    {call_what_is_in_no_list, "",     {ENOSYS, EFAULT, ENOSYS, EFAULT}, CALLS},
    {signal_parent, "",               ALL(EPERM),  SCOPES},
    {read_parent, "",                 ALL(EACCES), FILES},
    {gain, "",                        ALL(EPERM),  NOTHING},
};
/* clang-format on */

static bool
is_met(int needs)
{
    return needs == CALLS ? syscalls_can() : landlock_abi() >= needs;
}

/* ---- one child of each kind ---- */

struct result {
    int got[COUNT(rows)];
    struct err e;
};

static void
confine_and_try(enum syscalls what, int go, int out)
{
    own_list struct list read = {0};
    own_list struct list write = {0};
    own_list struct list hidden = {0};
    struct confine c = {.files = {.read = &read, .write = &write, .hidden = &hidden}, .what = what};
    const struct {
        struct list *list;
        const char *name;
    } places[] = {{&read, "open"},          {&write, "work"},        {&write, "half"},
                  {&hidden, "open/secret"}, {&hidden, "open/later"}, {&hidden, "half/hidden"}};
    struct result r = {{0}, {0}};
    char byte = 'x';

    for (size_t i = 0; i < COUNT(places); i++) {
        own_mem char *path = at(places[i].name);

        if (!list_add(places[i].list, path))
            _exit(1);
    }
    if (!confine_add_system(&read) || !confine_enter(&c, &r.e))
        (void)err_wrap(&r.e, "not confined");
    (void)!write_it("work/mine");
    (void)!(send(out, &byte, 1, 0) == 1 && recv(go, &byte, 1, 0) == 1);
    for (size_t i = 0; r.e.code == ERR_NONE && i < COUNT(rows); i++)
        r.got[i] = rows[i].try(rows[i].what);
    (void)!send(out, &r, sizeof(r), 0);
    _exit(0);
}

static void
put(const char *name)
{
    own_mem char *path = at(name);
    own_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, "x\n", 2), 2);
}

static void
put_directory(const char *name)
{
    own_mem char *path = at(name);

    assert_int_equal(mkdir(path, 0700), 0);
}

static void
all_rows(enum syscalls what)
{
    own_scratch struct scratch s = scratch_new();
    own_mem char *link = NULL;
    struct result r = {{0}, {0}};
    int ends[2] = {-1, -1}, status = 0;
    pid_t pid = 0;
    char byte = 'x';

    where = s.path;
    put_directory("open");
    put_directory("open/secret");
    put_directory("work");
    put("open/file");
    put("open/secret/key");
    put("work/mine");
    put_directory("half");
    put("half/hidden");
    put("half/mine");
    put("elsewhere");
    link = at("open/link");
    assert_int_equal(symlink("secret/key", link), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    pid = fork();
    if (pid == 0)
        confine_and_try(what, ends[1], ends[1]);
    assert_int_equal(recv(ends[0], &byte, 1, 0), 1);
    put_directory("open/later");
    put("open/later/key");
    assert_int_equal(send(ends[0], &byte, 1, 0), 1);
    assert_int_equal(recv(ends[0], &r, sizeof(r), MSG_WAITALL), sizeof(r));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_string_equal(r.e.text, "");
    for (size_t i = 0; i < COUNT(rows); i++)
        if (is_met(rows[i].needs) && r.got[i] != rows[i].wanted[what])
            fail_msg("row %zu, '%s': %s instead of %s", i, rows[i].what, strerror(r.got[i]),
                     strerror(rows[i].wanted[what]));
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void
who_changes_files_may_do_that_alone(void **state)
{
    (void)state;
    all_rows(SYSCALLS_FILES);
}

static void
who_has_keys_has_no_network(void **state)
{
    (void)state;
    all_rows(SYSCALLS_LOCAL);
}

static void
who_speaks_with_others_runs_nothing(void **state)
{
    (void)state;
    all_rows(SYSCALLS_NETWORK);
}

static void
a_program_inherits_all_of_it(void **state)
{
    (void)state;
    all_rows(SYSCALLS_PROGRAMS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_changes_files_may_do_that_alone),
        cmocka_unit_test(who_has_keys_has_no_network),
        cmocka_unit_test(who_speaks_with_others_runs_nothing),
        cmocka_unit_test(a_program_inherits_all_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
