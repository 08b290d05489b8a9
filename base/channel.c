/* channel.c: a size, then so many bytes. */
#include "base/channel.h"

#include "base/clock.h"
#include "base/fiber.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define PART 16384

static bool
gone(struct err *e)
{
    return err_set(e, ERR_NETWORK, "the process that does the work is gone");
}

/* Until something can be read or written. */
static bool
await(int fd, short event, int64_t deadline_ms, struct err *e)
{
    struct pollfd p = {.fd = fd, .events = event};
    int ready = 0;

    do {
        int64_t left = deadline_ms - clock_system.steady_ms(&clock_system);

        if (deadline_ms >= 0 && left <= 0)
            return err_set(e, ERR_TIMEOUT, "the process that does the work does not answer");
        ready = fiber_poll(&p, 1, deadline_ms < 0 ? -1 : left > 60000 ? 60000 : (int)left);
    } while (ready == 0 || (ready < 0 && errno == EINTR));
    return ready > 0 || err_errno(e, "wait for another process of pgcert");
}

static bool
send_all(int fd, const char *bytes, size_t size, struct err *e)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        } else if (sent < 0 && errno == EAGAIN) {
            if (!await(fd, POLLOUT, -1, e))
                return false;
        } else if (sent == 0 || errno != EINTR) {
            return gone(e);
        }
    }
    return true;
}

static bool
receive_all(int fd, char *bytes, size_t size, int64_t deadline_ms, struct err *e)
{
    while (size > 0) {
        ssize_t got = 0;

        if (!await(fd, POLLIN, deadline_ms, e))
            return false;
        got = recv(fd, bytes, size, MSG_DONTWAIT);
        if (got > 0) {
            bytes += got;
            size -= (size_t)got;
        } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
            return gone(e);
        }
    }
    return true;
}

bool
channel_send(int fd, const char *text, size_t size, struct err *e)
{
    return send_all(fd, (const char *)&size, sizeof(size), e) && send_all(fd, text, size, e);
}

bool
channel_receive(int fd, size_t size_max, int64_t timeout_ms, struct str *out, struct err *e)
{
    int64_t deadline_ms = timeout_ms < 0 ? -1 : clock_system.steady_ms(&clock_system) + timeout_ms;
    char part[PART];
    size_t size = 0;

    if (!receive_all(fd, (char *)&size, sizeof(size), deadline_ms, e))
        return false;
    if (size > size_max)
        return err_set(e, ERR_PROTOCOL, "another process of pgcert says too much: %zu bytes", size);
    while (size > 0) {
        size_t now = size < sizeof(part) ? size : sizeof(part);

        if (!receive_all(fd, part, now, deadline_ms, e))
            return false;
        if (!str_add(out, part, now))
            return err_memory(e);
        size -= now;
    }
    return true;
}
