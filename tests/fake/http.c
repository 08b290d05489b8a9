/* http.c: a server which gives written answers and remembers what it was asked. */
#include "tests/fake/http.h"

#include "base/b64url.h"
#include "base/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The decoded member of a JWS: base64url of text. */
static char *
decoded(const struct json_t *jws, const char *member)
{
    struct str text = {0};
    bool good = b64url_decode(&text, json_member_text(jws, member));

    assert(good);
    return text.text == NULL ? strdup("") : str_take(&text);
}

/* " jwk|KID NONCE PAYLOAD", and that the header names the URL which was asked. */
static void
note_signed(struct fake_http *f, const struct http_request *r)
{
    struct err e = {0};
    own_json struct json_t *jws = json_decode(r->body, r->body_size, &e);
    own_mem char *header_text = decoded(jws, "protected");
    own_mem char *payload = decoded(jws, "payload");
    own_json struct json_t *header = json_decode(header_text, strlen(header_text), &e);
    const char *kid = json_member_text(header, "kid");
    bool added = str_addf(&f->asked, " %s %s %s", kid == NULL ? "jwk" : kid,
                          json_member_text(header, "nonce"), payload);

    assert(added && strcmp(json_member_text(header, "url"), r->url) == 0);
    assert((kid == NULL) == (json_member(header, "jwk") != NULL));
}

static bool
add_header(struct http_response *out, const char *name, const char *value)
{
    struct http_header *headers = NULL;

    if (value == NULL)
        return true;
    headers = realloc(out->headers, (out->header_count + 1) * sizeof(*headers));
    if (headers == NULL)
        return false;
    headers[out->header_count++] = (struct http_header){strdup(name), strdup(value)};
    out->headers = headers;
    return true;
}

static bool
give(const struct reply *r, struct http_response *out)
{
    out->status = r->status;
    out->retry_at_s = r->retry_at_s;
    return add_header(out, "content-type", r->type) && add_header(out, "replay-nonce", r->nonce) &&
           add_header(out, "location", r->location) && add_header(out, "link", r->links[0]) &&
           add_header(out, "link", r->links[1]) && add_header(out, "link", r->links[2]) &&
           (r->body == NULL || str_add(&out->body, r->body, strlen(r->body)));
}

static bool
send_request(struct http *h, const struct http_request *r, struct http_response *out, struct err *e)
{
    struct fake_http *f = (struct fake_http *)h;
    bool expected = f->next < f->count;
    bool noted = str_addf(&f->asked, "%s %s", r->method, r->url);

    assert(noted);
    f->base.request_count++;
    if (r->body != NULL && strcmp(r->content_type, "application/jose+json") == 0)
        note_signed(f, r);
    else if (r->body != NULL)
        noted = str_addf(&f->asked, " %s %.*s", r->content_type, (int)r->body_size, r->body);
    for (size_t i = 0; noted && r->headers != NULL && r->headers[i] != NULL; i++)
        noted = str_addf(&f->asked, " [%s]", r->headers[i]);
    assert(noted);
    noted = str_addf(&f->asked, "%s\n", expected ? "" : " (unexpected)");
    assert(noted);
    if (!expected || f->replies[f->next++].status == 0)
        return err_set(e, ERR_NETWORK, "%s '%s': no connection", r->method, r->url);
    if (f->replies[f->next - 1].status < 0)
        return err_set(e, ERR_TIMEOUT, "%s '%s': no answer in time", r->method, r->url);
    return give(&f->replies[f->next - 1], out) || err_memory(e);
}

static void
free_nothing(struct http *h)
{
    (void)h;
}

struct fake_http
fake_http_with(const struct reply *replies, size_t count)
{
    return (struct fake_http){
        .base = {.send = send_request, .free = free_nothing}, .replies = replies, .count = count};
}

const char *
fake_http_asked(const struct fake_http *f)
{
    return f->asked.text == NULL ? "" : f->asked.text;
}

void
fake_http_done(struct fake_http *f)
{
    str_done(&f->asked);
    *f = (struct fake_http){0};
}
