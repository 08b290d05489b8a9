/* ask.c: ask the CA of another user over a Unix socket, and answer; all of it bounded. */
#include "base/fiber.h"
#include "base/file.h"
#include "ca/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAR_MS 10000   /* until a question is there, or taken */
#define ANSWER_MS 90000 /* the CA may be busy: it waits for its lock */
#define PIECE 4096

/* The other end, and until when it is waited for. */
struct line {
    int fd;
    struct clock *clock; /* borrowed */
    int64_t until_ms;    /* on the steady clock */
};

static struct line
line_of(int fd, struct clock *clock, int64_t wait_ms)
{
    return (struct line){fd, clock, clock->steady_ms(clock) + wait_ms};
}

/* ---- bytes ---- */

static bool
wait_for(const struct line *l, short events, struct err *e)
{
    struct pollfd p = {.fd = l->fd, .events = events};
    int64_t left_ms = l->until_ms - l->clock->steady_ms(l->clock);
    int count = left_ms <= 0 ? 0 : fiber_poll(&p, 1, (int)left_ms);

    if (count > 0 || (count < 0 && errno == EINTR))
        return true;
    return count < 0 ? err_errno(e, "wait for the other end")
                     : err_set(e, ERR_TIMEOUT, "the other end took too long");
}

/* Adds what has come. *ended: nothing more will. */
static bool
read_piece(const struct line *l, struct str *text, bool *ended, struct err *e)
{
    char piece[PIECE];
    ssize_t size = 0;

    if (!wait_for(l, POLLIN, e))
        return false;
    size = read(l->fd, piece, sizeof(piece));
    if (size < 0 && errno != EINTR && errno != EAGAIN && errno != ECONNRESET)
        return err_errno(e, "read what the other end says");
    *ended = size == 0 || (size < 0 && errno == ECONNRESET);
    if (size > 0 && !str_add(text, piece, (size_t)size))
        return err_memory(e);
    return text->size <= MESSAGE_MAX ||
           err_set(e, ERR_PROTOCOL, "the other end says more than %zu bytes", MESSAGE_MAX);
}

/* One line; what ends without one is what there is. */
static bool
read_line(const struct line *l, struct str *text, struct err *e)
{
    const char *end = NULL;
    bool ended = false;

    while (end == NULL && !ended) {
        if (!read_piece(l, text, &ended, e))
            return false;
        end = text->size == 0 ? NULL : memchr(text->text, '\n', text->size);
    }
    return end == NULL || end == text->text + text->size - 1 ||
           err_set(e, ERR_PROTOCOL, "the other end says more than one line");
}

static bool
write_line(const struct line *l, const struct str *text, struct err *e)
{
    for (size_t done = 0; done < text->size;) {
        size_t left = text->size - done;
        ssize_t size = 0;

        if (!wait_for(l, POLLOUT, e))
            return false;
        size = write(l->fd, text->text + done, left < PIECE ? left : PIECE);
        if (size < 0 && errno != EINTR && errno != EAGAIN)
            return err_errno(e, "tell the other end");
        done += size > 0 ? (size_t)size : 0;
    }
    return true;
}

/* ---- who asks ---- */

static bool
reach(const char *path, int fd, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);

    if (length < 0 || (size_t)length >= sizeof(address.sun_path))
        return err_set(e, ERR_CONFIG, "[ca] socket '%s' is too long for the name of a socket",
                       path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return true;
    if (errno == EAGAIN)
        return err_set(e, ERR_BUSY, "too many ask at '%s'", path);
    if (errno != ENOENT && errno != ECONNREFUSED)
        return err_errno(e, "ask at '%s'", path);
    return err_set(e, ERR_CONFIG,
                   "nobody listens at '%s' (%s); try: systemctl start "
                   "pgcert-ca.socket",
                   path, strerror(errno));
}

bool
ca_ask(const char *path, const struct ca_question *q, struct clock *clock, struct str *chain_pem,
       struct err *e)
{
    static struct fiber_lock one_at_a_time;
    own_lock struct fiber_lock *held = fiber_lock(&one_at_a_time);
    own_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const struct line l = line_of(fd, clock, ANSWER_MS);
    own_str struct str text = {0};
    own_str struct str answer = {0};
    struct err unheard = {0};

    if (fd < 0)
        return err_errno(e, "ask at '%s'", path);
    if (!message_put_question(q, &text, e) || !reach(path, fd, e))
        return false;
    /* who is refused at once is told why, though the question is not taken */
    if (!write_line(&l, &text, &unheard) && unheard.code != ERR_SYSTEM) {
        *e = unheard;
        return err_wrap(e, "ask at '%s'", path);
    }
    if (!read_line(&l, &answer, e))
        return err_wrap(e, "ask at '%s'", path);
    if (answer.size == 0)
        return err_set(e, ERR_NETWORK,
                       "it ended without an answer at '%s'; why is told by: journalctl -u "
                       "'pgcert-ca@*'",
                       path);
    return message_get_answer(answer.text, answer.size, chain_pem, e);
}

/* ---- who answers ---- */

bool
ca_hear(int fd, struct clock *clock, struct ca_question *q, struct err *e)
{
    const struct line l = line_of(fd, clock, HEAR_MS);
    own_str struct str text = {0};

    return read_line(&l, &text, e) &&
           message_get_question(text.size == 0 ? "" : text.text, text.size, q, e);
}

bool
ca_answer(int fd, struct clock *clock, const struct str *chain_pem, const struct err *why,
          struct err *e)
{
    const struct line l = line_of(fd, clock, HEAR_MS);
    own_str struct str text = {0};

    return message_put_answer(chain_pem, why, &text, e) && write_line(&l, &text, e);
}
