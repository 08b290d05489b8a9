/* handshake.c: connect, SSLRequest, TLS: a machine per connection, all in one poll(2).
 *
 * Source: PostgreSQL documentation, "Message Flow", "SSL Session Encryption". */
#include "reload/handshake.h"

#include "base/dial.h"
#include "base/fiber.h"
#include "reload/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#define SLEEP_MAX_MS 60000 /* for poll(2), whose time is an int */
#define ADDRESSES_MAX 64

/* Length 8 and the code 80877103, in network order. */
static const unsigned char ssl_request[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};

/* StartupMessage of protocol 3.0; the length comes first. */
static const char startup[] = "\0\0\0\0\0\3\0\0user\0" HANDSHAKE_CANARY
                              "\0database\0" HANDSHAKE_CANARY "\0application_name\0pgcert\0";

/* ALPN of direct TLS, PostgreSQL 17 and later. */
static const unsigned char alpn[] = "\012postgresql";

/* What a step leads to. */
enum turn { TURN_NEXT, TURN_WAIT, TURN_OVER };

typedef enum turn handshake_step(struct handshake *h);

static const char *
where(const struct handshake *h)
{
    return h->address != NULL ? h->address->text : "the server";
}

static enum turn PRINTF(3, 4)
    give_up(struct handshake *h, enum err_code code, const char *format, ...)
{
    char text[sizeof(h->e.text)];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)err_set(&h->e, code, "'%s' %s", where(h), text);
    return TURN_OVER;
}

static bool
would_block(void)
{
    return errno == EAGAIN || errno == EINTR || errno == EINPROGRESS;
}

static enum turn
wait_for(struct handshake *h, short event)
{
    h->wants = event;
    return TURN_WAIT;
}

/* ---- the steps ---- */

static enum turn
no_connection(struct handshake *h, int why)
{
    if (why == DIAL_NOBODY || why == EADDRNOTAVAIL) {
        (void)give_up(h, ERR_SYSTEM,
                      why == DIAL_NOBODY ? "cannot be asked: nobody makes connections for us"
                                         : "cannot be asked: it is no address of this host; if the "
                                           "server is there, say so by 'prove'");
        h->refused = why == EADDRNOTAVAIL;
        h->e.is_ours = true;
        return TURN_OVER;
    }
    h->refused =
        why == ECONNREFUSED || why == ENETUNREACH || why == EAFNOSUPPORT || why == EHOSTUNREACH;
    return give_up(h, ERR_NETWORK, "cannot be reached: %s", strerror(why));
}

static enum turn
connected(struct handshake *h)
{
    short event = 0;
    int why = dial_connected(h->fd, &event);

    h->is_heard = h->is_heard || why == EINPROGRESS;
    if (why == EAGAIN || why == EINPROGRESS)
        return wait_for(h, event);
    return why == 0 ? TURN_NEXT : no_connection(h, why);
}

static enum turn
ask(struct handshake *h)
{
    while (h->how == PROBE_POSTGRES && h->sent < sizeof(ssl_request)) {
        ssize_t n = send(h->fd, ssl_request + h->sent, sizeof(ssl_request) - h->sent, MSG_NOSIGNAL);

        if (n < 0 && would_block())
            return wait_for(h, POLLOUT);
        if (n < 0)
            return give_up(h, ERR_NETWORK, "breaks off: %s", strerror(errno));
        h->sent += (size_t)n;
    }
    return TURN_NEXT;
}

/* One byte and no more: what follows an 'S' must come through TLS (CVE-2021-23222). */
static enum turn
hear(struct handshake *h)
{
    unsigned char byte = 0;
    ssize_t n = 0;

    if (h->how != PROBE_POSTGRES || h->complaint_size > 0)
        return TURN_NEXT;
    n = recv(h->fd, &byte, 1, 0);
    if (n < 0 && would_block())
        return wait_for(h, POLLIN);
    if (n < 0)
        return give_up(h, ERR_NETWORK, "breaks off: %s", strerror(errno));
    if (n == 0)
        return give_up(h, ERR_PROTOCOL,
                       "closes the connection instead of answering; is it a "
                       "PostgreSQL?");
    if (byte == 'S')
        return TURN_NEXT;
    if (byte == 'N')
        return give_up(h, ERR_FOUND, "is a PostgreSQL without TLS: ssl is off");
    if (byte != 'E')
        return give_up(h, ERR_PROTOCOL,
                       "does not speak PostgreSQL's protocol: it answers with "
                       "byte 0x%02x",
                       byte);
    h->complaint[h->complaint_size++] = 'E';
    return TURN_NEXT;
}

/* The text of an ErrorResponse: field 'M', or all of it in the form of the old protocol, which
 * PostgreSQL uses while it cannot start a process. Never NULL. */
static const char *
complaint_text(const struct handshake *h)
{
    const char *at = h->complaint + 5;
    const char *end = h->complaint + h->complaint_size;

    if (h->complaint_size > 6 && h->complaint[1] == 0) /* a length of less than 2^24 */
        for (; at < end && *at != '\0'; at += strnlen(at, (size_t)(end - at)) + 1)
            if (*at == 'M' && memchr(at, '\0', (size_t)(end - at)) != NULL)
                return at + 1;
    return h->complaint[1] == 0 ? "an error it does not explain" : h->complaint + 1;
}

/* Reads until the server hangs up, which it does after an error. */
static enum turn
hear_complaint(struct handshake *h)
{
    while (h->complaint_size > 0 && h->complaint_size < sizeof(h->complaint) - 1) {
        ssize_t n = recv(h->fd, h->complaint + h->complaint_size,
                         sizeof(h->complaint) - 1 - h->complaint_size, 0);

        if (n < 0 && would_block())
            return wait_for(h, POLLIN);
        if (n <= 0)
            break;
        h->complaint_size += (size_t)n;
    }
    if (h->complaint_size == 0)
        return TURN_NEXT;
    h->complaint[h->complaint_size] = '\0';
    return give_up(h, ERR_NETWORK, "refuses: %s", complaint_text(h));
}

static enum turn
no_tls(struct handshake *h, int why)
{
    int reason = ERR_GET_REASON(ERR_peek_last_error());

    if (why == SSL_ERROR_SSL && reason > SSL_AD_REASON_OFFSET)
        h->alert = reason - SSL_AD_REASON_OFFSET;
    h->is_cut = why != SSL_ERROR_SSL || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (why == SSL_ERROR_SSL)
        return give_up(h, ERR_PROTOCOL, "does not complete the TLS handshake: %s", tls_reason());
    ERR_clear_error();
    return give_up(h, ERR_NETWORK, "breaks off the TLS handshake");
}

/* After a call of OpenSSL's that gave `done`. */
static enum turn
tls_turn(struct handshake *h, int done)
{
    int why = SSL_get_error(h->ssl, done);

    if (done > 0)
        return TURN_NEXT;
    if (why == SSL_ERROR_WANT_READ)
        return wait_for(h, POLLIN);
    if (why == SSL_ERROR_WANT_WRITE)
        return wait_for(h, POLLOUT);
    return no_tls(h, why);
}

static enum turn
shake(struct handshake *h)
{
    enum turn turn = tls_turn(h, SSL_connect(h->ssl));

    h->is_shaken = turn == TURN_NEXT;
    return turn;
}

/* In TLS 1.3 the server judges the client's certificate after our side of the handshake is done:
 * only an answer to something tells. */
static enum turn
speak(struct handshake *h)
{
    char message[sizeof(startup)];

    if (h->client == NULL)
        return TURN_NEXT;
    memcpy(message, startup, sizeof(startup));
    message[3] = (char)sizeof(startup);
    return tls_turn(h, SSL_write(h->ssl, message, (int)sizeof(message)));
}

static enum turn
listen_for(struct handshake *h)
{
    char byte = 0;

    return h->client == NULL ? TURN_NEXT : tls_turn(h, SSL_read(h->ssl, &byte, 1));
}

static enum turn
look(struct handshake *h)
{
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(h->ssl);

    for (int i = 0; i < sk_X509_num(sent) && h->chain.count < CERT_CHAIN_MAX; i++) {
        X509 *cert = sk_X509_value(sent, i);

        if (X509_up_ref(cert) != 1)
            return give_up(h, ERR_INTERNAL, "is lost: OpenSSL cannot count");
        h->chain.certs[h->chain.count++] = cert;
    }
    if (h->chain.count == 0)
        return give_up(h, ERR_PROTOCOL, "serves no certificate");
    (void)snprintf(h->protocol, sizeof(h->protocol), "%s", SSL_get_version(h->ssl));
    (void)snprintf(h->cipher, sizeof(h->cipher), "%s", SSL_get_cipher_name(h->ssl));
    (void)SSL_shutdown(h->ssl); /* so that the server logs no broken connection */
    return TURN_OVER;
}

static handshake_step *const steps[] = {connected, ask,   hear,       hear_complaint,
                                        shake,     speak, listen_for, look};

/* What it was about when time ran out. */
static const char *const late[] = {
    "does not answer: no connection within the time",
    "takes no data within the time",
    "is silent: it accepts the connection and does not answer",
    "begins an error message and does not end it",
    "does not complete the TLS handshake within the time",
    "takes no data within the time",
    "does not say within the time whether it takes a client's certificate",
    "is late",
};

/* ---- the machine ---- */

static void
end(struct handshake *h)
{
    h->over = true;
    SSL_free(h->ssl);
    h->ssl = NULL;
    if (h->fd >= 0) /* children that were started meanwhile may have it as well */
        (void)shutdown(h->fd, SHUT_RDWR);
    own_fd_drop(&h->fd);
    h->fd = -1;
}

static void
advance(struct handshake *h)
{
    enum turn turn = TURN_NEXT;

    while (turn == TURN_NEXT) {
        turn = steps[h->step](h);
        h->step += turn == TURN_NEXT;
    }
    if (turn == TURN_OVER)
        end(h);
}

SSL_CTX *
handshake_context(struct err *e)
{
    own_ssl_ctx SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    /* whatever the server can do is wanted here: it is looked at, not trusted */
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, 0) != 1) {
        (void)err_crypto(e, "set up a TLS client");
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    return TAKE(ctx);
}

static bool
show(struct handshake *h)
{
    const struct chain *chain = &h->client->chain;

    if (SSL_use_certificate(h->ssl, chain->certs[0]) != 1 ||
        SSL_use_PrivateKey(h->ssl, h->client->key) != 1)
        return false;
    for (size_t i = 1; i < chain->count; i++)
        if (SSL_add1_chain_cert(h->ssl, chain->certs[i]) != 1)
            return false;
    return true;
}

static bool
make_ssl(struct handshake *h, SSL_CTX *ctx)
{
    own_mem char *name = NULL;

    h->ssl = SSL_new(ctx);
    if (h->ssl == NULL || SSL_set_fd(h->ssl, h->fd) != 1)
        return false;
    if (h->host != NULL && !tls_is_address(h->host)) {
        name = strdup(h->host); /* OpenSSL's macro wants one that is not const */
        if (name == NULL || SSL_set_tlsext_host_name(h->ssl, name) != 1)
            return false;
    }
    if (h->client != NULL && !show(h))
        return false;
    /* 0 is success here */
    return h->how != PROBE_DIRECT || SSL_set_alpn_protos(h->ssl, alpn, sizeof(alpn) - 1) == 0;
}

void
handshake_adopt(struct handshake *h, SSL_CTX *ctx, int fd)
{
    h->fd = fd;
    if (make_ssl(h, ctx)) {
        advance(h);
        return;
    }
    (void)err_crypto(&h->e, "prepare a TLS handshake");
    end(h);
}

void
handshake_start(struct handshake *h, SSL_CTX *ctx)
{
    int fd = dial_begin(&h->address->at);

    h->fd = -1;
    if (fd < 0) {
        (void)no_connection(h, errno);
        end(h);
        return;
    }
    handshake_adopt(h, ctx, fd);
}

/* ---- many ---- */

static void
out_of_time(struct handshake *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i].over)
            continue;
        (void)give_up(&all[i], ERR_TIMEOUT, "%s", late[all[i].step]);
        all[i].e.is_ours = all[i].step == 0 && !all[i].is_heard;
        end(&all[i]);
    }
}

/* Those that wait, as poll(2) wants them. */
static size_t
collect(struct pollfd polled[static ADDRESSES_MAX], struct handshake *who[static ADDRESSES_MAX],
        struct handshake *all, size_t count)
{
    size_t waiting = 0;

    for (size_t i = 0; i < count && waiting < ADDRESSES_MAX; i++) {
        if (all[i].over)
            continue;
        polled[waiting] = (struct pollfd){.fd = all[i].fd, .events = all[i].wants};
        who[waiting++] = &all[i];
    }
    return waiting;
}

void
handshake_run(struct handshake *all, size_t count, int64_t deadline_ms, struct clock *clock)
{
    for (;;) {
        struct pollfd polled[ADDRESSES_MAX];
        struct handshake *who[ADDRESSES_MAX];
        size_t waiting = collect(polled, who, all, count);
        int64_t left_ms = deadline_ms - clock->steady_ms(clock);
        int sleep_ms = left_ms > SLEEP_MAX_MS ? SLEEP_MAX_MS : (int)left_ms;

        if (waiting == 0)
            return;
        if (left_ms <= 0 || (fiber_poll(polled, waiting, sleep_ms) < 0 && errno != EINTR)) {
            out_of_time(all, count);
            return;
        }
        for (size_t i = 0; i < waiting; i++)
            if (polled[i].revents != 0)
                advance(who[i]);
    }
}

void
handshake_done(struct handshake *h)
{
    if (!h->over)
        end(h);
    chain_done(&h->chain);
}
