/* http.c: the door to libcurl: https only, no redirects, everything bounded. */
#include "base/http.h"

#include "base/cert.h"
#include "base/clock.h"
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
#define CONNECT_TIMEOUT_MS 15000L
#define REQUEST_TIMEOUT_MS 60000L
#define RETRY_AT_MOST_S (7 * 24 * 3600)
#define USER_AGENT "pgcert/" PGCERT_VERSION

/* Loaded at the first request: a run with nothing due pays nothing for libcurl. */
static struct {
    __typeof__(&curl_global_init) global_init;
    __typeof__(&curl_easy_init) easy_init;
    __typeof__(&curl_easy_cleanup) easy_cleanup;
    __typeof__(&curl_easy_setopt) easy_setopt;
    __typeof__(&curl_easy_perform) easy_perform;
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
    {"curl_easy_perform", &curl.easy_perform},
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

struct curl_http {
    struct http base; /* first, so that a struct http * is one of these */
    CURL *easy;
    struct clock *clock;
    char *ca_file;
    bool has_hash_links; /* of libcurl's directory of roots; parsing the bundle of all 140 instead
                          * costs more than all the rest of a request */
    char reason[CURL_ERROR_SIZE];
};

/* What the callbacks of one request need. */
struct transfer {
    struct http_response *out;
    const char *problem; /* why a callback stopped the transfer */
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

static size_t
take_header(char *line, size_t one, size_t size, void *user)
{
    struct transfer *t = user;

    (void)one;
    if (t->out->header_count >= HEADERS_MAX) {
        t->problem = "the answer has more than 100 header lines";
        return 0;
    }
    return add_header(t->out, line, size) ? size : 0;
}

/* Sentences for what people meet most; libcurl's own words for the rest. */
static bool
tell(const struct curl_http *h, const struct http_request *r, const struct transfer *t,
     CURLcode code, struct err *e)
{
    const char *why = h->reason[0] != '\0' ? h->reason : curl.easy_strerror(code);

    if (t->problem != NULL)
        return err_set(e, ERR_PROTOCOL, "%s '%s': %s", r->method, r->url, t->problem);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return err_set(e, ERR_TIMEOUT, "%s '%s': no answer in time (%s)", r->method, r->url, why);
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
        return err_set(e, ERR_PROTOCOL, "%s '%s': not an https URL", r->method, r->url);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return err_set(
            e, ERR_NETWORK,
            "%s '%s': its certificate is not trusted (%s); set ca_file where a private CA "
            "signed it",
            r->method, r->url, why);
    if (code == CURLE_SSL_CACERT_BADFILE)
        return err_set(e, ERR_CONFIG, "%s '%s': ca_file '%s' cannot be used: %s", r->method, r->url,
                       h->ca_file != NULL ? h->ca_file : "", why);
    return err_set(e, ERR_NETWORK, "%s '%s': %s", r->method, r->url, why);
}

static void
set_trust(const struct curl_http *h)
{
    const curl_version_info_data *built = curl.version_info(CURLVERSION_NOW);

    if (h->has_hash_links) {
        (void)curl.easy_setopt(h->easy, CURLOPT_CAPATH, built->capath);
        (void)curl.easy_setopt(h->easy, CURLOPT_CAINFO, h->ca_file);
    } else if (h->ca_file != NULL) {
        /* a system without such a directory: its bundle cannot be had beside a file of ours */
        (void)curl.easy_setopt(h->easy, CURLOPT_CAINFO, h->ca_file);
    }
}

static void
set_request(const struct curl_http *h, const struct http_request *r)
{
    bool head = strcmp(r->method, "HEAD") == 0;
    bool usual = head || strcmp(r->method, r->body != NULL ? "POST" : "GET") == 0;

    (void)curl.easy_setopt(h->easy, CURLOPT_URL, r->url);
    if (r->plain_loopback && http_is_loopback(r->url)) {
        (void)curl.easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http");
        (void)curl.easy_setopt(h->easy, CURLOPT_PROXY, ""); /* it must not leave this machine */
    }
    (void)curl.easy_setopt(h->easy, CURLOPT_NOBODY, head ? 1L : 0L);
    if (!usual)
        (void)curl.easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, r->method);
    if (r->body != NULL) {
        (void)curl.easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE, (long)r->body_size);
        (void)curl.easy_setopt(h->easy, CURLOPT_POSTFIELDS, r->body);
    } else if (!head) {
        (void)curl.easy_setopt(h->easy, CURLOPT_HTTPGET, 1L);
    }
}

static void
set_limits(struct curl_http *h, struct transfer *t)
{
    (void)curl.easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl.easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl.easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    (void)curl.easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
    (void)curl.easy_setopt(h->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl.easy_setopt(h->easy, CURLOPT_USERAGENT, USER_AGENT);
    (void)curl.easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->reason);
    (void)curl.easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl.easy_setopt(h->easy, CURLOPT_WRITEDATA, t);
    (void)curl.easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl.easy_setopt(h->easy, CURLOPT_HEADERDATA, t);
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
set_headers(const struct curl_http *h, const struct http_request *r, struct curl_slist **list,
            struct err *e)
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
    (void)curl.easy_setopt(h->easy, CURLOPT_HTTPHEADER, *list);
    return true;
}

static bool
perform(struct curl_http *h, const struct http_request *r, struct http_response *out, struct err *e)
{
    struct transfer t = {.out = out};
    long status = 0, connects = 0;
    CURLcode code = CURLE_OK;
    int64_t began_ms = h->clock->steady_ms(h->clock);

    set_limits(h, &t);
    h->reason[0] = '\0';
    code = curl.easy_perform(h->easy);
    (void)curl.easy_getinfo(h->easy, CURLINFO_NUM_CONNECTS, &connects);
    h->base.connect_count += connects;
    h->base.request_count++;
    if (code != CURLE_OK)
        return tell(h, r, &t, code, e);
    (void)curl.easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    out->status = (int)status;
    log_debug("%s %s: %ld, %zu bytes, %lld ms", r->method, r->url, status, out->body.size,
              (long long)(h->clock->steady_ms(h->clock) - began_ms));
    return true;
}

static bool
send_request(struct http *http, const struct http_request *r, struct http_response *out,
             struct err *e)
{
    struct curl_http *h = (struct curl_http *)http;
    struct curl_slist *headers = NULL;
    const char *retry_after = NULL;
    bool good = false;

    if (strncasecmp(r->url, "https://", 8) != 0 && !(r->plain_loopback && http_is_loopback(r->url)))
        return err_set(e, ERR_PROTOCOL, "%s '%s': not an https URL", r->method, r->url);
    curl.easy_reset(h->easy); /* keeps the connection */
    (void)curl.easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "https");
    set_trust(h);
    set_request(h, r);
    good = set_headers(h, r, &headers, e) && perform(h, r, out, e);
    curl.slist_free_all(headers);
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

    if (h->easy != NULL)
        curl.easy_cleanup(h->easy);
    free(h->ca_file);
    free(h);
}

struct http *
http_new(const char *ca_file, struct clock *clock, struct err *e)
{
    struct curl_http *h = NULL;
    const char *capath = NULL;

    if (library == NULL) {
        if (!lazy_load(&library, "libcurl.so.4", symbols, e))
            return NULL;
        (void)curl.global_init(CURL_GLOBAL_DEFAULT);
    }
    h = calloc(1, sizeof(*h));
    if (h == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    h->base.send = send_request;
    h->base.free = free_curl;
    h->clock = clock;
    h->easy = curl.easy_init();
    capath = curl.version_info(CURLVERSION_NOW)->capath;
    h->has_hash_links = capath != NULL && cert_has_hash_links(capath);
    h->ca_file = ca_file == NULL ? NULL : strdup(ca_file);
    if (h->easy == NULL || (ca_file != NULL && h->ca_file == NULL)) {
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
static int64_t
parse_date(const char *value)
{
    struct err ignored = {0};

    if (library == NULL && !lazy_load(&library, "libcurl.so.4", symbols, &ignored))
        return 0;
    return (int64_t)curl.getdate(value, NULL);
}

int64_t
http_retry_at(const char *value, int64_t now_s)
{
    size_t digits = strspn(value, "0123456789");
    int64_t at_s = 0;

    if (digits > 0 && value[digits] == '\0')
        at_s = digits > 9 ? now_s + RETRY_AT_MOST_S : now_s + strtoll(value, NULL, 10);
    else
        at_s = parse_date(value);
    if (at_s <= 0)
        return 0;
    if (at_s < now_s)
        return now_s;
    return at_s > now_s + RETRY_AT_MOST_S ? now_s + RETRY_AT_MOST_S : at_s;
}

void
http_response_done(struct http_response *r)
{
    for (size_t i = 0; i < r->header_count; i++) {
        free(r->headers[i].name);
        free(r->headers[i].value);
    }
    free(r->headers);
    str_done(&r->body);
    *r = (struct http_response){0};
}
