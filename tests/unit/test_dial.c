/* test_dial.c: connections that another process makes. */
#include "base/dial.h"
#include "base/dialler.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct list hosts; /* which are named */

/* A server at a port of that address, which is numeric. */
static int
listen_at(struct address *a, const char *host)
{
    struct err e = {0};
    size_t count = 0;
    int fd = -1;

    assert_true(address_of_host(a, 1, &count, host, 0, &e));
    fd = socket(a->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &a->socket.any, a->size), 0);
    assert_int_equal(getsockname(fd, &a->socket.any, &a->size), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* From now on a child makes our connections. */
static pid_t
be_dialled_for(void)
{
    own_dialler struct dialler d = {.hosts = &hosts};
    struct err e = {0};
    int ends[2] = {-1, -1};
    pid_t pid = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        _exit(dialler_serve(&d, ends[1], &e) ? 0 : 1);
    }
    (void)close(ends[1]);
    dial_by(ends[0]);
    return pid;
}

static void
expect_end(pid_t pid)
{
    int status = 0;

    dial_by(-1); /* closes our end */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* How it went, waited for; the socket is *fd. */
static int
outcome(const struct address *at, int *fd)
{
    int why = EAGAIN;
    short event = 0;

    *fd = dial_begin(at);
    if (*fd < 0)
        return errno;
    while ((why = dial_connected(*fd, &event)) == EAGAIN || why == EINPROGRESS) {
        struct pollfd p = {.fd = *fd, .events = event};

        assert_int_equal(poll(&p, 1, 5000), 1);
    }
    return why;
}

/* What is written at one end arrives at the other, however much it is, and so does the end. */
static void
expect_connection(const char *host)
{
    static char sent[100000], got[100000];
    struct address at = {0};
    own_fd int server = listen_at(&at, host);
    own_fd int fd = -1, accepted = -1;
    pid_t pid = 0;
    char byte = 'x';

    assert_int_equal(outcome(&at, &fd), 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(write(fd, &byte, 1), 1);
    assert_int_equal(read(accepted, &byte, 1), 1);
    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = (char)(i % 251);
    pid = fork();
    if (pid == 0)
        _exit(send(accepted, sent, sizeof(sent), 0) == (ssize_t)sizeof(sent) ? 0 : 1);
    own_fd_drop(&accepted);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    assert_int_equal(recv(fd, got, sizeof(got), MSG_WAITALL), sizeof(got));
    assert_memory_equal(sent, got, sizeof(got));
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    accepted = -1;
}

static void
refused_at(const struct address *at, int why)
{
    own_fd int fd = -1;

    assert_int_equal(outcome(at, &fd), why);
}

static void
refused(const char *host, int why)
{
    struct address at[1] = {0};
    struct err e = {0};
    size_t count = 0;

    assert_true(address_of_host(at, 1, &count, host, 9, &e));
    refused_at(at, why);
}

static void
who_has_a_network_uses_it(void **state)
{
    struct address at[2] = {0};
    struct err e = {0};
    size_t count = 0;

    (void)state;
    expect_connection("127.0.0.1");
    assert_true(dial_find(at, COUNT(at), &count, "127.0.0.1", 5432, &e));
    assert_int_equal(count, 1);
}

static void
another_process_connects_to_this_host(void **state)
{
    pid_t pid = be_dialled_for();
    struct address at = {0};

    (void)state;
    expect_connection("127.0.0.1");
    expect_connection("127.0.0.2");
    expect_connection("::1");
    (void)close(listen_at(&at, "127.0.0.1"));
    refused_at(&at, ECONNREFUSED);
    expect_end(pid);
}

/* TEST-NET-2 and the documentation prefix (RFC 5737, RFC 3849) are nobody's. */
static void
it_connects_to_no_other_host_but_those_that_were_named(void **state)
{
    pid_t pid = be_dialled_for();
    struct address at[4] = {0};
    struct err e = {0};
    size_t count = 0;
    own_fd int fd = -1;

    (void)state;
    refused("198.51.100.1", EADDRNOTAVAIL);
    refused("2001:db8::1", EADDRNOTAVAIL);
    /* to have found it is not enough */
    assert_true(dial_find(at, COUNT(at), &count, "198.51.100.1", 9, &e));
    refused("198.51.100.1", EADDRNOTAVAIL);
    expect_end(pid);

    assert_true(list_add(&hosts, "198.51.100.1"));
    pid = be_dialled_for();
    refused("198.51.100.1", EADDRNOTAVAIL);
    for (size_t i = 0; i < 3; i++)
        assert_true(dial_find(at, COUNT(at), &count, "198.51.100.1", 9, &e));
    fd = dial_begin(at);
    assert_true(fd >= 0);
    if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 200) > 0)
        assert_int_not_equal(dial_connected(fd, &(short){0}), EADDRNOTAVAIL);
    refused("198.51.100.2", EADDRNOTAVAIL);
    expect_end(pid);
    list_done(&hosts);
}

/* Of two in one network the second is another's alias, and what is sent to it comes from the first
 * (ip-address(8), "secondary"). */
static void
every_address_of_an_interface_is_of_this_host(void **state)
{
    const struct dialler d = {.hosts = &hosts};
    struct ifaddrs *all = NULL;

    (void)state;
    assert_int_equal(getifaddrs(&all), 0);
    for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
        struct address a = {.size = sizeof(a.socket.v4)};

        if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET)
            continue;
        memcpy(&a.socket, one->ifa_addr, sizeof(a.socket.v4));
        a.socket.v4.sin_port = htons(9);
        assert_int_equal(dialler_may(&d, &a), 0);
    }
    freeifaddrs(all);
}

static void
it_finds_names(void **state)
{
    pid_t pid = be_dialled_for();
    struct address at[4] = {0};
    char text[ADDRESS_TEXT], name[300];
    struct err e = {0};
    size_t count = 0;

    (void)state;
    assert_true(dial_find(at, 1, &count, "127.0.0.7", 5432, &e));
    assert_int_equal(count, 1);
    address_text(text, at, 0);
    assert_string_equal(text, "127.0.0.7:5432");
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_false(dial_find(at, 1, &count, name, 5432, &e));
    assert_int_equal(e.code, ERR_NETWORK);
    e = (struct err){0};
    assert_false(dial_find(at, 1, &count, "127.0.0.1\n2", 5432, &e));
    assert_int_equal(e.code, ERR_NETWORK);
    assert_null(strchr(e.text, '\n'));
    expect_end(pid);
}

static void
when_it_is_gone_nothing_is_said_of_the_server(void **state)
{
    pid_t pid = be_dialled_for();
    struct address at[1] = {0};
    struct err e = {0};
    size_t count = 0;

    (void)state;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(dial_find(at, 1, &count, "127.0.0.1", 9, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    refused("127.0.0.1", DIAL_NOBODY);
    e = (struct err){0};
    dial_at("/nonexistent/socket");
    assert_false(dial_find(at, 1, &count, "127.0.0.1", 9, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_non_null(strstr(e.text, "pgcert-dial.socket"));
    refused("127.0.0.1", DIAL_NOBODY);
}

/* ---- what is said to each other ---- */

static bool
is_taken(const struct dialler_question *q)
{
    struct dialler_question taken = {.version = 0};

    return dialler_take(&taken, q, sizeof(*q));
}

static void
what_makes_no_sense_is_not_done(void **state)
{
    struct dialler_question q = {.version = DIALLER_VERSION, .what = DIALLER_FIND, .port = 5432};
    struct dialler_question taken = {.version = 0};
    const struct dialler d = {.hosts = &hosts};

    (void)state;
    memcpy(q.host, "127.0.0.1", 10);
    assert_true(is_taken(&q));
    assert_false(dialler_take(&taken, &q, sizeof(q) - 1));
    assert_false(dialler_take(&taken, &q, sizeof(q) + 1));
    q.port = 65536;
    assert_false(is_taken(&q));
    q.port = -1;
    assert_false(is_taken(&q));
    q.port = 5432;
    memset(q.host, '1', sizeof(q.host));
    assert_false(is_taken(&q));
    q.host[0] = '\0';
    assert_false(is_taken(&q));
    q.what = DIALLER_BEGIN;
    assert_true(is_taken(&q));
    assert_int_equal(dialler_may(&d, &q.address), EINVAL);
    q.address.socket.any.sa_family = AF_INET;
    q.address.size = sizeof(q.address.socket.v6);
    assert_int_equal(dialler_may(&d, &q.address), EINVAL);
    q.address.socket.any.sa_family = AF_UNIX;
    q.address.size = sizeof(q.address.socket.v4);
    assert_int_equal(dialler_may(&d, &q.address), EINVAL);
    q.what = 3;
    assert_false(is_taken(&q));
    q.what = DIALLER_BEGIN;
    q.version++;
    assert_false(is_taken(&q));
}

/* Who answers each question with these bytes. */
static pid_t
be_answered_with(const void *bytes, size_t size)
{
    int ends[2] = {-1, -1};
    pid_t pid = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pid = fork();
    if (pid == 0) {
        struct dialler_question q = {.version = 0};
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(sizeof(int))];
        } control = {.bytes = {0}};
        struct iovec part = {.iov_base = &q, .iov_len = sizeof(q)};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control)};
        int to = -1;

        (void)close(ends[0]);
        while (recvmsg(ends[1], &message, 0) > 0) {
            memcpy(&to, CMSG_DATA(&control.header), sizeof(to));
            (void)!send(to, bytes, size, MSG_NOSIGNAL);
            (void)close(to);
        }
        _exit(0);
    }
    (void)close(ends[1]);
    dial_by(ends[0]);
    return pid;
}

static void
not_found(const void *bytes, size_t size, enum err_code code)
{
    pid_t pid = be_answered_with(bytes, size);
    struct address at[1] = {0};
    struct err e = {0};
    size_t count = 0;

    assert_false(dial_find(at, 1, &count, "127.0.0.1", 9, &e));
    assert_int_equal(e.code, code);
    assert_true(strlen(e.text) < 400);
    expect_end(pid);
}

static void
an_answer_that_makes_no_sense_is_none(void **state)
{
    struct dialler_answer a = {.version = DIALLER_VERSION + 1, .count = 1};
    const int32_t begun = EINPROGRESS;
    pid_t pid = 0;

    (void)state;
    not_found(&a, sizeof(a), ERR_SYSTEM);
    a.version = DIALLER_VERSION;
    not_found(&a, sizeof(a) - 1, ERR_SYSTEM);
    not_found(&a, 0, ERR_SYSTEM);
    /* more addresses than there is room for, none, and a text without an end */
    a.count = DIALLER_ADDRESSES_MAX + 1;
    not_found(&a, sizeof(a), ERR_SYSTEM);
    a.count = 0;
    not_found(&a, sizeof(a), ERR_SYSTEM);
    memset(a.text, 'x', sizeof(a.text));
    not_found(&a, sizeof(a), ERR_NETWORK);
    /* of a connection nothing is said */
    pid = be_answered_with("", 0);
    refused("127.0.0.1", DIAL_NOBODY);
    expect_end(pid);
    pid = be_answered_with(&begun, sizeof(begun));
    refused("127.0.0.1", DIAL_NOBODY);
    expect_end(pid);
    pid = be_answered_with("abc", 3);
    refused("127.0.0.1", DIAL_NOBODY);
    expect_end(pid);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_a_network_uses_it), /* for it loses it by the next */
        cmocka_unit_test(another_process_connects_to_this_host),
        cmocka_unit_test(it_connects_to_no_other_host_but_those_that_were_named),
        cmocka_unit_test(every_address_of_an_interface_is_of_this_host),
        cmocka_unit_test(it_finds_names),
        cmocka_unit_test(when_it_is_gone_nothing_is_said_of_the_server),
        cmocka_unit_test(what_makes_no_sense_is_not_done),
        cmocka_unit_test(an_answer_that_makes_no_sense_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
