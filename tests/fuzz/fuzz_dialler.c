/* fuzz_dialler.c: what a process that has no network asks the one that dials, and what is answered.
 */
#include "tests/fuzz/fuzz.h"

#include "base/dial.h"
#include "base/dialler.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A name would be looked for in the DNS. */
static bool
is_name(const struct dialler_question *q)
{
    return q->host[strspn(q->host, "0123456789.:")] != '\0';
}

static const uint8_t *fuzz_bytes;
static size_t fuzz_size;
static int fuzz_socket;
static pthread_t fuzz_thread;

/* Answers one question with the bytes. */
static void *
give(void *unused)
{
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

    MUST(recvmsg(fuzz_socket, &message, 0) == (ssize_t)sizeof(q));
    memcpy(&to, CMSG_DATA(&control.header), sizeof(to));
    MUST(send(to, fuzz_bytes, fuzz_size, MSG_NOSIGNAL) >= 0);
    (void)close(to);
    return unused;
}

static void
ask(const uint8_t *bytes, size_t size)
{
    const struct list nobody = {0};
    struct dialler d = {.hosts = &nobody};
    struct dialler_question q = {.version = 0};
    struct dialler_answer a = {.version = 0};

    if (!dialler_take(&q, bytes, size))
        return;
    if (q.what == DIALLER_FIND && !is_name(&q))
        dialler_find(&q, &a);
    else if (q.what == DIALLER_BEGIN)
        MUST(dialler_may(&d, &q.address) >= 0);
    MUST(a.count <= DIALLER_ADDRESSES_MAX);
    dialler_learn(&d, a.addresses, a.count);
    MUST(d.known_count <= a.count);
    dialler_done(&d);
}

/* Whoever answers our question: the bytes are there before it comes. */
static void
answer(const uint8_t *bytes, size_t size)
{
    struct address at[4] = {0};
    struct err e = {0};
    size_t count = 0;
    int ends[2] = {-1, -1};

    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    dial_by(ends[0]);
    fuzz_bytes = bytes;
    fuzz_size = size;
    fuzz_socket = ends[1];
    MUST(pthread_create(&fuzz_thread, NULL, give, NULL) == 0);
    if (dial_find(at, 4, &count, "127.0.0.1", 1, &e))
        MUST(count > 0 && count <= 4);
    else
        MUST(e.code != ERR_NONE);
    MUST(pthread_join(fuzz_thread, NULL) == 0);
    dial_by(-1);
    (void)close(ends[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0 || size > 4096)
        return 0;
    ask(bytes, size);
    answer(bytes, size);
    return 0;
}
