/* http.c: the door to libcurl: https only, no redirects, everything bounded. */
#include "base/http.h"

#include "base/cert.h"
#include "base/clock.h"
#include "base/fiber.h"
#include "base/lazy.h"
#include "base/log.h"
#include "base/version.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#define BODY_MAX (1024 * 1024)
#define HEADERS_MAX 100
#define URL_MAX 2048
#define CONNECT_TIMEOUT_MS 15000L
#define REQUEST_TIMEOUT_MS 60000L
#define HTTP_AT_ONCE 16    /* requests of one struct http; the others queue */
#define CONNECTIONS_MAX 8L /* to one server that does not speak HTTP/2 */
#define TURN_MS 1000       /* the longest wait without looking round */
#define RETRY_AT_MOST_S (7 * 24 * 3600)
#define USER_AGENT "pgcert/" PGCERT_VERSION

/* Loaded at the first request: a run with nothing due pays nothing for libcurl. */
static struct {
    __typeof__(&curl_global_init) global_init;
    __typeof__(&curl_easy_init) easy_init;
    __typeof__(&curl_easy_cleanup) easy_cleanup;
    __typeof__(&curl_easy_setopt) easy_setopt;
    __typeof__(&curl_multi_init) multi_init;
    __typeof__(&curl_multi_setopt) multi_setopt;
    __typeof__(&curl_multi_add_handle) multi_add_handle;
    __typeof__(&curl_multi_remove_handle) multi_remove_handle;
    __typeof__(&curl_multi_perform) multi_perform;
    __typeof__(&curl_multi_poll) multi_poll;
    __typeof__(&curl_multi_info_read) multi_info_read;
    __typeof__(&curl_easy_getinfo) easy_getinfo;
    __typeof__(&curl_easy_reset) easy_reset;
    __typeof__(&curl_easy_strerror) easy_strerror;
    __typeof__(&curl_slist_append) slist_append;
    __typeof__(&curl_slist_free_all) slist_free_all;
    __typeof__(&curl_version_info) version_info;
    __typeof__(&curl_getdate) getdate;
} curl;

static const struct lazy_symbol symbols[] = {
    {"curl_global_init", &curl.global_init},
    {"curl_easy_init", &curl.easy_init},
    {"curl_easy_cleanup", &curl.easy_cleanup},
    {"curl_easy_setopt", &curl.easy_setopt},
    {"curl_multi_init", &curl.multi_init},
    {"curl_multi_setopt", &curl.multi_setopt},
    {"curl_multi_add_handle", &curl.multi_add_handle},
    {"curl_multi_remove_handle", &curl.multi_remove_handle},
    {"curl_multi_perform", &curl.multi_perform},
    {"curl_multi_poll", &curl.multi_poll},
    {"curl_multi_info_read", &curl.multi_info_read},
    {"curl_easy_getinfo", &curl.easy_getinfo},
    {"curl_easy_reset", &curl.easy_reset},
    {"curl_easy_strerror", &curl.easy_strerror},
    {"curl_slist_append", &curl.slist_append},
    {"curl_slist_free_all", &curl.slist_free_all},
    {"curl_version_info", &curl.version_info},
    {"curl_getdate", &curl.getdate},
    {NULL, NULL},
};

static void *library;

/* All requests of the program: it keeps the connections, and lets many share one (HTTP/2). */
static CURLM *multi;

struct curl_http {
    struct http base;         /* first, so that a struct http * is one of these */
    CURL *idle[HTTP_AT_ONCE]; /* not in use now */
    size_t idle_count;
    size_t busy_count;
    struct fiber_queue waiting; /* for one of those in use */
    struct clock *clock;
    char *ca_file;
    bool has_hash_links; /* of libcurl's directory of roots; parsing the bundle of all 140 instead
                          * costs more than all the rest of a request */
};

/* One request under way, and what its callbacks need. */
struct transfer {
    struct curl_http *http;
    CURL *easy;
    struct http_response *out;
    const char *problem; /* why a callback stopped the transfer */
    size_t lines;        /* of headers, those of interim answers too */
    bool has_headers;    /* to their last line */
    bool is_over;
    CURLcode code;             /* how it ended */
    struct fiber_queue waiter; /* the one whose request it is */
    char reason[CURL_ERROR_SIZE];
};

static size_t
take_body(char *bytes, size_t one, size_t size, void *user)
{
    struct transfer *t = user;

    (void)one;
    if (t->out->body.size + size > BODY_MAX) {
        t->problem = "the answer is larger than 1 MiB";
        return 0;
    }
    return str_add(&t->out->body, bytes, size) ? size : 0;
}

static bool
add_header(struct http_response *r, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    struct http_header *headers = NULL;
    struct http_header h = {0};
    const char *end = line + size;

    if (colon == NULL)
        return true;
    headers = realloc(r->headers, (r->header_count + 1) * sizeof(*headers));
    if (headers == NULL)
        return false;
    r->headers = headers;
    h.name = strndup(line, (size_t)(colon - line));
    for (colon++; colon < end && isspace((unsigned char)*colon); colon++)
        continue;
    while (end > colon && isspace((unsigned char)end[-1]))
        end--;
    h.value = strndup(colon, (size_t)(end - colon));
    r->headers[r->header_count++] = h;
    if (h.name == NULL || h.value == NULL)
        return false;
    for (char *c = h.name; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return true;
}

/* Interim answers (RFC 9110 section 15.2), and a proxy's own, come before the one that counts. */
static void
drop_headers(struct http_response *r)
{
    for (size_t i = 0; i < r->header_count; i++) {
        free(r->headers[i].name);
        free(r->headers[i].value);
    }
    free(r->headers);
    r->headers = NULL;
    r->header_count = 0;
}

static size_t
take_header(char *line, size_t one, size_t size, void *user)
{
    struct transfer *t = user;

    (void)one;
    if (++t->lines > HEADERS_MAX) {
        t->problem = "the answer has more than 100 header lines";
        return 0;
    }
    if (size > 5 && strncmp(line, "HTTP/", 5) == 0) {
        drop_headers(t->out);
        t->has_headers = false;
    }
    t->has_headers = t->has_headers || strspn(line, "\r\n") == size;
    return add_header(t->out, line, size) ? size : 0;
}

/* Sentences for what people meet most; libcurl's own words for the rest. */
static bool
tell(const struct http_request *r, const struct transfer *t, struct err *e)
{
    const CURLcode code = t->code;
    const char *why = t->reason[0] != '\0' ? t->reason : curl.easy_strerror(code);

    if (t->problem != NULL)
        return err_set(e, ERR_PROTOCOL, "%s '%s': %s", r->method, r->url, t->problem);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return err_set(e, ERR_TIMEOUT, "%s '%s': no answer in time (%s)", r->method, r->url, why);
    if (code == CURLE_URL_MALFORMAT)
        return err_set(e, ERR_PROTOCOL, "%s '%s': not an https URL", r->method, r->url);
    if (code == CURLE_UNSUPPORTED_PROTOCOL) /* the URL's was looked at before */
        return err_set(e, ERR_PROTOCOL, "%s '%s': the answer is not HTTP", r->method, r->url);
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        t->out->distrust = strdup(why);
        return err_set(
            e, ERR_NETWORK,
            "%s '%s': its certificate is not trusted (%s); set ca_file where a private CA "
            "signed it",
            r->method, r->url, why);
    }
    if (code == CURLE_SSL_CACERT_BADFILE)
        return err_set(e, ERR_CONFIG, "%s '%s': ca_file '%s' cannot be used: %s", r->method, r->url,
                       t->http->ca_file != NULL ? t->http->ca_file : "", why);
    return err_set(e, ERR_NETWORK, "%s '%s': %s", r->method, r->url, why);
}

static void
set_trust(const struct curl_http *h, CURL *easy)
{
    const curl_version_info_data *built = curl.version_info(CURLVERSION_NOW);

    if (h->has_hash_links) {
        (void)curl.easy_setopt(easy, CURLOPT_CAPATH, built->capath);
        (void)curl.easy_setopt(easy, CURLOPT_CAINFO, h->ca_file);
    } else if (h->ca_file != NULL) {
        /* a system without such a directory: its bundle cannot be had beside a file of ours */
        (void)curl.easy_setopt(easy, CURLOPT_CAINFO, h->ca_file);
    }
}

/* The two places to which plain http may go, each by itself. */
static bool
is_plain(const struct http_request *r)
{
    return (r->plain_loopback && http_is_loopback(r->url)) ||
           (r->plain_metadata && http_is_metadata(r->url));
}

static void
set_request(CURL *easy, const struct http_request *r)
{
    bool head = strcmp(r->method, "HEAD") == 0;
    bool usual = head || strcmp(r->method, r->body != NULL ? "POST" : "GET") == 0;

    (void)curl.easy_setopt(easy, CURLOPT_URL, r->url);
    if (is_plain(r)) {
        (void)curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
        (void)curl.easy_setopt(easy, CURLOPT_PROXY, ""); /* it must not leave this machine */
    }
    (void)curl.easy_setopt(easy, CURLOPT_NOBODY, head ? 1L : 0L);
    if (!usual)
        (void)curl.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
    if (r->body != NULL) {
        (void)curl.easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)r->body_size);
        (void)curl.easy_setopt(easy, CURLOPT_POSTFIELDS, r->body);
    } else if (!head) {
        (void)curl.easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
}

static void
set_limits(CURL *easy, struct transfer *t)
{
    (void)curl.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl.easy_setopt(easy, CURLOPT_PRIVATE, t);
    (void)curl.easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* for a connection to be shared */
    (void)curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    (void)curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
    (void)curl.easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl.easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    (void)curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, t->reason);
    (void)curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl.easy_setopt(easy, CURLOPT_WRITEDATA, t);
    (void)curl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl.easy_setopt(easy, CURLOPT_HEADERDATA, t);
}

static bool
add_line(struct curl_slist **list, const char *line, struct err *e)
{
    struct curl_slist *longer = line == NULL ? *list : curl.slist_append(*list, line);

    if (line != NULL && longer == NULL)
        return err_memory(e);
    *list = longer;
    return true;
}

static bool
set_headers(CURL *easy, const struct http_request *r, struct curl_slist **list, struct err *e)
{
    own_mem char *type =
        r->content_type == NULL ? NULL : str_format("Content-Type: %s", r->content_type);
    own_mem char *accept = r->accept == NULL ? NULL : str_format("Accept: %s", r->accept);
    /* no "Expect: 100-continue": it costs a round trip */
    const char *lines[] = {type, accept, r->body == NULL ? NULL : "Expect:"};

    for (size_t i = 0; i < COUNT(lines); i++)
        if (!add_line(list, lines[i], e))
            return false;
    for (size_t i = 0; r->headers != NULL && r->headers[i] != NULL; i++)
        if (!add_line(list, r->headers[i], e))
            return false;
    (void)curl.easy_setopt(easy, CURLOPT_HTTPHEADER, *list);
    return true;
}

/* ---- many at the same time ---- */

/* Lets libcurl work, and tells those whose request is over. */
static void
advance(void)
{
    int running = 0, left = 0;

    (void)curl.multi_perform(multi, &running);
    for (const CURLMsg *m = NULL; (m = curl.multi_info_read(multi, &left)) != NULL;) {
        struct transfer *t = NULL;

        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        t->code = m->data.result;
        t->is_over = true;
        fiber_wake(&t->waiter);
    }
}

/* poll(2) for libcurl and for others. Its descriptors have bits of libcurl's own. */
static int
pump(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    own_mem struct curl_waitfd *extra = calloc(count + 1, sizeof(*extra));
    int ready = 0, hits = 0;
    CURLMcode code = CURLM_OK;

    if (extra == NULL)
        return -1;
    for (nfds_t i = 0; i < count; i++) {
        extra[i].fd = fds[i].fd;
        extra[i].events = (short)(((fds[i].events & POLLIN) != 0 ? CURL_WAIT_POLLIN : 0) |
                                  ((fds[i].events & POLLOUT) != 0 ? CURL_WAIT_POLLOUT : 0));
    }
    code = curl.multi_poll(multi, extra, (unsigned int)count,
                           timeout_ms < 0 || timeout_ms > TURN_MS ? TURN_MS : timeout_ms, &ready);
    advance();
    /* libcurl does not tell of hang-ups: what came, and errors with it, are asked for anew */
    hits = code == CURLM_OK && count > 0 ? poll(fds, count, 0) : 0;
    return code == CURLM_OK ? hits : -1;
}

/* Waits until one of this host's may begin. */
static CURL *
take_easy(struct curl_http *h)
{
    while (h->busy_count >= HTTP_AT_ONCE)
        (void)fiber_wait(&h->waiting, -1);
    h->busy_count++;
    return h->idle_count > 0 ? h->idle[--h->idle_count] : curl.easy_init();
}

static void
give_back(struct curl_http *h, CURL *easy)
{
    h->busy_count--;
    if (easy != NULL)
        h->idle[h->idle_count++] = easy;
    fiber_wake(&h->waiting);
}

static void
transfer(struct transfer *t)
{
    CURLMcode code = curl.multi_add_handle(multi, t->easy);

    t->code = CURLE_OUT_OF_MEMORY;
    t->is_over = code != CURLM_OK;
    while (!t->is_over) {
        if (fiber_is_inside())
            (void)fiber_wait(&t->waiter, -1);
        else
            (void)pump(NULL, 0, -1);
    }
    (void)curl.multi_remove_handle(multi, t->easy);
}

static bool
perform(struct transfer *t, const struct http_request *r, struct err *e)
{
    struct curl_http *h = t->http;
    long status = 0, connects = 0;
    int64_t began_ms = h->clock->steady_ms(h->clock);

    set_limits(t->easy, t);
    transfer(t);
    (void)curl.easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    h->base.connect_count += connects;
    h->base.request_count++;
    if (t->code != CURLE_OK)
        return tell(r, t, e);
    if (!t->has_headers) /* libcurl takes what ends so early for an empty answer */
        return err_set(e, ERR_NETWORK, "%s '%s': the answer breaks off in its headers", r->method,
                       r->url);
    (void)curl.easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    t->out->status = (int)status;
    log_debug("%s %s: %ld, %zu bytes, %lld ms", r->method, r->url, status, t->out->body.size,
              (long long)(h->clock->steady_ms(h->clock) - began_ms));
    return true;
}

static bool
send_request(struct http *http, const struct http_request *r, struct http_response *out,
             struct err *e)
{
    struct curl_http *h = (struct curl_http *)http;
    struct transfer t = {.http = h, .out = out};
    struct curl_slist *headers = NULL;
    const char *retry_after = NULL;
    bool good = false;

    if (strncasecmp(r->url, "https://", 8) != 0 && !is_plain(r))
        return err_set(e, ERR_PROTOCOL, "%s '%s': not an https URL", r->method, r->url);
    t.easy = take_easy(h);
    if (t.easy != NULL) {
        curl.easy_reset(t.easy);
        (void)curl.easy_setopt(t.easy, CURLOPT_PROTOCOLS_STR, "https");
        set_trust(h, t.easy);
        set_request(t.easy, r);
        good = set_headers(t.easy, r, &headers, e) && perform(&t, r, e);
        curl.slist_free_all(headers);
    } else {
        (void)err_memory(e);
    }
    give_back(h, t.easy);
    if (!good)
        return false;
    retry_after = http_header(out, "retry-after");
    if (retry_after != NULL)
        out->retry_at_s = http_retry_at(retry_after, h->clock->now_s(h->clock));
    return true;
}

static void
free_curl(struct http *http)
{
    struct curl_http *h = (struct curl_http *)http;

    while (h->idle_count > 0)
        curl.easy_cleanup(h->idle[--h->idle_count]);
    free(h->ca_file);
    free(h);
}

/* Loads libcurl and makes what all requests share. */
static bool
load(struct err *e)
{
    if (multi != NULL)
        return true;
    if (!lazy_load(&library, "libcurl.so.4", symbols, e))
        return false;
    (void)curl.global_init(CURL_GLOBAL_DEFAULT);
    multi = curl.multi_init();
    if (multi == NULL)
        return err_memory(e);
    (void)curl.multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, CONNECTIONS_MAX);
    fiber_set_pump(pump);
    return true;
}

struct http *
http_new(const char *ca_file, struct clock *clock, struct err *e)
{
    struct curl_http *h = NULL;
    const char *capath = NULL;

    if (!load(e))
        return NULL;
    h = calloc(1, sizeof(*h));
    if (h == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    h->base.send = send_request;
    h->base.free = free_curl;
    h->clock = clock;
    capath = curl.version_info(CURLVERSION_NOW)->capath;
    h->has_hash_links = capath != NULL && cert_has_hash_links(capath);
    h->ca_file = ca_file == NULL ? NULL : strdup(ca_file);
    if (ca_file != NULL && h->ca_file == NULL) {
        (void)err_memory(e);
        free_curl(&h->base);
        return NULL;
    }
    return &h->base;
}

void
http_free(struct http *h)
{
    if (h != NULL)
        h->free(h);
}

bool
http_is_https(const char *url)
{
    size_t size = strlen(url);

    if (size <= 8 || size > URL_MAX || strncasecmp(url, "https://", 8) != 0 || url[8] == '/')
        return false;
    for (size_t i = 8; i < size; i++)
        if (url[i] <= ' ' || url[i] > '~')
            return false;
    return true;
}

bool
http_is_loopback(const char *url)
{
    static const char scheme[] = "http://";
    const char *host = url + sizeof(scheme) - 1;
    const char *end = NULL;
    char text[INET_ADDRSTRLEN] = "";
    struct in_addr v4 = {0};

    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
        return false;
    if (strncmp(host, "[::1]", 5) == 0) {
        end = host + 5;
    } else {
        end = host + strcspn(host, ":/");
        if ((size_t)(end - host) >= sizeof(text))
            return false;
        memcpy(text, host, (size_t)(end - host));
        if (inet_pton(AF_INET, text, &v4) != 1 || ntohl(v4.s_addr) >> 24 != 127)
            return false;
    }
    /* nothing but a port may follow: "http://127.0.0.1:80@elsewhere/" is another machine */
    if (*end == ':')
        end += 1 + strspn(end + 1, "0123456789");
    return *end == '/' || *end == '\0';
}

bool
http_is_metadata(const char *url)
{
    static const char *const places[] = {"http://169.254.169.254", "http://[fd00:ec2::254]"};

    for (size_t i = 0; i < COUNT(places); i++) {
        size_t size = strlen(places[i]);

        if (strncmp(url, places[i], size) == 0 && (url[size] == '/' || url[size] == '\0'))
            return true;
    }
    return false;
}

const char *
http_header(const struct http_response *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strcmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}

/* The one date format that RFC 9110 section 5.6.7 lets a sender generate; the two obsolete ones are
 * left to libcurl's parser. */
int64_t
http_date(const char *value)
{
    struct err ignored = {0};
    int64_t at_s = 0;

    if (library == NULL && !lazy_load(&library, "libcurl.so.4", symbols, &ignored))
        return 0;
    at_s = (int64_t)curl.getdate(value, NULL);
    return at_s < 0 ? 0 : at_s;
}

int64_t
http_retry_at(const char *value, int64_t now_s)
{
    size_t digits = strspn(value, "0123456789");
    int64_t at_s = 0;

    if (digits > 0 && value[digits] == '\0')
        at_s = digits > 9 ? now_s + RETRY_AT_MOST_S : now_s + strtoll(value, NULL, 10);
    else
        at_s = http_date(value);
    if (at_s <= 0)
        return 0;
    if (at_s < now_s)
        return now_s;
    return at_s > now_s + RETRY_AT_MOST_S ? now_s + RETRY_AT_MOST_S : at_s;
}

void
http_response_done(struct http_response *r)
{
    drop_headers(r);
    str_done(&r->body);
    free(r->distrust);
    *r = (struct http_response){0};
}

const char *
http_library(void)
{
    struct err ignored = {0};

    if (library == NULL && !lazy_load(&library, "libcurl.so.4", symbols, &ignored))
        return NULL;
    return curl.version_info(CURLVERSION_NOW)->version;
}
