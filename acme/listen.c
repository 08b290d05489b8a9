/* listen.c: bind, then answer by UDP and TCP (RFC 1035 section 4.2, RFC 7766). */
#include "acme/listen.h"

#include "base/clock.h"
#include "base/fiber.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 32
#define RECEIVE_BUFFER (1024 * 1024)
#define DATAGRAMS_MAX 64     /* of one socket in a turn */
#define CLIENTS_MAX 32       /* by TCP; a new one takes the place of the oldest */
#define CLIENT_MS 5000       /* how long one may stay */
#define CLIENT_QUERIES 16    /* how much it may ask */
#define ANSWERS_A_SECOND 500 /* by UDP; more are told to come by TCP */
#define REFUSALS_A_SECOND 50 /* by UDP; more are not told anything */

/* ------------------------------------------------------------------ binding */

void
listen_close(struct listen *l)
{
    for (size_t i = 0; i < l->count; i++)
        own_fd_drop(&l->sockets[i].fd);
    *l = (struct listen){.count = 0};
}

static bool
cannot_bind(const struct address *at, bool is_tcp, struct err *e)
{
    char text[ADDRESS_TEXT];
    const char *by = is_tcp ? "TCP" : "UDP";
    int why = errno;

    address_text(text, at, 0);
    if (why == EADDRINUSE)
        return err_set(e, ERR_BUSY,
                       "another program has %s of %s (a resolver of this machine?); set 'listen' "
                       "to the address to which the zone is delegated, and let the other program "
                       "do without it",
                       by, text);
    if (why == EACCES || why == EPERM)
        return err_set(e, ERR_PERMISSION,
                       "ports below 1024 need a capability, so that %s of %s cannot be had; try: "
                       "AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, as BUILTIN in "
                       "pgcert-providers(7) has it",
                       by, text);
    if (why == EADDRNOTAVAIL)
        return err_set(e, ERR_CONFIG, "%s is no address of this machine", text);
    errno = why;
    return err_errno(e, "listen on %s of %s", by, text);
}

/* Answers by UDP must come from the address that was asked: with every address bound by one socket
 * the kernel has to tell which one it was. */
static bool
bind_socket(int fd, const struct address *at, bool is_tcp)
{
    static const int on = 1;
    static const int room = RECEIVE_BUFFER;
    bool is_v6 = at->socket.any.sa_family == AF_INET6;

    if (is_v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
        return false;
    if (is_tcp)
        return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
               bind(fd, &at->socket.any, at->size) == 0 && listen(fd, BACKLOG) == 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    return setsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_RECVPKTINFO : IP_PKTINFO,
                      &on, sizeof(on)) == 0 &&
           bind(fd, &at->socket.any, at->size) == 0;
}

static bool
add_socket(struct listen *l, const struct address *at, bool is_tcp, struct err *e)
{
    int kind = (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    own_fd int fd = -1;

    if (l->count == LISTEN_MAX)
        return err_set(e, ERR_CONFIG, "there are more than %d addresses", LISTEN_MAX / 2);
    fd = socket(at->socket.any.sa_family, kind, 0);
    if (fd < 0)
        return err_errno(e, "make a socket");
    if (!bind_socket(fd, at, is_tcp))
        return cannot_bind(at, is_tcp, e);
    l->sockets[l->count++] = (struct listen_socket){.fd = fd, .is_tcp = is_tcp, .at = *at};
    fd = -1;
    return true;
}

static bool
add_address(struct listen *l, const struct address *at, struct err *e)
{
    return add_socket(l, at, false, e) && add_socket(l, at, true, e);
}

static bool
add_text(struct listen *l, const char *text, struct err *e)
{
    own_mem char *host = NULL;
    struct address at;
    size_t count = 0;
    int port = 0;
    struct err ignored = {0};

    if (!option_parse_endpoint(&host, &port, text, DNS_PORT))
        return err_set(e, ERR_CONFIG, "'%s' is not ADDRESS[:PORT]", text);
    /* a name may lead to anywhere */
    if (host[strspn(host, "0123456789.")] != '\0' && strchr(host, ':') == NULL)
        return err_set(e, ERR_CONFIG, "'%s' is a name, but must be an address", host);
    if (!address_of_host(&at, 1, &count, host, port, &ignored))
        return err_set(e, ERR_CONFIG, "'%s' is not an address", host);
    return add_address(l, &at, e);
}

/* A machine without one of the two protocols does with the other. */
static bool
add_every_address(struct listen *l, struct err *e)
{
    static const char zeroes[16] = {0};
    static const size_t sizes[] = {16, 4};
    struct address at;

    for (size_t i = 0; i < COUNT(sizes); i++) {
        int probe = -1;

        if (!address_set(&at, zeroes, sizes[i], DNS_PORT))
            return err_set(e, ERR_INTERNAL, "no address of %zu bytes", sizes[i]);
        probe = socket(at.socket.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (probe < 0 && errno == EAFNOSUPPORT && (i == 0 || l->count > 0))
            continue;
        own_fd_drop(&probe);
        if (!add_address(l, &at, e))
            return false;
    }
    return true;
}

bool
listen_open(struct listen *l, const struct list *where, struct err *e)
{
    bool good = where->count > 0 || add_every_address(l, e);

    for (size_t i = 0; good && i < where->count; i++)
        good = add_text(l, where->items[i], e);
    if (!good)
        listen_close(l);
    return good;
}

static bool
is_wildcard(const struct address *a)
{
    static const struct in6_addr any = IN6ADDR_ANY_INIT;

    if (a->socket.any.sa_family == AF_INET)
        return a->socket.v4.sin_addr.s_addr == INADDR_ANY;
    return memcmp(&a->socket.v6.sin6_addr, &any, sizeof(any)) == 0;
}

size_t
listen_addresses(const struct listen *l, struct address *addresses, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < l->count && count < room; i++)
        if (!l->sockets[i].is_tcp && !is_wildcard(&l->sockets[i].at))
            addresses[count++] = l->sockets[i].at;
    return count;
}

/* ------------------------------------------------------------------ serving */

/* So many a second, and as many at once. */
struct bucket {
    int64_t a_second, left_thousandths, filled_ms;
};

/* A connection: reads "length, query" and writes "length, answer", one after the other. */
struct client {
    int fd; /* -1: none */
    int64_t end_ms;
    int queries;
    unsigned char in[2 + DNSREPLY_QUERY_MAX];
    size_t in_size;
    struct str out;
    size_t out_sent;
};

struct server {
    const struct listen *l;
    const struct responder *r;
    struct client clients[CLIENTS_MAX];
    struct bucket answers, refusals;
};

static int64_t
now_ms(void)
{
    return clock_system.steady_ms(&clock_system);
}

static bool
take_one(struct bucket *b)
{
    int64_t now = now_ms();
    int64_t most = b->a_second * 1000;
    int64_t left = b->left_thousandths + (now - b->filled_ms) * b->a_second;

    b->filled_ms = now;
    b->left_thousandths = left > most ? most : left;
    if (b->left_thousandths < 1000)
        return false;
    b->left_thousandths -= 1000;
    return true;
}

/* ---- UDP ---- */

/* The way back: from the address that was asked, by whatever way the kernel finds. Only an address
 * that means nothing without its interface keeps it. */
static void
turn_around(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            info.ipi_ifindex = 0;
            memcpy(CMSG_DATA(c), &info, sizeof(info));
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                info.ipi6_ifindex = 0;
            memcpy(CMSG_DATA(c), &info, sizeof(info));
        }
    }
}

/* Under a flood those who ask for what is there are told to come by TCP, which nobody can do in
 * another's name; the others are told nothing. */
static bool
answer_datagram(struct server *s, const unsigned char *query, size_t size, struct str *answer)
{
    enum responder_verdict verdict = responder_answer(s->r, query, size, false, false, answer);

    if (verdict == RESPONDER_REFUSED)
        return take_one(&s->refusals);
    if (verdict == RESPONDER_SILENT || take_one(&s->answers))
        return verdict == RESPONDER_ANSWERED;
    str_clear(answer);
    return responder_answer(s->r, query, size, false, true, answer) == RESPONDER_ANSWERED;
}

/* False: there is none now. */
static bool
serve_datagram(struct server *s, int fd)
{
    unsigned char query[DNSREPLY_QUERY_MAX + 1]; /* one that is too long is seen to be */
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control;
    struct address from = {0};
    struct iovec part = {.iov_base = query, .iov_len = sizeof(query)};
    struct msghdr m = {.msg_name = &from.socket,
                       .msg_namelen = sizeof(from.socket),
                       .msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    own_str struct str answer = {0};
    ssize_t size = recvmsg(fd, &m, 0);

    if (size < 0)
        return errno == EINTR;
    if (!answer_datagram(s, query, (size_t)size, &answer))
        return true;
    turn_around(&m);
    part = (struct iovec){.iov_base = answer.text, .iov_len = answer.size};
    m.msg_flags = 0;
    /* what does not get out is asked for again */
    (void)sendmsg(fd, &m, MSG_NOSIGNAL);
    return true;
}

/* ---- TCP ---- */

static void
client_done(struct client *c)
{
    own_fd_drop(&c->fd);
    c->fd = -1;
    str_done(&c->out);
    c->in_size = 0;
    c->out_sent = 0;
}

static void
accept_client(struct server *s, int fd)
{
    struct client *place = &s->clients[0];
    int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (got < 0)
        return;
    for (size_t i = 0; i < CLIENTS_MAX && place->fd >= 0; i++)
        if (s->clients[i].fd < 0 || s->clients[i].end_ms < place->end_ms)
            place = &s->clients[i];
    client_done(place);
    place->fd = got;
    place->queries = 0;
    place->end_ms = now_ms() + CLIENT_MS;
}

/* Answers the first query that has come whole. False: the connection is over. */
static bool
answer_client(struct server *s, struct client *c)
{
    own_str struct str answer = {0};
    unsigned char length[2];
    size_t size = (size_t)c->in[0] << 8 | c->in[1];

    if (c->in_size < 2 || (size <= DNSREPLY_QUERY_MAX && c->in_size < 2 + size))
        return true;
    if (size > DNSREPLY_QUERY_MAX || c->queries++ == CLIENT_QUERIES ||
        responder_answer(s->r, c->in + 2, size, true, false, &answer) == RESPONDER_SILENT)
        return false;
    memmove(c->in, c->in + 2 + size, c->in_size - 2 - size);
    c->in_size -= 2 + size;
    length[0] = (unsigned char)(answer.size >> 8);
    length[1] = (unsigned char)(answer.size & 0xff);
    c->out_sent = 0;
    str_clear(&c->out);
    return str_add(&c->out, length, sizeof(length)) && str_add(&c->out, answer.text, answer.size);
}

/* False: the connection is over. */
static bool
write_client(struct client *c)
{
    ssize_t sent = send(c->fd, c->out.text + c->out_sent, c->out.size - c->out_sent, MSG_NOSIGNAL);

    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    c->out_sent += (size_t)sent;
    if (c->out_sent == c->out.size) {
        str_clear(&c->out);
        c->out_sent = 0;
    }
    return true;
}

static bool
read_client(struct client *c)
{
    ssize_t got = recv(c->fd, c->in + c->in_size, sizeof(c->in) - c->in_size, 0);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    c->in_size += (size_t)got;
    return got > 0;
}

static void
serve_client(struct server *s, struct client *c)
{
    bool goes_on = c->out.size > 0 ? write_client(c) : read_client(c);

    /* queries that came together are answered in turn; what does not fit waits for poll() */
    while (goes_on && c->out.size == 0) {
        goes_on = answer_client(s, c);
        if (!goes_on || c->out.size == 0)
            break;
        goes_on = write_client(c);
    }
    if (!goes_on)
        client_done(c);
}

/* ---- the loop ---- */

static size_t
fill_polls(struct pollfd *polls, const struct server *s, int control)
{
    size_t n = 0;

    polls[n++] = (struct pollfd){.fd = control, .events = POLLIN};
    for (size_t i = 0; i < s->l->count; i++)
        polls[n++] = (struct pollfd){.fd = s->l->sockets[i].fd, .events = POLLIN};
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        polls[n++] = (struct pollfd){.fd = s->clients[i].fd,
                                     .events = s->clients[i].out.size > 0 ? POLLOUT : POLLIN};
    return n;
}

static void
serve_socket(struct server *s, const struct listen_socket *socket)
{
    if (socket->is_tcp) {
        accept_client(s, socket->fd);
        return;
    }
    for (int i = 0; i < DATAGRAMS_MAX; i++)
        if (!serve_datagram(s, socket->fd))
            break;
}

/* Milliseconds until the first client has stayed long enough; -1: there is none. */
static int
end_late_clients(struct server *s)
{
    int64_t now = now_ms();
    int64_t next = -1;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &s->clients[i];

        if (c->fd >= 0 && c->end_ms <= now)
            client_done(c);
        if (c->fd >= 0 && (next < 0 || c->end_ms - now < next))
            next = c->end_ms - now;
    }
    return (int)next;
}

/* Clients first: their places may be given to others. */
static void
serve_all(struct server *s, const struct pollfd *polls)
{
    const struct pollfd *of_clients = polls + 1 + s->l->count;

    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i].fd >= 0 && of_clients[i].revents != 0)
            serve_client(s, &s->clients[i]);
    for (size_t i = 0; i < s->l->count; i++)
        if (polls[1 + i].revents != 0)
            serve_socket(s, &s->l->sockets[i]);
}

static void
loop(struct server *s, struct child *self, int control)
{
    struct pollfd polls[1 + LISTEN_MAX + CLIENTS_MAX];

    for (;;) {
        int wait_ms = end_late_clients(s);
        size_t count = fill_polls(polls, s, control);
        int ready = fiber_poll(polls, count, wait_ms);

        if (ready < 0 && errno != EINTR)
            return;
        if (ready <= 0)
            continue;
        /* whoever tells us what to publish comes before those who ask for it */
        if (polls[0].revents != 0 && !child_turn(self))
            return;
        serve_all(s, polls);
    }
}

void
listen_serve(struct listen *l, const struct responder *r, struct child *self, int control)
{
    int kept[1 + LISTEN_MAX];
    struct server *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return;
    s->l = l;
    s->r = r;
    s->answers = (struct bucket){.a_second = ANSWERS_A_SECOND};
    s->refusals = (struct bucket){.a_second = REFUSALS_A_SECOND};
    kept[0] = control;
    for (size_t i = 0; i < l->count; i++)
        kept[1 + i] = l->sockets[i].fd;
    child_keep_only(kept, 1 + l->count);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        s->clients[i].fd = -1;
    loop(s, self, control);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        client_done(&s->clients[i]);
    free(s);
}
