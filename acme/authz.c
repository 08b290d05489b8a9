/* authz.c: read authorizations, find the challenge, say what went wrong. */
#include "acme/authz.h"

#include "acme/challenge.h"
#include "acme/problem.h"
#include "base/b64url.h"

#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX 256
#define OFFERED_MAX 300             /* bytes of the types that a sentence names */
#define PATIENCE_MS (5 * 60 * 1000) /* for all authorizations of an order */

/* The name of the identifier, when it is one that we ordered. */
static const char *
ordered_name(const struct json_t *object, const struct list *names)
{
    const struct json_t *identifier = json_member(object, "identifier");
    const char *type = json_member_text(identifier, "type");
    const char *value = json_member_text(identifier, "value");

    if (type == NULL || value == NULL || strcmp(type, "dns") != 0)
        return NULL;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];

        if (strcmp(strncmp(name, "*.", 2) == 0 ? name + 2 : name, value) == 0)
            return value;
    }
    return NULL;
}

/* Unknown types of challenges are passed over (RFC 8555 section 7.1.4). */
static const struct json_t *
find_challenge(const struct json_t *object, enum acme_challenge wanted)
{
    const struct json_t *all = json_member(object, "challenges");

    for (size_t i = 0; i < json_count(all); i++) {
        const char *type = json_member_text(json_item(all, i), "type");

        if (type != NULL && strcmp(type, challenge_words[wanted]) == 0)
            return json_item(all, i);
    }
    return NULL;
}

/* Says what there is instead of the wanted challenge. */
static bool
tell_missing(const struct json_t *object, const char *name, enum acme_challenge wanted,
             struct err *e)
{
    const struct json_t *all = json_member(object, "challenges");
    own_str struct str offered = {0};
    bool can = false;

    for (size_t i = 0; i < json_count(all) && offered.size < OFFERED_MAX; i++) {
        const char *type = json_member_text(json_item(all, i), "type");

        if (type == NULL)
            continue;
        if (!str_addf(&offered, " %.40s", type))
            return err_memory(e);
        for (size_t k = 0; challenge_words[k] != NULL; k++)
            can = can || strcmp(challenge_words[k], type) == 0;
    }
    return err_set(e, ERR_REFUSED, "%s: the issuer offers no %s challenge, but:%s%s", name,
                   challenge_words[wanted], offered.size > 0 ? offered.text : " none",
                   can ? "; set challenge in its [issuer] section to one that it has" : "");
}

/* Says why an authorization is invalid, from the error of its challenges. */
static bool
tell_invalid(const struct json_t *object, struct err *e)
{
    const struct json_t *all = json_member(object, "challenges");
    const char *name = json_member_text(json_member(object, "identifier"), "value");

    for (size_t i = 0; i < json_count(all); i++)
        if (json_member(json_item(all, i), "error") != NULL) {
            (void)problem_tell(json_member(json_item(all, i), "error"), 0, 0, e);
            return err_wrap(e, "%s", name == NULL ? "?" : name);
        }
    return err_set(e, ERR_REFUSED,
                   "%s: the authorization is invalid, and the issuer does not say why",
                   name == NULL ? "?" : name);
}

/* A dns-persist-01 challenge has no token: nothing in the record is of one order. */
static bool
fill_challenge(struct authz *a, const struct json_t *challenge, enum acme_challenge type,
               struct err *e)
{
    const char *url = json_member_text(challenge, "url");
    const char *token = json_member_text(challenge, "token");
    bool has_token = type != ACME_DNS_PERSIST;

    if (url == NULL || !http_is_https(url))
        return err_set(e, ERR_PROTOCOL, "%s: a challenge whose 'url' is no https URL", a->name);
    if (has_token && (token == NULL || !b64url_is(token) || strlen(token) > TOKEN_MAX))
        return err_set(e, ERR_PROTOCOL,
                       "%s: a challenge whose token is not base64url of at most %d characters",
                       a->name, TOKEN_MAX);
    a->challenge = strdup(url);
    a->token = has_token ? strdup(token) : NULL;
    a->object = json_keep(challenge);
    return (a->challenge != NULL && (a->token != NULL || !has_token)) || err_memory(e);
}

static bool
fill(struct authz *a, const struct json_t *object, const struct list *names,
     enum acme_challenge type, struct err *e)
{
    const char *status = json_member_text(object, "status");
    const char *name = ordered_name(object, names);
    const struct json_t *challenge = find_challenge(object, type);

    if (name == NULL || status == NULL)
        return err_set(e, ERR_PROTOCOL, "an authorization for a name that was not ordered");
    a->name = strdup(name);
    a->is_valid = strcmp(status, "valid") == 0;
    a->is_wildcard = json_member_true(object, "wildcard");
    if (a->name == NULL)
        return err_memory(e);
    if (a->is_valid)
        return true;
    if (strcmp(status, "pending") != 0)
        return tell_invalid(object, e);
    return challenge == NULL ? tell_missing(object, name, type, e)
                             : fill_challenge(a, challenge, type, e);
}

bool
authzs_get(struct authzs *all, struct client *c, const struct list *urls, const struct list *names,
           struct err *e)
{
    int64_t deadline_ms = c->clock->steady_ms(c->clock) + PATIENCE_MS;

    all->items = calloc(urls->count, sizeof(*all->items));
    if (all->items == NULL)
        return err_memory(e);
    for (; all->count < urls->count; all->count++) {
        own_answer struct answer a = {0};
        struct authz *one = &all->items[all->count];

        if (c->clock->steady_ms(c->clock) > deadline_ms)
            return err_set(e, ERR_TIMEOUT, "the issuer has shown %zu of %zu authorizations in time",
                           all->count, urls->count);
        if (!client_post(c, urls->items[all->count], "", &a, e))
            return false;
        if (a.json == NULL)
            return err_set(e, ERR_PROTOCOL, "POST '%s': not an authorization",
                           urls->items[all->count]);
        if (!fill(one, a.json, names, all->type, e)) {
            all->count++; /* what is half filled must be freed */
            return false;
        }
    }
    return true;
}

bool
authzs_explain(struct client *c, const struct list *urls, struct err *e)
{
    for (size_t i = 0; i < urls->count; i++) {
        own_answer struct answer a = {0};
        const char *status = NULL;

        if (!client_post(c, urls->items[i], "", &a, e))
            return false;
        status = a.json == NULL ? NULL : json_member_text(a.json, "status");
        if (status != NULL && strcmp(status, "invalid") == 0)
            return tell_invalid(a.json, e);
    }
    return err_set(e, ERR_REFUSED, "the issuer refuses the order and does not say why");
}

void
authzs_done(struct authzs *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free(all->items[i].name);
        free(all->items[i].challenge);
        free(all->items[i].token);
        json_drop(&all->items[i].object);
    }
    free(all->items);
    *all = (struct authzs){0};
}
