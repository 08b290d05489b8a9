/* oauth.c: ask a token endpoint, and remember what it gave. */
#include "acme/oauth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BEARER "Authorization: Bearer "
#define TOKEN_MAX (16 * 1024)
#define LIFE_UNTOLD_S 300   /* RFC 6749 section 5.1: expires_in may be missing */
#define LIFE_MOST_S 86400   /* longer than any run */
#define MARGIN_MOST_S 60    /* before the end: requests take time, and clocks differ */
#define DESCRIPTION_MAX 300 /* bytes of it that are told */

bool
oauth_add_field(struct str *form, const char *name, const char *value)
{
    return str_addf(form, "%s%s=", form->size == 0 ? "" : "&", name) && rest_encode(form, value);
}

bool
oauth_is_valid(const struct oauth *o, const struct rest *r)
{
    struct clock *clock = r->d->clock;

    return r->token != NULL && clock->steady_ms(clock) < o->until_ms;
}

/* ------------------------------------------------------------------ what was given */

/* A line more in it would be a header more. */
static bool
is_token(const char *text)
{
    size_t size = text == NULL ? 0 : strlen(text);

    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return size > 0 && size <= TOKEN_MAX;
}

/* Some write the number as text. */
static int64_t
life_of(const struct json_t *json)
{
    const char *text = json_member_text(json, "expires_in");
    int64_t life_s = text == NULL ? json_member_int(json, "expires_in") : strtoll(text, NULL, 10);

    if (life_s <= 0)
        return LIFE_UNTOLD_S;
    return life_s < LIFE_MOST_S ? life_s : LIFE_MOST_S;
}

static bool
keep(struct oauth *o, struct rest *r, const struct json_t *json, const char *url, int64_t asked_ms,
     struct err *e)
{
    const char *token = json_member_text(json, "access_token");
    const char *type = json_member_text(json, "token_type");
    int64_t life_ms = life_of(json) * 1000, margin_ms = life_ms / 2;

    if (!is_token(token) || (type != NULL && strcasecmp(type, "Bearer") != 0))
        return err_set(e, ERR_PROTOCOL, "'%s' answers without an access token that can be used",
                       url);
    if (margin_ms > MARGIN_MOST_S * 1000)
        margin_ms = MARGIN_MOST_S * 1000;
    r->token = NULL;
    str_clear(&r->header);
    if (!str_addf(&r->header, "%s%s", BEARER, token))
        return err_memory(e);
    r->token = r->header.text + strlen(BEARER);
    o->until_ms = asked_ms + life_ms - margin_ms;
    return true;
}

/* ------------------------------------------------------------------ what was refused */

/* ": what it said", without the numbers of the request that Microsoft adds. */
static void
write_reason(char reason[static DESCRIPTION_MAX], const struct oauth_request *q,
             const struct json_t *json)
{
    const char *error = json_member_text(json, "error");
    const char *description = json_member_text(json, "error_description");
    const char *end = NULL;
    size_t size = 0;

    reason[0] = '\0';
    if (description != NULL && strstr(description, q->secret) != NULL)
        description = NULL; /* an endpoint that repeats it must not make us tell it */
    if (error != NULL && strstr(error, q->secret) != NULL)
        error = NULL;
    if (description == NULL)
        description = "";
    size = strcspn(description, "\r\n");
    end = strstr(description, " Trace ID: ");
    if (end != NULL && (size_t)(end - description) < size)
        size = (size_t)(end - description);
    while (size > 0 && (description[size - 1] == '.' || description[size - 1] == ' '))
        size--;
    if (size > DESCRIPTION_MAX)
        size = DESCRIPTION_MAX;
    (void)snprintf(reason, DESCRIPTION_MAX, "%s%s%s%.*s", error == NULL ? "" : ": ",
                   error == NULL ? "" : error, size == 0 ? "" : ": ", (int)size, description);
}

static const char *
hint_for(const struct oauth_request *q, const char *reason)
{
    for (const struct oauth_hint *h = q->hints; h->sign != NULL; h++)
        if (strstr(reason, h->sign) != NULL)
            return h->hint;
    return NULL;
}

static bool
refused(const struct rest *r, const struct oauth_request *q, const struct rest_answer *answer,
        struct err *e)
{
    const char *error = json_member_text(answer->json, "error");
    char reason[DESCRIPTION_MAX];
    const char *hint = NULL;

    write_reason(reason, q, answer->json);
    hint = hint_for(q, reason);
    if (answer->status >= 500 || (error != NULL && strcmp(error, "temporarily_unavailable") == 0))
        return err_set(e, ERR_NETWORK, "'%s' failed to give an access token (%d%s)", q->url,
                       answer->status, reason);
    return err_set(e, ERR_PERMISSION, "'%s' gives no access token for '%s' (%d%s)%s%s", q->url,
                   r->token_file, answer->status, reason, hint == NULL ? "" : "; ",
                   hint == NULL ? "" : hint);
}

bool
oauth_ask(struct oauth *o, struct rest *r, const struct oauth_request *q, struct err *e)
{
    const struct rest_message m = {
        .method = "POST",
        .url = q->url,
        .content_type = "application/x-www-form-urlencoded",
        .accept = "application/json",
        .body = q->form,
    };
    own_rest_answer struct rest_answer answer = {0};
    struct clock *clock = r->d->clock;
    int64_t asked_ms = clock->steady_ms(clock);

    if (!rest_send(r, &m, &answer, e))
        return false;
    if (!rest_is_good(&answer))
        return refused(r, q, &answer, e);
    return keep(o, r, answer.json, q->url, asked_ms, e);
}
