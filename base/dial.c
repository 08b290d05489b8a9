/* dial.c: ask the kernel, or the process that dials for us. */
#include "base/dial.h"

#include "base/clock.h"
#include "base/dialler.h"
#include "base/fiber.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIND_MS 60000 /* how long a name may take */

/* Of this process; it has only one network, or none. */
static struct {
    bool is_by_another;
    const char *path; /* NULL: it was handed to us */
    int fd;           /* -1: not connected */
} by = {.fd = -1};

static void
become(const char *path, int fd)
{
    own_fd_drop(&by.fd);
    by.is_by_another = true;
    by.path = path;
    by.fd = fd;
}

void
dial_by(int fd)
{
    become(NULL, fd);
}

void
dial_at(const char *path)
{
    become(path, -1);
}

/* ---- the one who dials ---- */

/* False with errno. */
static bool
reach(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    own_fd int fd = -1;

    if (by.fd >= 0)
        return true;
    errno = ECONNRESET;
    if (by.path == NULL || strlen(by.path) >= sizeof(at.sun_path))
        return false;
    memcpy(at.sun_path, by.path, strlen(by.path) + 1);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
        return false;
    by.fd = own_fd_take(&fd);
    return true;
}

/* A question, with the socket where the answer is to come. */
static bool
say(const struct dialler_question *q, int answer)
{
    struct dialler_question copy = *q;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {.iov_base = &copy, .iov_len = sizeof(copy)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    int why = 0;

    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &answer, sizeof(answer));
    if (!reach())
        return false;
    if (sendmsg(by.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(copy))
        return true;
    why = errno;
    own_fd_drop(&by.fd);
    by.fd = -1;
    errno = why;
    return false;
}

/* Our end of where the answer will come; -1 and errno. Who was there, and is gone, may have been
 * followed by another one. */
static int
ask(const struct dialler_question *q)
{
    int ends[2] = {-1, -1};
    bool said = false;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    said = say(q, ends[1]) ||
           (by.path != NULL && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) &&
            say(q, ends[1]));
    own_fd_drop(&ends[1]);
    if (said && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        return ends[0];
    own_fd_drop(&ends[0]);
    return -1;
}

/* ---- a name ---- */

static bool
nobody(struct err *e)
{
    int why = errno;
    bool is_there = why == EPIPE || why == ECONNRESET || why == ETIMEDOUT;

    (void)err_set(e, ERR_SYSTEM, "nobody makes connections for us%s%s%s: %s%s",
                  by.path == NULL ? "" : " at '", by.path == NULL ? "" : by.path,
                  by.path == NULL ? "" : "'", strerror(why),
                  by.path == NULL ? ""
                  : is_there      ? "; see: journalctl -u 'pgcert-dial@*'"
                  : why == EACCES ? "; pgcert-dial.socket is another user's (SocketUser)"
                                  : "; try: systemctl start pgcert-dial.socket");
    e->is_ours = true;
    return false;
}

/* Waits until there is something to read. False with errno. */
static bool
wait_for(int fd, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left_ms = deadline_ms - clock_system.steady_ms(&clock_system);
        int ready = fiber_poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);

        if (ready > 0)
            return true;
        if (ready == 0)
            errno = ETIMEDOUT;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

/* All of an answer. False with errno. */
static bool
hear(int fd, struct dialler_answer *a)
{
    int64_t deadline_ms = clock_system.steady_ms(&clock_system) + FIND_MS;
    char *at = (char *)a;
    size_t left = sizeof(*a);

    while (left > 0) {
        ssize_t got = wait_for(fd, deadline_ms) ? recv(fd, at, left, 0) : -1;

        if (got == 0)
            errno = ECONNRESET;
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            return false;
        if (got < 0)
            continue;
        at += got;
        left -= (size_t)got;
    }
    errno = EPROTO;
    return a->version == DIALLER_VERSION;
}

bool
dial_find(struct address *addresses, size_t room, size_t *count, const char *host, int port,
          struct err *e)
{
    struct dialler_question q = {.version = DIALLER_VERSION, .what = DIALLER_FIND, .port = port};
    struct dialler_answer a = {.version = 0};
    own_fd int fd = -1;

    if (!by.is_by_another)
        return address_of_host(addresses, room, count, host, port, e);
    if (strlen(host) >= sizeof(q.host))
        return err_set(e, ERR_NETWORK, "'%.64s...' has no address: it is too long for a name",
                       host);
    memcpy(q.host, host, strlen(host) + 1);
    fd = ask(&q);
    if (fd < 0 || !hear(fd, &a))
        return nobody(e);
    a.text[sizeof(a.text) - 1] = '\0';
    if (a.text[0] != '\0')
        return err_set(e, ERR_NETWORK, "%s", a.text);
    if (a.count == 0 || a.count > DIALLER_ADDRESSES_MAX)
        return nobody(e);
    *count = a.count < room ? a.count : room;
    memcpy(addresses, a.addresses, *count * sizeof(*addresses));
    return true;
}

/* ---- a connection ---- */

int
dial_begin(const struct address *address)
{
    struct dialler_question q = {
        .version = DIALLER_VERSION, .what = DIALLER_BEGIN, .address = *address};
    int fd = -1;

    if (!by.is_by_another)
        return address_connect(address);
    fd = ask(&q);
    if (fd < 0)
        errno = DIAL_NOBODY;
    return fd;
}

/* Its first word is that it has begun, the second how it went. */
static int
hear_how(int fd)
{
    int heard = EAGAIN;

    for (;;) {
        int32_t why = 0;
        ssize_t got = recv(fd, &why, sizeof(why), 0);

        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return heard;
        if (got != (ssize_t)sizeof(why) || why == EAGAIN)
            return DIAL_NOBODY;
        if (why != EINPROGRESS)
            return why;
        heard = EINPROGRESS;
    }
}

int
dial_connected(int fd, short *wants)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int why = 0;
    socklen_t size = sizeof(why);

    *wants = by.is_by_another ? POLLIN : POLLOUT;
    if (by.is_by_another)
        return hear_how(fd);
    if (fiber_poll(&p, 1, 0) == 0)
        return EINPROGRESS;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) < 0 ? errno : why;
}
