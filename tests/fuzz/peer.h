/* peer.h: an https server whose answers are the input of a fuzzer. */
#ifndef PGCERT_TESTS_FUZZ_PEER_H
#define PGCERT_TESTS_FUZZ_PEER_H

#include "tests/fuzz/fuzz.h"

#include "base/clock.h"
#include "base/http.h"

#include <string.h>

#define PEER_ANSWERS_MAX 40 /* requests: after that nobody is there */

/*
 * The input is cut at each NUL byte, and each piece is one answer: its first byte chooses the
 * status, the rest up to a line feed is one header line ("link: <...>"), what follows is the body.
 */
struct peer {
    struct http base; /* first, so that a struct http * is one of these */
    const char *at;
    const char *end;
    int count;
    struct clock clock; /* a sleep is over at once */
    int64_t slept_ms;
};

static inline bool
peer_add_header(struct http_response *out, const char *name, const char *value, size_t size)
{
    struct http_header *more =
        realloc(out->headers, (out->header_count + 1) * sizeof(*out->headers));

    MUST(more != NULL);
    out->headers = more;
    more[out->header_count].name = strdup(name);
    more[out->header_count].value = strndup(value, size);
    MUST(more[out->header_count].name != NULL && more[out->header_count].value != NULL);
    out->header_count++;
    return true;
}

/* "link: <...>" */
static inline void
peer_read_line(struct http_response *out, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    own_mem char *name = colon == NULL ? NULL : strndup(line, (size_t)(colon - line));

    if (name != NULL)
        (void)peer_add_header(out, name, colon + 1, size - (size_t)(colon + 1 - line));
}

static inline bool
peer_send(struct http *http, const struct http_request *request, struct http_response *out,
          struct err *e)
{
    static const int statuses[] = {200, 201, 204, 302, 400, 403, 404, 429, 500, 503};
    struct peer *p = (struct peer *)http;
    const char *stop = memchr(p->at, '\0', (size_t)(p->end - p->at));
    const char *line = p->at + 1;

    MUST(http_is_https(request->url) && (request->body == NULL || request->content_type != NULL));
    if (stop == NULL)
        stop = p->end;
    if (p->at == stop || ++p->count > PEER_ANSWERS_MAX)
        return err_set(e, ERR_NETWORK, "nobody answers");
    out->status = statuses[(unsigned char)p->at[0] % COUNT(statuses)];
    (void)peer_add_header(out, "replay-nonce", "bm9uY2U", 7);
    (void)peer_add_header(out, "content-type", "application/json", 16);
    p->at = memchr(line, '\n', (size_t)(stop - line));
    p->at = p->at == NULL ? stop : p->at;
    peer_read_line(out, line, (size_t)(p->at - line));
    p->at += p->at < stop;
    MUST(str_add(&out->body, p->at, (size_t)(stop - p->at)));
    p->at = stop < p->end ? stop + 1 : stop;
    return true;
}

static inline int64_t
peer_now_s(struct clock *c)
{
    (void)c;
    return 1795316400;
}

/* The clock stands in the peer, so that its sleeps count. */
static inline int64_t
peer_steady_ms(struct clock *c)
{
    return ((struct peer *)((char *)c - offsetof(struct peer, clock)))->slept_ms;
}

static inline void
peer_sleep_ms(struct clock *c, int64_t ms)
{
    ((struct peer *)((char *)c - offsetof(struct peer, clock)))->slept_ms += ms;
}

static inline void
peer_begin(struct peer *p, const uint8_t *data, size_t size)
{
    static const char nothing[1];

    *p = (struct peer){.base = {.send = peer_send},
                       .at = size == 0 ? nothing : (const char *)data,
                       .clock = {peer_now_s, peer_steady_ms, peer_sleep_ms}};
    p->end = p->at + size;
}

/* An error is one printable line. */
static inline void
peer_judge(const struct err *e)
{
    MUST(e->code != ERR_NONE && e->text[0] != '\0');
    for (const char *c = e->text; *c != '\0'; c++)
        MUST((unsigned char)*c >= 0x20 && *c != 0x7f);
}

#endif
