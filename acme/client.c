/* client.c: directory, nonces, signed POST (RFC 8555 sections 6.2 to 6.5, 7.1.1, 7.2). */
#include "acme/client.h"

#include "acme/jws.h"
#include "acme/link.h"
#include "acme/problem.h"
#include "base/b64url.h"
#include "base/file.h"
#include "base/key.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define NONCE_TRIES 16
#define NONCE_MAX 1024 /* characters; those of public issuers have fewer than 100 */
#define DIRECTORY_KEPT_S (30 * 24 * 3600) /* one that is wrong heals: see client_call() */
#define JOSE "application/jose+json"

/* RFC 8555 section 6.5.1: a client MUST ignore what is not base64url. */
static bool
is_nonce(const char *text)
{
    return b64url_is(text) && strlen(text) <= NONCE_MAX;
}

/* Keeps the nonce of a response for a later request. */
static void
keep_nonce(struct client *c, const struct http_response *r)
{
    const char *nonce = http_header(r, "replay-nonce");

    if (nonce != NULL && is_nonce(nonce) && c->nonces.count < CLIENT_NONCES_MAX &&
        !list_add(&c->nonces, nonce))
        log_debug("out of memory: a nonce is lost");
}

/* The first of what every server must offer (RFC 8555 section 7.1.1) and this one does not; NULL:
 * it is a directory. */
static const char *
find_lacking(const struct json_t *object)
{
    static const char *const needed[] = {"newNonce", "newAccount", "newOrder"};

    for (size_t i = 0; i < COUNT(needed); i++) {
        const char *url = json_member_text(object, needed[i]);

        if (url == NULL || !http_is_https(url))
            return needed[i];
    }
    return NULL;
}

/* A session is a convenience: whatever is wrong with it, we do without. */
static void
remember(struct client *c)
{
    struct err ignored = {0};
    own_json struct json_t *session = json_load(c->session_path, &ignored);
    const char *url = session == NULL ? NULL : json_member_text(session, "directory_url");
    const char *nonce = NULL;
    int64_t age_s = 0;

    if (url == NULL || strcmp(url, c->directory_url) != 0)
        return;
    c->directory_at_s = json_member_int(session, "directory_at");
    age_s = c->clock->now_s(c->clock) - c->directory_at_s;
    if (find_lacking(json_member(session, "directory")) == NULL && age_s >= 0 &&
        age_s < DIRECTORY_KEPT_S)
        c->directory = json_keep(json_member(session, "directory"));
    nonce = json_member_text(session, "nonce");
    if (nonce != NULL && is_nonce(nonce))
        (void)!list_add(&c->nonces, nonce);
}

bool
client_init(struct client *c, struct http *http, struct clock *clock, const char *directory_url,
            const char *session_path, struct err *e)
{
    c->http = http;
    c->clock = clock;
    c->directory_url = strdup(directory_url);
    c->session_path = strdup(session_path);
    if (c->directory_url == NULL || c->session_path == NULL)
        return err_memory(e);
    remember(c);
    return true;
}

/* A server that does not answer in time is not asked over and over: each time costs a minute, and a
 * run may have hundreds of certificates. The next run finds out whether it answers again. */
static bool
ask(struct client *c, const struct http_request *request, struct http_response *response,
    struct err *e)
{
    if (c->silences >= CLIENT_SILENCES_MAX)
        return err_set(
            e, ERR_TIMEOUT,
            "%s '%s': not asked any more, for %d requests in a row had no answer in time",
            request->method, request->url, c->silences);
    if (c->http->send(c->http, request, response, e)) {
        c->silences = 0;
        return true;
    }
    c->silences = e->code == ERR_TIMEOUT ? c->silences + 1 : 0;
    return false;
}

static bool
fetch_directory(struct client *c, struct err *e)
{
    struct http_request request = {.method = "GET", .url = c->directory_url};
    own_http_response struct http_response response = {0};
    own_json struct json_t *directory = NULL;
    const char *lacking = NULL;

    if (!ask(c, &request, &response, e))
        return false;
    keep_nonce(c, &response);
    if (response.status != 200) {
        (void)problem_tell(NULL, response.status, response.retry_at_s, e);
        e->is_answer = true;
        return err_wrap(e, "read the directory '%s'", c->directory_url);
    }
    directory = json_decode(response.body.text, response.body.size, e);
    if (directory == NULL)
        return err_wrap(e, "read the directory '%s'", c->directory_url);
    lacking = find_lacking(directory);
    if (lacking != NULL)
        return err_set(e, ERR_PROTOCOL,
                       "'%s' is not the directory of an ACME server: it has no https URL for '%s'",
                       c->directory_url, lacking);
    json_drop(&c->directory);
    c->directory = TAKE(directory);
    c->directory_at_s = c->clock->now_s(c->clock);
    c->directory_is_fresh = true;
    return true;
}

/* One reads it for all. */
static bool
need_directory(struct client *c, struct err *e)
{
    own_lock struct fiber_lock *held = NULL;

    if (c->directory != NULL)
        return true;
    held = fiber_lock(&c->reading);
    return c->directory != NULL || fetch_directory(c, e);
}

/* A copy, since the directory may be read again meanwhile. */
char *
client_url(struct client *c, const char *resource, struct err *e)
{
    const char *url = NULL;

    if (!need_directory(c, e))
        return NULL;
    url = json_member_text(c->directory, resource);
    if (url != NULL && http_is_https(url))
        return strdup(url);
    (void)err_set(e, ERR_PROTOCOL, "the directory '%s' has no %s'%s'", c->directory_url,
                  url == NULL ? "" : "https URL for ", resource);
    return NULL;
}

const struct json_t *
client_meta(struct client *c, struct err *e)
{
    const struct json_t *meta = NULL;

    if (!need_directory(c, e))
        return NULL;
    meta = json_member(c->directory, "meta");
    return meta == NULL ? c->directory : meta;
}

bool
client_refresh(struct client *c, struct err *e)
{
    own_lock struct fiber_lock *held = fiber_lock(&c->reading);

    return c->directory_is_fresh || fetch_directory(c, e);
}

/* Statuses of a URL that the server does not have any more. */
static bool
is_unknown(int status)
{
    return status == 404 || status == 405 || status == 410;
}

/* Is it another one by now? */
static bool
has_moved(const struct client *c, const char *url)
{
    const char *now = json_member_text(c->directory, "newNonce");

    return now != NULL && strcmp(now, url) != 0;
}

/* RFC 8555 section 7.2. Once more when a remembered directory was out of date. */
static bool
fetch_nonce(struct client *c, struct err *e)
{
    own_mem char *url = client_url(c, "newNonce", e);
    struct http_request request = {.method = "HEAD", .url = url};
    own_http_response struct http_response response = {0};

    if (url == NULL || !ask(c, &request, &response, e))
        return false;
    if (is_unknown(response.status) && !c->directory_is_fresh) {
        json_drop(&c->directory);
        return fetch_nonce(c, e);
    }
    if (is_unknown(response.status) && has_moved(c, url)) /* another order has read it again */
        return fetch_nonce(c, e);
    if (response.status >= 400) {
        (void)problem_tell(NULL, response.status, response.retry_at_s, e);
        e->is_answer = true;
        return err_wrap(e, "get a nonce from '%s'", url);
    }
    keep_nonce(c, &response);
    return c->nonces.count > 0 ||
           err_set(e, ERR_PROTOCOL, "get a nonce from '%s': the answer has none", url);
}

/* One at hand, that of a request which ends, or a new one while there are few: each one that is
 * fetched costs a round trip. Counts the request as under way. */
static char *
take_nonce(struct client *c, struct err *e)
{
    while (c->nonces.count == 0 && c->under_way >= CLIENT_NONCES_MAX)
        (void)fiber_wait(&c->poor, -1);
    c->under_way++;
    if (c->nonces.count == 0 && !fetch_nonce(c, e))
        return NULL;
    c->nonces.count--;
    return TAKE(c->nonces.items[c->nonces.count]);
}

static void
end_request(struct client *c)
{
    c->under_way--;
    fiber_wake(&c->poor);
}

/* What goes out. */
struct message {
    const char *url;
    const char *payload;
    bool by_key; /* with the account's key in its header, not the account's URL */
};

static bool
post_once(struct client *c, const struct message *m, struct http_response *response, struct err *e)
{
    own_str struct str body = {0};
    own_mem char *nonce = take_nonce(c, e); /* used once, whatever comes */
    struct http_request request = {.method = "POST", .url = m->url, .content_type = JOSE};

    if (nonce == NULL ||
        !jws_sign(c->key, m->by_key ? NULL : c->kid, nonce, m->url, m->payload, &body, e))
        return false;
    request.body = body.text;
    request.body_size = body.size;
    if (!ask(c, &request, response, e)) {
        e->is_answer = response->header_count > 0;
        return false;
    }
    keep_nonce(c, response);
    return true;
}

/* They may come in one header or in several. */
static bool
keep_links(struct answer *a, const struct http_response *r, const char *url)
{
    for (size_t i = 0; i < r->header_count; i++) {
        const char *value = r->headers[i].value;

        if (strcmp(r->headers[i].name, "link") == 0 &&
            (!link_add(&a->alternates, value, "alternate", url) ||
             !link_add(&a->next, value, "next", url) || !link_add(&a->help, value, "help", url) ||
             !link_add(&a->terms, value, "terms-of-service", url)))
            return false;
    }
    return true;
}

static bool
fill(struct answer *a, const char *url, struct http_response *response, struct err *e)
{
    const char *type = http_header(response, "content-type");
    const char *location = http_header(response, "location");
    struct err ignored = {0};

    a->status = response->status;
    a->retry_at_s = response->retry_at_s;
    a->body = response->body;
    response->body = (struct str){0};
    /* "application/json", "application/problem+json; charset=utf-8" */
    if (type != NULL && strstr(type, "json") != NULL)
        a->json = json_decode(a->body.text, a->body.size, a->status < 400 ? e : &ignored);
    if (a->status < 400 && a->json == NULL && type != NULL && strstr(type, "json") != NULL)
        return false;
    if (location != NULL && !http_is_https(location))
        location = NULL;
    a->location = location == NULL ? NULL : strdup(location);
    return ((location == NULL || a->location != NULL) && keep_links(a, response, url)) ||
           err_memory(e);
}

/* Until the server takes one of the nonces, or says something else. */
static bool
post(struct client *c, const struct message *m, struct answer *a, struct err *e)
{
    for (int tries = 1;; tries++) {
        own_http_response struct http_response response = {0};
        bool good = false;

        answer_done(a);
        good = post_once(c, m, &response, e);
        end_request(c);
        if (!good)
            return false;
        if (!fill(a, m->url, &response, e))
            return err_wrap(e, "POST '%s'", m->url);
        if (!problem_is(a->json, "badNonce") || tries >= NONCE_TRIES)
            return true;
        log_debug("%s: badNonce, trying again with the next one", m->url);
    }
}

static bool
send_message(struct client *c, const struct message *m, struct answer *a, struct err *e)
{
    bool good = post(c, m, a, e);

    c->account_is_gone = problem_is(a->json, "accountDoesNotExist");
    if (good && a->status < 300)
        return true;
    if (good) {
        (void)problem_tell(a->json, a->status, a->retry_at_s, e);
        problem_point(a->json, &a->help, &a->terms, e);
        (void)err_wrap(e, "POST '%s'", m->url);
    }
    e->is_answer = e->is_answer || a->status != 0;
    return false;
}

bool
client_post(struct client *c, const char *url, const char *payload, struct answer *a, struct err *e)
{
    const struct message m = {.url = url, .payload = payload};

    return send_message(c, &m, a, e);
}

static bool
call_once(struct client *c, const char *resource, const char *payload, struct answer *a,
          struct err *e)
{
    own_mem char *url = client_url(c, resource, e);
    const struct message m = {
        .url = url, .payload = payload, .by_key = strcmp(resource, "newAccount") == 0};

    return url != NULL && send_message(c, &m, a, e);
}

bool
client_call(struct client *c, const char *resource, const char *payload, struct answer *a,
            struct err *e)
{
    bool remembered = c->directory != NULL && !c->directory_is_fresh;

    if (call_once(c, resource, payload, a, e))
        return true;
    if (remembered && e->code == ERR_NETWORK)
        json_drop(&c->directory); /* perhaps the server has moved: the next run asks */
    if (!remembered || !is_unknown(a->status))
        return false;
    if (!c->directory_is_fresh) /* getting a nonce may have read it again already */
        json_drop(&c->directory);
    return call_once(c, resource, payload, a, e);
}

bool
client_save(const struct client *c, struct err *e)
{
    own_json struct json_t *session = json_new_object();

    if (session == NULL)
        return err_memory(e);
    json_put_text(session, "directory_url", c->directory_url);
    json_put_int(session, "directory_at", c->directory_at_s);
    if (c->directory != NULL)
        json_put(session, "directory", json_keep(c->directory));
    if (c->nonces.count > 0)
        json_put_text(session, "nonce", c->nonces.items[c->nonces.count - 1]);
    return json_save(session, c->session_path, e);
}

void
client_done(struct client *c)
{
    key_drop(&c->key);
    free(c->kid);
    free(c->directory_url);
    free(c->session_path);
    json_drop(&c->directory);
    list_done(&c->nonces);
    *c = (struct client){0};
}

void
answer_done(struct answer *a)
{
    json_drop(&a->json);
    free(a->location);
    list_done(&a->alternates);
    list_done(&a->next);
    list_done(&a->help);
    list_done(&a->terms);
    str_done(&a->body);
    *a = (struct answer){0};
}
