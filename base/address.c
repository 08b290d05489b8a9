/* address.c: addresses as text, and from names. */
#include "base/address.h"

#include "base/own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define own_info __attribute__((cleanup(info_drop)))

static void
info_drop(struct addrinfo **info)
{
    if (*info != NULL)
        freeaddrinfo(*info);
}

bool
address_set(struct address *a, const char *bytes, size_t size, int port)
{
    *a = (struct address){0};
    if (size == 4) {
        a->socket.v4.sin_family = AF_INET;
        a->socket.v4.sin_port = htons((uint16_t)port);
        memcpy(&a->socket.v4.sin_addr, bytes, size);
        a->size = sizeof(a->socket.v4);
    } else if (size == 16) {
        a->socket.v6.sin6_family = AF_INET6;
        a->socket.v6.sin6_port = htons((uint16_t)port);
        memcpy(&a->socket.v6.sin6_addr, bytes, size);
        a->size = sizeof(a->socket.v6);
    }
    return a->size > 0;
}

bool
address_same_host(const struct address *a, const struct address *b)
{
    if (a->socket.any.sa_family != b->socket.any.sa_family)
        return false;
    if (a->socket.any.sa_family == AF_INET)
        return a->socket.v4.sin_addr.s_addr == b->socket.v4.sin_addr.s_addr;
    return a->socket.v6.sin6_scope_id == b->socket.v6.sin6_scope_id &&
           memcmp(&a->socket.v6.sin6_addr, &b->socket.v6.sin6_addr, 16) == 0;
}

/* The port stands at the same place in both families (RFC 3493 section 3.3). */
bool
address_same(const struct address *a, const struct address *b)
{
    return address_same_host(a, b) && a->socket.v4.sin_port == b->socket.v4.sin_port;
}

void
address_text(char text[static ADDRESS_TEXT], const struct address *a, int usual)
{
    char host[INET6_ADDRSTRLEN] = "?";
    bool is_v6 = a->socket.any.sa_family == AF_INET6;
    int port = ntohs(is_v6 ? a->socket.v6.sin6_port : a->socket.v4.sin_port);

    if (is_v6)
        (void)inet_ntop(AF_INET6, &a->socket.v6.sin6_addr, host, sizeof(host));
    else
        (void)inet_ntop(AF_INET, &a->socket.v4.sin_addr, host, sizeof(host));
    if (port == usual)
        (void)snprintf(text, ADDRESS_TEXT, "%s", host);
    else
        (void)snprintf(text, ADDRESS_TEXT, is_v6 ? "[%s]:%d" : "%s:%d", host, port);
}

static bool
has(const struct address *addresses, size_t count, const struct address *a)
{
    for (size_t i = 0; i < count; i++)
        if (address_same(&addresses[i], a))
            return true;
    return false;
}

bool
address_of_host(struct address *addresses, size_t room, size_t *count, const char *host, int port,
                struct err *e)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    own_info struct addrinfo *found = NULL;
    char service[16];
    size_t n = 0;
    int status = 0;

    (void)snprintf(service, sizeof(service), "%d", port);
    status = getaddrinfo(host, service, &wanted, &found);
    if (status == EAI_NONAME) {
        wanted.ai_flags = 0;
        status = getaddrinfo(host, service, &wanted, &found);
    }
    if (status != 0)
        return err_set(e, ERR_NETWORK, "find the address of '%s': %s", host, gai_strerror(status));
    for (const struct addrinfo *i = found; i != NULL && n < room; i = i->ai_next) {
        struct address a = {.size = i->ai_addrlen};

        if (i->ai_addrlen > sizeof(a.socket))
            continue;
        memcpy(&a.socket, i->ai_addr, i->ai_addrlen);
        if (!has(addresses, n, &a))
            addresses[n++] = a;
    }
    if (n == 0)
        return err_set(e, ERR_NETWORK, "'%s' has no address", host);
    *count = n;
    return true;
}

int
address_connect(const struct address *a)
{
    own_fd int fd = socket(a->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int one = 1;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, &a->socket.any, a->size) < 0 && errno != EINPROGRESS && errno != EINTR)
        return -1;
    return own_fd_take(&fd);
}
