/* rest.c: ask a service, again when it is busy, and say what it said. */
#include "acme/rest.h"

#include "base/file.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX 4096
#define PAUSE_FIRST_MS 1000
#define PAUSE_MOST_MS 30000
#define MESSAGE_MAX 300
#define PRINTABLE                                                                                  \
    "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"                           \
    "abcdefghijklmnopqrstuvwxyz{|}~"
#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
#define HARMLESS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=-"

static bool
read_line(const struct rest *r, const char *setting, const char *path, struct str *line,
          struct err *e)
{
    if (path == NULL)
        return err_set(e, ERR_CONFIG, "'%s' of [dns %s] is empty", setting, r->d->name);
    if (!file_read_secret(path, TOKEN_MAX, line, e))
        return err_wrap(e, "'%s' of [dns %s]", setting, r->d->name);
    /* a line more would be a header more */
    if (line->size == 0 || strspn(line->text, PRINTABLE) != line->size)
        return err_set(e, ERR_CONFIG,
                       "'%s' of [dns %s]: '%s' must hold the token and nothing else, in one line",
                       setting, r->d->name, path);
    return true;
}

bool
rest_read_secret(struct rest *r, const char *setting, const char *path, struct err *e)
{
    own_str struct str line = {0};

    return read_line(r, setting, path, &line, e) &&
           (list_add(&r->secrets, line.text) || err_memory(e));
}

static bool
read_token(struct rest *r, const struct rest_access *access, struct err *e)
{
    own_str struct str token = {0};

    if (!read_line(r, "token_file", access->token_file, &token, e))
        return false;
    if (!str_addf(&r->header, "%s%s", access->header, token.text))
        return err_memory(e);
    r->token = r->header.text + strlen(access->header);
    return true;
}

bool
rest_start(struct rest *r, struct dns *d, const struct rest_access *access, struct err *e)
{
    r->d = d;
    r->token_file = access->token_file;
    r->endpoint = access->endpoint;
    r->plain_loopback = access->plain_loopback;
    if (r->endpoint == NULL || (strncmp(r->endpoint, "https://", 8) != 0 &&
                                !(r->plain_loopback && http_is_loopback(r->endpoint))))
        return err_set(e, ERR_CONFIG,
                       "'endpoint' of [dns %s] is '%s', but must be https://HOST...%s", d->name,
                       r->endpoint == NULL ? "" : r->endpoint,
                       r->plain_loopback ? ", or http://127.0.0.1:PORT on this very machine; try: "
                                           "put a proxy with TLS before the service"
                                         : "");
    r->authorize = access->authorize;
    if (access->header != NULL && !read_token(r, access, e))
        return false;
    r->http = http_new(access->ca_file, d->clock, e);
    return r->http != NULL;
}

void
rest_begin(struct rest *r)
{
    r->deadline_ms = r->d->clock->steady_ms(r->d->clock) + r->d->config.timeout_s * 1000;
}

/* ------------------------------------------------------------------ what it says */

/* The sentence in an error, wherever the services have it. */
static const char *
find_message(const struct json_t *json)
{
    const struct json_t *first = json_item(json_member(json, "errors"), 0);
    const char *const found[] = {
        json_member_text(first, "message"), /* Cloudflare */
        json_member_text(first, "reason"),  /* Linode */
        json_member_text(json_member(json, "error"), "message"),
        json_member_text(json, "error"), /* PowerDNS */
        json_member_text(json, "message"),
        json_member_text(json, "detail"), /* deSEC */
    };

    for (size_t i = 0; i < COUNT(found); i++)
        if (found[i] != NULL)
            return found[i];
    return NULL;
}

/* A service that repeats a secret must not make us tell it. */
static bool
has_secret(const struct rest *r, const char *text)
{
    if (r->token != NULL && strstr(text, r->token) != NULL)
        return true;
    for (size_t i = 0; i < r->secrets.count; i++)
        if (strstr(text, r->secrets.items[i]) != NULL)
            return true;
    return false;
}

/* ": what it said" for a sentence. */
static void
write_message(char text[static MESSAGE_MAX], const struct rest *r, const struct json_t *json)
{
    const char *found = find_message(json);
    own_mem char *whole = found != NULL || json == NULL ? NULL : json_encode(json);

    text[0] = '\0';
    if (found == NULL)
        found = whole;
    if (found == NULL || found[0] == '\0' || has_secret(r, found))
        return;
    (void)snprintf(text, MESSAGE_MAX, ": %s", found);
    for (size_t end = strlen(text); end > 0 && text[end - 1] == '.'; end--)
        text[end - 1] = '\0';
}

/* ------------------------------------------------------------------ asking */

/* Whom a message goes to. */
static const char *
place_of(const struct rest *r, const struct rest_message *m)
{
    return m->url != NULL ? m->url : r->endpoint;
}

static bool
is_busy(const struct rest *r, const struct rest_message *m, const struct http_response *response)
{
    if (response->status == 429 || response->status == 503)
        return true;
    return m->url == NULL && r->is_busy != NULL && r->is_busy(response);
}

/* Waits before the next try, unless that would take too long. */
static bool
pause_for(const struct rest *r, const struct rest_message *m, const struct http_response *response,
          int tries, struct err *e)
{
    struct clock *clock = r->d->clock;
    int64_t now_s = clock->now_s(clock);
    int64_t ms = tries > 4 ? PAUSE_MOST_MS : (int64_t)PAUSE_FIRST_MS << tries;
    char span[CLOCK_SPAN_SIZE], message[MESSAGE_MAX] = "";
    struct err ignored = {0};
    own_json struct json_t *json = json_decode(response->body.text, response->body.size, &ignored);

    if (response->retry_at_s > now_s)
        ms = (response->retry_at_s - now_s) * 1000;
    clock_span(span, ms);
    if (m->url == NULL) /* who is asked elsewhere may repeat a secret that we do not know here */
        write_message(message, r, json);
    if (clock->steady_ms(clock) + ms > r->deadline_ms) {
        (void)err_set(e, ERR_BUSY,
                      "the service at '%s' is busy or has had too many requests (%d%s), and wants "
                      "to be asked again in %s, which is more than 'timeout' of [dns %s] leaves",
                      place_of(r, m), response->status, message, span, r->d->name);
        e->retry_at_s = response->retry_at_s > now_s ? response->retry_at_s : 0;
        return false;
    }
    log_debug("%s: %d, asked again in %s", place_of(r, m), response->status, span);
    clock->sleep_ms(clock, ms);
    return true;
}

/* json_decode() reads objects alone: whatever else there is becomes a member of one. */
static bool
read_json(const struct rest *r, const struct rest_message *m, const struct http_response *response,
          struct rest_answer *answer, struct err *e)
{
    own_str struct str text = {0};
    const char *body = response->body.text;
    struct err why = {0};

    answer->status = response->status;
    if (response->body.size == 0)
        return true;
    if (body[strspn(body, " \t\r\n")] != '{') {
        bool is_array = body[strspn(body, " \t\r\n")] == '[';

        if (!str_addf(&text, "{\"%s\":", is_array ? "items" : "value") ||
            !str_add(&text, body, response->body.size) || !str_add(&text, "}", 1))
            return err_memory(e);
        answer->json = json_decode(text.text, text.size, &why);
    } else {
        answer->json = json_decode(body, response->body.size, &why);
    }
    if (answer->json != NULL || !rest_is_good(answer))
        return true;
    /* why it is none would quote it, and it may repeat a secret */
    if (m->url != NULL)
        return err_set(e, ERR_PROTOCOL, "'%s' answers with what is not JSON", m->url);
    return err_set(e, ERR_PROTOCOL,
                   "the service at '%s' answers with what is not JSON; is 'endpoint' of [dns %s] "
                   "right?",
                   r->endpoint, r->d->name);
}

/* The header lines of a request. What is asked elsewhere is not told who we are. */
static bool
add_lines(struct rest *r, const struct rest_message *m, const struct http_request *request,
          struct list *lines, struct err *e)
{
    /* first, for it may be what gets the token */
    if (m->url == NULL && r->authorize != NULL && !r->authorize(r, request, lines, e))
        return false;
    if (m->url == NULL && r->token != NULL && !list_add(lines, r->header.text))
        return err_memory(e);
    return m->header == NULL || list_add(lines, m->header) || err_memory(e);
}

/* One try. */
static bool
send_once(struct rest *r, const struct rest_message *m, struct http_request *request,
          struct http_response *response, struct err *e)
{
    own_list struct list lines = {0};
    bool good = add_lines(r, m, request, &lines, e);

    if (good) {
        own_mem const char **headers = calloc(lines.count + 1, sizeof(*headers));

        for (size_t i = 0; headers != NULL && i < lines.count; i++)
            headers[i] = lines.items[i];
        request->headers = headers;
        good = headers == NULL ? err_memory(e) : r->http->send(r->http, request, response, e);
        request->headers = NULL;
    }
    list_wipe(&lines);
    /* what authorize() asks elsewhere is told by the request it is for */
    return good || (m->url == NULL && err_wrap(e, "[dns %s]", r->d->name));
}

bool
rest_exchange(struct rest *r, const struct rest_message *m, struct http_response *response,
              struct err *e)
{
    own_mem char *url = m->url != NULL ? strdup(m->url) : str_format("%s%s", r->endpoint, m->path);
    struct http_request request = {
        .method = m->method,
        .url = url,
        .content_type = m->content_type,
        .accept = m->accept,
        .body = m->body,
        .body_size = m->body == NULL ? 0 : strlen(m->body),
        .plain_loopback = r->plain_loopback && m->url == NULL,
    };

    if (url == NULL)
        return err_memory(e);
    for (int tries = 0;; tries++) {
        if (!send_once(r, m, &request, response, e))
            return false;
        if (!is_busy(r, m, response))
            return true;
        if (!pause_for(r, m, response, tries, e))
            return false;
        http_response_done(response);
    }
}

bool
rest_send(struct rest *r, const struct rest_message *m, struct rest_answer *answer, struct err *e)
{
    own_http_response struct http_response response = {0};

    rest_answer_done(answer);
    return rest_exchange(r, m, &response, e) && read_json(r, m, &response, answer, e);
}

bool
rest_call(struct rest *r, const char *method, const char *path, const struct json_t *body,
          struct rest_answer *answer, struct err *e)
{
    own_mem char *text = body == NULL ? NULL : json_encode(body);
    const struct rest_message m = {
        .method = method,
        .path = path,
        .content_type = text == NULL ? NULL : "application/json",
        .accept = "application/json",
        .body = text,
    };

    if (body != NULL && text == NULL)
        return err_memory(e);
    return rest_send(r, &m, answer, e);
}

bool
rest_is_good(const struct rest_answer *answer)
{
    return answer->status >= 200 && answer->status <= 299;
}

/* ------------------------------------------------------------------ what went wrong */

bool
rest_denied(const struct rest *r, const struct rest_answer *answer, const char *what,
            const char *remedy, struct err *e)
{
    char message[MESSAGE_MAX];

    write_message(message, r, answer->json);
    return err_set(
        e, ERR_PERMISSION, "the service at '%s' does not let the token of '%s' %s (%d%s); %s",
        r->endpoint, r->token_file, what, answer->status, message,
        remedy != NULL ? remedy
                       : "make a token which may edit the zone, and write it into that file");
}

bool
rest_failed(const struct rest *r, const struct json_t *why, const char *what, struct err *e)
{
    char message[MESSAGE_MAX];

    write_message(message, r, why);
    return err_set(e, ERR_NETWORK, "the service at '%s' failed to %s%s", r->endpoint, what,
                   message);
}

bool
rest_refused(const struct rest *r, const struct rest_answer *answer, const char *what,
             struct err *e)
{
    char message[MESSAGE_MAX];

    if (answer->status == 401 || answer->status == 403)
        return rest_denied(r, answer, what, r->remedy, e);
    write_message(message, r, answer->json);
    if (answer->status >= 500)
        return err_set(e, ERR_NETWORK, "the service at '%s' failed to %s (%d%s)", r->endpoint, what,
                       answer->status, message);
    if (answer->status == 404)
        return err_set(e, ERR_PERMISSION,
                       "the service at '%s' has not found what it needs to %s (404%s); is "
                       "'endpoint' of [dns %s] right?",
                       r->endpoint, what, message, r->d->name);
    return err_set(e, ERR_PERMISSION, "the service at '%s' refuses to %s (%d%s)", r->endpoint, what,
                   answer->status, message);
}

bool
rest_misunderstood(const struct rest *r, const char *what, struct err *e)
{
    return err_set(e, ERR_PROTOCOL,
                   "the service at '%s' gives no usable answer to: %s; is 'endpoint' of [dns %s] "
                   "right?",
                   r->endpoint, what, r->d->name);
}

/* ------------------------------------------------------------------ nothing but success */

static bool
ask(struct rest *r, const char *method, const char *path, const struct json_t *body,
    struct rest_answer *answer, struct err *e)
{
    return path == NULL ? err_memory(e) : rest_call(r, method, path, body, answer, e);
}

bool
rest_get(struct rest *r, const char *path, const char *what, struct rest_answer *answer,
         struct err *e)
{
    return ask(r, "GET", path, NULL, answer, e) &&
           (rest_is_good(answer) || rest_refused(r, answer, what, e));
}

bool
rest_look(struct rest *r, const char *path, const char *what, struct rest_answer *answer,
          struct err *e)
{
    return ask(r, "GET", path, NULL, answer, e) &&
           (rest_is_good(answer) || answer->status == 404 || rest_refused(r, answer, what, e));
}

bool
rest_change(struct rest *r, const char *method, const char *path, const struct json_t *body,
            const char *what, struct err *e)
{
    own_rest_answer struct rest_answer answer = {0};

    if (body == NULL)
        return err_memory(e);
    return ask(r, method, path, body, &answer, e) &&
           (rest_is_good(&answer) || rest_refused(r, &answer, what, e));
}

bool
rest_delete(struct rest *r, const char *path, const char *what, struct err *e)
{
    own_rest_answer struct rest_answer answer = {0};

    return ask(r, "DELETE", path, NULL, &answer, e) &&
           (rest_is_good(&answer) || answer.status == 404 || rest_refused(r, &answer, what, e));
}

/* ------------------------------------------------------------------ ids, ends */

bool
rest_id(char id[static REST_ID_SIZE], const struct json_t *object, const char *key)
{
    const char *text = json_member_text(object, key);
    int64_t number = json_member_int(object, key);

    if (text == NULL && number > 0) {
        (void)snprintf(id, REST_ID_SIZE, "%" PRId64, number);
        return true;
    }
    if (text == NULL || text[0] == '\0' || strlen(text) >= REST_ID_SIZE ||
        text[strspn(text, HARMLESS)] != '\0' || strstr(text, "..") != NULL)
        return false;
    memcpy(id, text, strlen(text) + 1);
    return true;
}

bool
rest_encode(struct str *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        size_t plain = strspn(at, UNRESERVED);

        if (!str_add(out, at, plain))
            return false;
        at += plain;
        if (*at == '\0')
            return true;
        if (!str_addf(out, "%%%02X", (unsigned)(unsigned char)*at))
            return false;
    }
    return true;
}

void
rest_answer_done(struct rest_answer *answer)
{
    json_drop(&answer->json);
    *answer = (struct rest_answer){0};
}

void
rest_done(struct rest *r)
{
    http_free(r->http);
    str_done(&r->header);
    list_wipe(&r->secrets);
    *r = (struct rest){0};
}
