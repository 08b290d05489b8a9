/* nameserver.c: sockets and wire format by hand, so that it shares no mistake with the program. */
#include "tests/fake/nameserver.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Both sockets on one port. */
static int
open_sockets(int fds[2])
{
    for (int turn = 0; turn < 100; turn++) {
        struct sockaddr_in a = {.sin_family = AF_INET};
        socklen_t size = sizeof(a);

        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fds[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(fds[0], (struct sockaddr *)&a, size) == 0 &&
            getsockname(fds[0], (struct sockaddr *)&a, &size) == 0 &&
            bind(fds[1], (struct sockaddr *)&a, size) == 0 && listen(fds[1], 16) == 0)
            return ntohs(a.sin_port);
        (void)close(fds[0]);
        (void)close(fds[1]);
    }
    abort();
}

static size_t
answer_one(struct fake_nameserver *n, nameserver_script *script, unsigned char *answer,
           const unsigned char *query, size_t size, bool by_tcp)
{
    n->seen->udp += !by_tcp;
    n->seen->tcp += by_tcp;
    memcpy(n->seen->last, query, size);
    n->seen->last_size = size;
    return script(answer, query, size, n->seen->udp + n->seen->tcp, by_tcp);
}

static void
serve_datagram(struct fake_nameserver *n, nameserver_script *script, int fd)
{
    unsigned char query[NAMESERVER_ROOM];
    unsigned char answer[NAMESERVER_ROOM];
    struct sockaddr_in from;
    socklen_t from_size = sizeof(from);
    ssize_t size = recvfrom(fd, query, sizeof(query), 0, (struct sockaddr *)&from, &from_size);
    size_t answered = 0;

    if (size < 12)
        return;
    answered = answer_one(n, script, answer, query, (size_t)size, false);
    if (answered > 0)
        (void)sendto(fd, answer, answered, 0, (struct sockaddr *)&from, from_size);
}

static void
serve_stream(struct fake_nameserver *n, nameserver_script *script, int fd)
{
    unsigned char query[NAMESERVER_ROOM + 2];
    unsigned char answer[NAMESERVER_ROOM + 2];
    int stream = accept(fd, NULL, NULL);
    size_t got = 0;
    size_t answered = 0;

    while (stream >= 0 && (got < 2 || got < 2 + ((size_t)query[0] << 8 | query[1]))) {
        ssize_t size = recv(stream, query + got, sizeof(query) - got, 0);

        if (size <= 0)
            break;
        got += (size_t)size;
    }
    if (got > 14)
        answered = answer_one(n, script, answer + 2, query + 2, got - 2, true);
    answer[0] = (unsigned char)(answered >> 8);
    answer[1] = (unsigned char)answered;
    if (answered > 0)
        (void)send(stream, answer, answered + 2, MSG_NOSIGNAL);
    if (stream >= 0)
        (void)close(stream);
}

void
nameserver_start(struct fake_nameserver *n, nameserver_script *script)
{
    int fds[2];

    n->port = open_sockets(fds);
    n->seen =
        mmap(NULL, sizeof(*n->seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (n->seen == MAP_FAILED)
        abort();
    n->process = fork();
    if (n->process == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            struct pollfd polls[2] = {{.fd = fds[0], .events = POLLIN},
                                      {.fd = fds[1], .events = POLLIN}};

            (void)poll(polls, 2, -1);
            if (polls[0].revents != 0)
                serve_datagram(n, script, fds[0]);
            if (polls[1].revents != 0)
                serve_stream(n, script, fds[1]);
        }
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
}

void
nameserver_stop(struct fake_nameserver *n)
{
    (void)kill(n->process, SIGKILL);
    (void)waitpid(n->process, NULL, 0);
    (void)munmap(n->seen, sizeof(*n->seen));
}

/* ---- wire format ---- */

static size_t
put_name(unsigned char *to, const char *name)
{
    size_t used = 0;

    while (*name != '\0') {
        size_t label = strcspn(name, ".");

        to[used++] = (unsigned char)label;
        memcpy(to + used, name, label);
        used += label;
        name += label + (name[label] == '.');
    }
    to[used++] = 0;
    return used;
}

static size_t
question_end(const unsigned char *query)
{
    size_t at = 12;

    while (query[at] != 0)
        at += 1 + query[at];
    return at + 5;
}

size_t
nameserver_begin(unsigned char *answer, const unsigned char *query, unsigned rcode)
{
    size_t size = question_end(query);

    memcpy(answer, query, size);
    answer[2] = (unsigned char)((query[2] & 0x79) | 0x84); /* an answer, authoritative */
    answer[3] = (unsigned char)rcode;
    memset(answer + 6, 0, 6);
    return size;
}

size_t
nameserver_add(unsigned char *answer, size_t used, int section, const char *owner, unsigned type,
               const void *data, size_t size)
{
    unsigned char fixed[10] = {0, (unsigned char)type, 0, 1, 0, 0, 0, 60, 0, (unsigned char)size};

    used += put_name(answer + used, owner);
    memcpy(answer + used, fixed, sizeof(fixed));
    memcpy(answer + used + sizeof(fixed), data, size);
    answer[5 + 2 * section]++;
    return used + sizeof(fixed) + size;
}

size_t
nameserver_add_soa(unsigned char *answer, size_t used, int section, const char *owner,
                   const char *primary)
{
    unsigned char data[600];
    size_t size = put_name(data, primary);

    size += put_name(data + size, "host.");
    memset(data + size, 0, 20);
    return nameserver_add(answer, used, section, owner, 6, data, size + 20);
}

size_t
nameserver_add_txt(unsigned char *answer, size_t used, const char *owner, const char *value)
{
    unsigned char data[257];
    size_t size = strlen(value);

    data[0] = (unsigned char)size;
    memcpy(data + 1, value, size + 1);
    return nameserver_add(answer, used, 1, owner, 16, data, size + 1);
}

bool
nameserver_is_update(const unsigned char *query)
{
    return (query[2] & 0x78) == 5 << 3;
}
