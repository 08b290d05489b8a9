/* fuzz_handshake.c: what a server may answer to an SSLRequest. */
#include "tests/fuzz/fuzz.h"

#include "reload/handshake.h"

#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 16384

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static SSL_CTX *ctx;
    struct err e = {0};
    own_handshake struct handshake h = {.how = PROBE_POSTGRES, .fd = -1};
    own_fd int server = -1;
    int ends[2];

    if (ctx == NULL)
        ctx = handshake_context(&e);
    if (size > ANSWER_MAX || ctx == NULL ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
        return 0;
    server = ends[1];
    MUST(write(server, bytes, size) == (ssize_t)size);
    (void)shutdown(server, SHUT_WR);
    handshake_adopt(&h, ctx, ends[0]);
    handshake_run(&h, 1, clock_system.steady_ms(&clock_system) + 1000, &clock_system);
    MUST(h.over && h.e.code != ERR_NONE); /* no key was ever shown */
    return 0;
}
