/* dnsio.c: an event loop for DNS questions. */
#include "base/dnsio.h"

#include "base/fiber.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 1000
#define UDP_ROOM 4096    /* more than any server sends to one who did not offer it (RFC 6891) */
#define DATAGRAMS_MAX 64 /* read from one socket in a turn, so that a flood starves no other */

/* Pauses after the first, second, ... datagram; then TCP is tried. */
static const int64_t resend_ms[] = {400, 800, 800};

enum state { WAITING, UDP, CONNECTING, WRITING, READING, OVER };

/* A task under way. */
struct flight {
    struct dnsio_task *task;
    enum state state;
    int fd;
    int64_t timer_ms; /* when something is to be done unless an answer comes first */
    int64_t give_up_ms;
    size_t sent_count; /* datagrams */
    struct str stream; /* TCP: two bytes of length and the message, out or in */
    size_t moved;      /* bytes of it written */
};

struct loop {
    const struct dnsio_plan *plan;
    struct flight *flights;
    size_t count;
    size_t flying; /* with a socket */
    size_t left;   /* not OVER */
    bool enough;
};

static int64_t
now_ms(const struct loop *l)
{
    return l->plan->clock->steady_ms(l->plan->clock);
}

static void
land(struct loop *l, struct flight *f)
{
    if (f->fd >= 0) {
        (void)close(f->fd);
        l->flying--;
    }
    f->fd = -1;
    str_clear(&f->stream);
    f->moved = 0;
}

/* Those that stand instead of a failed task need not wait longer. */
static void
release(struct loop *l, const struct dnsio_task *failed)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->flights[i].state == WAITING && l->flights[i].task->instead_of == failed)
            l->flights[i].timer_ms = now_ms(l);
}

static int64_t
judge(const struct loop *l, struct dnsio_task *task)
{
    if (l->plan->heard != NULL)
        return l->plan->heard(l->plan->context, task);
    if (task->outcome == DNSIO_ANSWERED &&
        (task->answer.rcode == DNS_RCODE_NOERROR || task->answer.rcode == DNS_RCODE_NXDOMAIN))
        return DNSIO_DONE;
    return DNSIO_NEXT;
}

/* Tells the outcome and does what is wanted. False: the answer is to be ignored. */
static bool
tell(struct loop *l, struct flight *f, enum dnsio_outcome outcome, int number)
{
    enum dnsio_outcome before = f->task->outcome;
    int64_t verdict = DNSIO_NEXT;

    f->task->outcome = outcome;
    f->task->errno_kept = number;
    verdict = judge(l, f->task);
    if (verdict == DNSIO_IGNORE) {
        f->task->outcome = before;
        f->task->was_ignored = true;
        return false;
    }
    land(l, f);
    if (verdict >= 0) {
        f->state = WAITING;
        f->timer_ms = now_ms(l) + verdict;
        f->sent_count = 0;
        dns_set_id(&f->task->query, dns_random_id());
    } else {
        f->state = OVER;
        l->left--;
    }
    if (verdict == DNSIO_NEXT)
        release(l, f->task);
    l->enough = l->plan->enough != NULL && l->plan->enough(l->plan->context);
    return true;
}

/* It has failed; heard() may have it sent again, but not ignore it. */
static void
fail(struct loop *l, struct flight *f, enum dnsio_outcome outcome, int number)
{
    dns_answer_done(&f->task->answer);
    str_clear(&f->task->message);
    if (tell(l, f, outcome, number))
        return;
    f->task->outcome = outcome;
    land(l, f);
    f->state = OVER;
    l->left--;
    release(l, f->task);
}

static bool
open_socket(struct loop *l, struct flight *f, int type)
{
    const struct address *a = &f->task->server;

    land(l, f);
    f->fd = socket(a->socket.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (f->fd < 0)
        return false;
    l->flying++;
    return connect(f->fd, &a->socket.any, a->size) == 0 || errno == EINPROGRESS;
}

static void
begin_tcp(struct loop *l, struct flight *f)
{
    const struct str *query = &f->task->query;
    unsigned char length[2] = {(unsigned char)(query->size >> 8), (unsigned char)query->size};

    if (!open_socket(l, f, SOCK_STREAM)) {
        fail(l, f, DNSIO_UNREACHABLE, errno);
        return;
    }
    if (!str_add(&f->stream, length, 2) || !str_add(&f->stream, query->text, query->size)) {
        fail(l, f, DNSIO_UNREACHABLE, ENOMEM);
        return;
    }
    f->state = CONNECTING;
    f->timer_ms = f->give_up_ms;
}

static void
send_datagram(struct loop *l, struct flight *f)
{
    const struct str *query = &f->task->query;

    f->timer_ms = now_ms(l) + resend_ms[f->sent_count];
    if (f->timer_ms > f->give_up_ms)
        f->timer_ms = f->give_up_ms;
    f->sent_count++;
    if (send(f->fd, query->text, query->size, MSG_NOSIGNAL) >= 0 || errno == EAGAIN ||
        errno == ENOBUFS || errno == EINTR)
        return;
    if (errno == ECONNREFUSED || errno == EMSGSIZE)
        begin_tcp(l, f);
    else
        fail(l, f, DNSIO_UNREACHABLE, errno);
}

static void
begin(struct loop *l, struct flight *f)
{
    f->give_up_ms = now_ms(l) + l->plan->patience_ms;
    f->task->was_ignored = false;
    dns_answer_done(&f->task->answer);
    str_clear(&f->task->message);
    if (f->task->query.size > DNS_UDP_MAX) {
        begin_tcp(l, f);
        return;
    }
    if (!open_socket(l, f, SOCK_DGRAM)) {
        fail(l, f, DNSIO_UNREACHABLE, errno);
        return;
    }
    f->state = UDP;
    send_datagram(l, f);
}

/* Keeps the message if it answers the query. */
static bool
take_answer(struct flight *f, const void *message, size_t size)
{
    struct err ignored = {0};

    dns_answer_done(&f->task->answer);
    str_clear(&f->task->message);
    return dns_is_answer_to(&f->task->query, message, size) &&
           dns_parse(&f->task->answer, message, size, &ignored) &&
           str_add(&f->task->message, message, size);
}

/* True: it was the answer, and `f` may be anywhere now. */
static bool
take_datagram(struct loop *l, struct flight *f, const unsigned char *message, size_t size)
{
    size_t got = size < UDP_ROOM ? size : UDP_ROOM;

    if (dns_is_answer_to(&f->task->query, message, got) &&
        (size > UDP_ROOM || (message[2] & 0x02) != 0)) {
        begin_tcp(l, f);
        return true;
    }
    if (take_answer(f, message, got) && tell(l, f, DNSIO_ANSWERED, 0))
        return true;
    f->task->was_ignored = true;
    return false;
}

static void
read_datagrams(struct loop *l, struct flight *f)
{
    unsigned char message[UDP_ROOM];

    for (int i = 0; i < DATAGRAMS_MAX; i++) {
        ssize_t size = recv(f->fd, message, sizeof(message), MSG_TRUNC);

        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size < 0) {
            /* the port is closed: perhaps it listens to TCP only */
            if (errno == ECONNREFUSED)
                begin_tcp(l, f);
            else
                fail(l, f, DNSIO_UNREACHABLE, errno);
            return;
        }
        if (take_datagram(l, f, message, (size_t)size))
            return;
    }
}

static void
write_stream(struct loop *l, struct flight *f)
{
    ssize_t size = send(f->fd, f->stream.text + f->moved, f->stream.size - f->moved, MSG_NOSIGNAL);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size < 0) {
        fail(l, f, errno == EPIPE || errno == ECONNRESET ? DNSIO_BROKEN : DNSIO_UNREACHABLE, errno);
        return;
    }
    f->moved += (size_t)size;
    f->state = WRITING;
    if (f->moved < f->stream.size)
        return;
    str_clear(&f->stream);
    f->state = READING;
}

static void
finish_connecting(struct loop *l, struct flight *f)
{
    int number = 0;
    socklen_t size = sizeof(number);

    if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
        number = errno;
    if (number != 0)
        fail(l, f, DNSIO_UNREACHABLE, number);
    else
        write_stream(l, f);
}

static size_t
stream_wants(const struct flight *f)
{
    const unsigned char *b = (const unsigned char *)f->stream.text;

    return f->stream.size < 2 ? 2 : 2 + ((size_t)b[0] << 8 | b[1]);
}

static void
read_stream(struct loop *l, struct flight *f)
{
    char bytes[UDP_ROOM];

    while (f->stream.size < 2 || f->stream.size < stream_wants(f)) {
        size_t left = stream_wants(f) - f->stream.size;
        ssize_t size = recv(f->fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes), 0);

        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size <= 0 || !str_add(&f->stream, bytes, (size_t)size)) {
            fail(l, f, DNSIO_BROKEN, 0);
            return;
        }
    }
    if (take_answer(f, f->stream.text + 2, f->stream.size - 2) && tell(l, f, DNSIO_ANSWERED, 0))
        return;
    f->task->was_ignored = true;
    fail(l, f, DNSIO_BROKEN, 0);
}

static void
on_event(struct loop *l, struct flight *f)
{
    switch (f->state) {
    case UDP:
        read_datagrams(l, f);
        break;
    case CONNECTING:
        finish_connecting(l, f);
        break;
    case WRITING:
        write_stream(l, f);
        break;
    case READING:
        read_stream(l, f);
        break;
    case WAITING:
    case OVER:
        break;
    }
}

static void
on_timer(struct loop *l, struct flight *f)
{
    if (f->state == WAITING)
        begin(l, f);
    else if (now_ms(l) >= f->give_up_ms)
        fail(l, f, DNSIO_SILENT, 0);
    else if (f->sent_count < COUNT(resend_ms))
        send_datagram(l, f);
    else
        begin_tcp(l, f);
}

/* Does what is due. Gives how long poll(2) may sleep. */
static int
run_timers(struct loop *l)
{
    int64_t next_ms = l->plan->deadline_ms;
    int64_t now = now_ms(l);

    for (size_t i = 0; i < l->count; i++) {
        struct flight *f = &l->flights[i];
        bool must_queue = f->state == WAITING && l->flying >= DNSIO_FLIGHTS_MAX;

        if (f->state == OVER || must_queue)
            continue;
        if (f->timer_ms <= now)
            on_timer(l, f);
        if (f->state != OVER && f->timer_ms < next_ms)
            next_ms = f->timer_ms;
    }
    now = now_ms(l);
    return next_ms <= now ? 0 : next_ms - now > 60000 ? 60000 : (int)(next_ms - now);
}

static bool
wait_and_handle(struct loop *l, int sleep_ms, struct err *e)
{
    struct pollfd polls[DNSIO_FLIGHTS_MAX];
    struct flight *who[DNSIO_FLIGHTS_MAX];
    nfds_t n = 0;

    for (size_t i = 0; i < l->count && n < DNSIO_FLIGHTS_MAX; i++) {
        struct flight *f = &l->flights[i];

        if (f->fd < 0)
            continue;
        polls[n].fd = f->fd;
        polls[n].events = f->state == CONNECTING || f->state == WRITING ? POLLOUT : POLLIN;
        polls[n].revents = 0;
        who[n++] = f;
    }
    if (l->plan->tick != NULL) {
        l->plan->tick(l->plan->context);
        sleep_ms = sleep_ms > TICK_MS ? TICK_MS : sleep_ms;
    }
    if (fiber_poll(polls, n, sleep_ms) < 0 && errno != EINTR)
        return err_errno(e, "wait for name servers");
    for (nfds_t i = 0; i < n && !l->enough; i++)
        if (polls[i].revents != 0 && who[i]->fd == polls[i].fd)
            on_event(l, who[i]);
    return true;
}

static bool
run(struct loop *l, struct err *e)
{
    while (l->left > 0 && !l->enough && now_ms(l) < l->plan->deadline_ms) {
        int sleep_ms = run_timers(l);

        if (l->left > 0 && !l->enough && !wait_and_handle(l, sleep_ms, e))
            return false;
    }
    return true;
}

bool
dnsio_run(struct dnsio_task *tasks, size_t count, const struct dnsio_plan *plan, struct err *e)
{
    own_mem struct flight *flights = calloc(count + 1, sizeof(*flights));
    struct loop l = {.plan = plan, .flights = flights, .count = count, .left = count};
    bool went_well = false;

    if (flights == NULL)
        return err_memory(e);
    for (size_t i = 0; i < count; i++) {
        flights[i].task = &tasks[i];
        flights[i].fd = -1;
        flights[i].timer_ms = now_ms(&l) + tasks[i].delay_ms;
    }
    went_well = run(&l, e);
    for (size_t i = 0; i < count; i++) {
        /* the time was over before it could be heard */
        if (flights[i].fd >= 0 && tasks[i].outcome == DNSIO_PENDING)
            tasks[i].outcome = DNSIO_SILENT;
        land(&l, &flights[i]);
        str_done(&flights[i].stream);
    }
    return went_well;
}

void
dnsio_task_done(struct dnsio_task *task)
{
    str_done(&task->query);
    str_done(&task->message);
    dns_answer_done(&task->answer);
}

const char *
dnsio_outcome_text(const struct dnsio_task *task)
{
    switch (task->outcome) {
    case DNSIO_ANSWERED:
        return dns_rcode_text(task->answer.rcode);
    case DNSIO_UNREACHABLE:
        return strerror(task->errno_kept);
    case DNSIO_BROKEN:
        return task->was_ignored ? "its answer is damaged or not ours" : "it hung up";
    case DNSIO_SILENT:
        return task->was_ignored ? "only answers that are damaged or not ours" : "no answer";
    case DNSIO_PENDING:
        break;
    }
    return "not asked yet";
}
