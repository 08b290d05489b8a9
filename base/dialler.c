/* dialler.c: look who is meant, connect, and carry what is said to and fro. */
#include "base/dialler.h"

#include "base/fiber.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define KNOWN_MAX 1024
#define CHUNK 16384

/* ---- who may be dialled ---- */

static bool
is_loopback(const struct address *a)
{
    if (a->socket.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&a->socket.v6.sin6_addr);
    return ntohl(a->socket.v4.sin_addr.s_addr) >> 24 == 127;
}

static bool
is_of_interface(const struct address *a, const struct ifaddrs *one)
{
    struct address own = {.size = a->size};

    if (one->ifa_addr == NULL || one->ifa_addr->sa_family != a->socket.any.sa_family)
        return false;
    memcpy(&own.socket, one->ifa_addr, a->size);
    return address_same_host(a, &own);
}

/* False: it is not known. */
static bool
has_interface(const struct address *a, bool *found)
{
    struct ifaddrs *all = NULL;

    *found = false;
    if (getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *one = all; one != NULL && !*found; one = one->ifa_next)
        *found = is_of_interface(a, one);
    freeifaddrs(all);
    return true;
}

/* A whole range may be this host's by a route (ip-route(8), "local"), without being anywhere else:
 * what is sent there comes from there. Nothing is sent for this. */
static bool
has_route(const struct address *a)
{
    own_fd int fd = socket(a->socket.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct address from = {.size = sizeof(from.socket)};

    return fd >= 0 && connect(fd, &a->socket.any, a->size) == 0 &&
           getsockname(fd, &from.socket.any, &from.size) == 0 && address_same_host(a, &from);
}

static bool
is_known(const struct dialler *d, const struct address *a)
{
    for (size_t i = 0; i < d->known_count; i++)
        if (address_same_host(&d->known[i], a))
            return true;
    return false;
}

static bool
is_address(const struct address *a)
{
    return (a->socket.any.sa_family == AF_INET && a->size == sizeof(a->socket.v4)) ||
           (a->socket.any.sa_family == AF_INET6 && a->size == sizeof(a->socket.v6));
}

int
dialler_may(const struct dialler *d, const struct address *a)
{
    bool is_own = false;

    if (!is_address(a))
        return EINVAL;
    if (is_loopback(a) || is_known(d, a))
        return 0;
    if (!has_interface(a, &is_own))
        return ENOSYS;
    return is_own || has_route(a) ? 0 : EADDRNOTAVAIL;
}

void
dialler_learn(struct dialler *d, const struct address *addresses, size_t count)
{
    for (size_t i = 0; i < count && d->known_count < KNOWN_MAX; i++) {
        struct address *grown = NULL;

        if (is_known(d, &addresses[i]))
            continue;
        grown = reallocarray(d->known, d->known_count + 1, sizeof(*grown));
        if (grown == NULL)
            return;
        d->known = grown;
        grown[d->known_count++] = addresses[i];
    }
}

void
dialler_done(struct dialler *d)
{
    free(d->known);
    *d = (struct dialler){.hosts = NULL};
}

/* ---- questions ---- */

bool
dialler_take(struct dialler_question *q, const void *bytes, size_t size)
{
    if (size != sizeof(*q))
        return false;
    memcpy(q, bytes, sizeof(*q));
    if (q->version != DIALLER_VERSION)
        return false;
    if (q->what == DIALLER_BEGIN)
        return true;
    return q->what == DIALLER_FIND && q->port >= 0 && q->port <= 65535 && q->host[0] != '\0' &&
           memchr(q->host, '\0', sizeof(q->host)) != NULL;
}

void
dialler_find(const struct dialler_question *q, struct dialler_answer *a)
{
    struct err e = {0};
    size_t count = 0;

    *a = (struct dialler_answer){.version = DIALLER_VERSION};
    if (address_of_host(a->addresses, DIALLER_ADDRESSES_MAX, &count, q->host, q->port, &e))
        a->count = (uint32_t)count;
    else
        (void)snprintf(a->text, sizeof(a->text), "%.200s", e.text);
}

static bool
is_named(const struct dialler *d, const char *host)
{
    for (size_t i = 0; i < d->hosts->count; i++)
        if (strcasecmp(d->hosts->items[i], host) == 0)
            return true;
    return false;
}

static bool
send_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Who keeps what is known hears of it first, so that it is known when the next question comes. */
static void
answer_find(const struct dialler *d, const struct dialler_question *q, int to, int known)
{
    struct dialler_answer a = {.version = 0};

    dialler_find(q, &a);
    if (a.count > 0 && is_named(d, q->host) &&
        !send_all(known, a.addresses, a.count * sizeof(a.addresses[0])))
        return;
    (void)send_all(to, &a, sizeof(a));
}

/* ---- a connection ---- */

/* Waits until it is there, or not, or nobody waits for it any more. An errno. */
static int
wait_for(int fd, int asker)
{
    struct pollfd p[] = {{.fd = fd, .events = POLLOUT}, {.fd = asker, .events = POLLRDHUP}};
    int why = 0;
    socklen_t size = sizeof(why);

    while (fiber_poll(p, COUNT(p), -1) < 0)
        if (errno != EINTR)
            return errno;
    if (p[0].revents == 0)
        return ECANCELED;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) < 0 ? errno : why;
}

enum passed { PASSED_SOME, PASSED_END, PASSED_NOTHING };

/* What there is to read goes on. At its end the other one hears of that. */
static enum passed
pass_on(int from, int to)
{
    char bytes[CHUNK];
    ssize_t got = recv(from, bytes, sizeof(bytes), 0);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return PASSED_SOME;
    if (got == 0)
        return shutdown(to, SHUT_WR) == 0 ? PASSED_END : PASSED_NOTHING;
    return got > 0 && send_all(to, bytes, (size_t)got) ? PASSED_SOME : PASSED_NOTHING;
}

/* What the server has said, and nobody has read yet: why it hangs up, say. */
static void
pass_rest(int server, int asker)
{
    char bytes[CHUNK];
    ssize_t got = 0;

    while ((got = recv(server, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        if (!send_all(asker, bytes, (size_t)got))
            return;
}

/* Until the asker goes. */
static void
carry(int server, int asker)
{
    struct pollfd p[] = {{.fd = server, .events = POLLIN}, {.fd = asker, .events = POLLIN}};

    for (;;) {
        enum passed passed = PASSED_SOME;

        if (fiber_poll(p, COUNT(p), -1) < 0) {
            if (errno != EINTR)
                return;
            continue;
        }
        if (p[1].revents != 0)
            passed = pass_on(asker, server);
        if (passed == PASSED_NOTHING)
            pass_rest(server, asker);
        if (passed != PASSED_SOME)
            return;
        if (p[0].revents != 0)
            passed = pass_on(server, asker);
        if (passed == PASSED_NOTHING)
            return;
        if (passed == PASSED_END)
            p[0].fd = -1;
    }
}

/* Ours, and not the server's. */
static bool
is_lack(int why)
{
    return why == ENOSYS || why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM;
}

static void
answer_begin(const struct dialler *d, const struct address *a, int to)
{
    const int32_t begun = EINPROGRESS;
    int32_t why = dialler_may(d, a);
    own_fd int fd = -1;

    if (!send_all(to, &begun, sizeof(begun)))
        return;
    if (why == 0) {
        fd = address_connect(a);
        why = fd < 0 ? errno : wait_for(fd, to);
    }
    if (why == 0 && fcntl(fd, F_SETFL, 0) < 0)
        why = errno;
    if (!is_lack(why) && send_all(to, &why, sizeof(why)) && why == 0)
        carry(fd, to);
}

/* ---- the conversation ---- */

/* The socket that has come along; of more than one the rest is closed. -1: none. */
static int
take_socket(struct msghdr *message)
{
    int taken = -1;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        size_t size = c->cmsg_len < CMSG_LEN(0) ? 0 : c->cmsg_len - CMSG_LEN(0);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i + sizeof(int) <= size; i += sizeof(int)) {
            own_fd int fd = -1;

            memcpy(&fd, CMSG_DATA(c) + i, sizeof(fd));
            if (taken < 0)
                taken = own_fd_take(&fd);
        }
    }
    return taken;
}

static void
answer(struct dialler *d, const struct dialler_question *q, int to, int socket, int known)
{
    pid_t pid = fork();

    if (pid != 0)
        return; /* where there is no process to be had, the asker sees the end of its socket */
    (void)close(socket);
    if (q->what == DIALLER_FIND)
        answer_find(d, q, to, known);
    else
        answer_begin(d, &q->address, to);
    _exit(0);
}

/* One question. False: it was the last one, or errno says what is wrong. */
static bool
serve_one(struct dialler *d, int socket, int known)
{
    char bytes[sizeof(struct dialler_question) + 1];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct dialler_question q = {.version = 0};
    ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    own_fd int to = size < 0 ? -1 : take_socket(&message);

    if (size < 0)
        return errno == EINTR || errno == EAGAIN;
    errno = 0;
    if (size == 0)
        return false;
    if (to >= 0 && dialler_take(&q, bytes, (size_t)size))
        answer(d, &q, to, socket, known);
    return true;
}

/* What those who have found names have found. */
static void
hear_known(struct dialler *d, int known)
{
    struct address found[DIALLER_ADDRESSES_MAX];
    ssize_t size = 0;

    while ((size = recv(known, found, sizeof(found), MSG_DONTWAIT)) > 0)
        dialler_learn(d, found, (size_t)size / sizeof(found[0]));
}

bool
dialler_serve(struct dialler *d, int socket, struct err *e)
{
    int known[2] = {-1, -1};
    bool goes_on = true;

    /* nobody waits for those who answer */
    if (signal(SIGCHLD, SIG_IGN) == SIG_ERR ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, known) < 0)
        return err_errno(e, "prepare to make connections");
    while (goes_on) {
        struct pollfd p[] = {{.fd = socket, .events = POLLIN}, {.fd = known[0], .events = POLLIN}};

        goes_on = fiber_poll(p, COUNT(p), -1) >= 0 || errno == EINTR;
        if (goes_on)
            hear_known(d, known[0]);
        if (goes_on && p[0].revents != 0)
            goes_on = serve_one(d, socket, known[1]);
    }
    own_fd_drop(&known[0]);
    own_fd_drop(&known[1]);
    return errno == 0 || errno == ECONNRESET || err_errno(e, "hear what is to be dialled");
}
