/* order.c: the states of an order and what we do in each. */
#include "acme/order.h"

#include "base/http.h"

#include <stdlib.h>
#include <string.h>

#define ORDER_TURNS_MAX 1000
#define AUTHORIZATIONS_MAX 200

/* The order says pending until the server has checked every answer. */
static bool
answer_or_poll(struct order *o, const struct order_ports *ports, struct err *e)
{
    if (o->is_answered)
        return ports->poll(o, ports->self, e);
    o->is_answered = true;
    return ports->answer(o, ports->self, e);
}

/* Once; a server may need a moment until the order says processing. */
static bool
finalize_or_poll(struct order *o, const struct order_ports *ports, struct err *e)
{
    if (o->is_finalized)
        return ports->poll(o, ports->self, e);
    o->is_finalized = true;
    return ports->finalize(o, ports->self, e);
}

static bool
poll_again(struct order *o, const struct order_ports *ports, struct err *e)
{
    return ports->poll(o, ports->self, e);
}

static bool
download(struct order *o, const struct order_ports *ports, struct err *e)
{
    if (o->certificate == NULL)
        return err_set(e, ERR_PROTOCOL, "it is valid but names no certificate");
    return ports->download(o, ports->self, e);
}

static bool
refuse(struct order *o, const struct order_ports *ports, struct err *e)
{
    return ports->refuse(o, ports->self, e);
}

/* RFC 8555 section 7.1.6: what the server says, and what we do about it. */
/* clang-format off */
static const struct {
    const char *word;
    bool (*step)(struct order *o, const struct order_ports *ports, struct err *e);
} machine[] = {
    [ORDER_PENDING]    = {"pending",    answer_or_poll},
    [ORDER_READY]      = {"ready",      finalize_or_poll},
    [ORDER_PROCESSING] = {"processing", poll_again},
    [ORDER_VALID]      = {"valid",      download},
    [ORDER_INVALID]    = {"invalid",    refuse},
};
/* clang-format on */

bool
order_run(struct order *o, const struct order_ports *ports, struct err *e)
{
    for (int turn = 0; turn < ORDER_TURNS_MAX; turn++) {
        const char *word = machine[o->status].word;

        if (!machine[o->status].step(o, ports, e))
            return err_wrap(e, "order %s (%s)", o->url, word);
        if (o->chain_pem.size > 0)
            return true;
    }
    return err_set(e, ERR_TIMEOUT, "order %s is still %s", o->url, machine[o->status].word);
}

static bool
read_status(struct order *o, const struct json_t *object, struct err *e)
{
    const char *word = json_member_text(object, "status");

    for (size_t i = 0; word != NULL && i < COUNT(machine); i++)
        if (strcmp(machine[i].word, word) == 0) {
            o->status = (enum order_status)i;
            return true;
        }
    return err_set(e, ERR_PROTOCOL, "an order with the status '%s'", word == NULL ? "" : word);
}

/* NULL and "" are no URL. */
static bool
set_url(char **field, const char *url, const char *of, struct err *e)
{
    free(*field);
    *field = NULL;
    if (url == NULL || url[0] == '\0')
        return true;
    if (!http_is_https(url))
        return err_set(e, ERR_PROTOCOL, "an order whose '%s' is no https URL", of);
    *field = strdup(url);
    return *field != NULL || err_memory(e);
}

static bool
read_authorizations(struct order *o, const struct json_t *array, struct err *e)
{
    size_t count = json_count(array);

    list_done(&o->authorizations);
    if (count == 0)
        return err_set(e, ERR_PROTOCOL, "an order without authorizations");
    if (count > AUTHORIZATIONS_MAX)
        return err_set(e, ERR_PROTOCOL, "an order with %zu authorizations", count);
    for (size_t i = 0; i < count; i++) {
        const char *url = json_item_text(array, i);

        if (url == NULL || !http_is_https(url))
            return err_set(e, ERR_PROTOCOL, "an order with an authorization that is no https URL");
        if (!list_add(&o->authorizations, url))
            return err_memory(e);
    }
    return true;
}

bool
order_fill(struct order *o, const struct json_t *object, struct err *e)
{
    if (!read_status(o, object, e) ||
        !set_url(&o->finalize, json_member_text(object, "finalize"), "finalize", e) ||
        !set_url(&o->certificate, json_member_text(object, "certificate"), "certificate", e) ||
        !read_authorizations(o, json_member(object, "authorizations"), e))
        return false;
    if (o->finalize == NULL)
        return err_set(e, ERR_PROTOCOL, "an order whose 'finalize' is no https URL");
    json_drop(&o->error);
    if (json_member(object, "error") != NULL)
        o->error = json_keep(json_member(object, "error"));
    return true;
}

bool
order_is_for(const struct json_t *object, const struct list *names)
{
    const struct json_t *all = json_member(object, "identifiers");
    size_t count = json_count(all);

    if (all == NULL)
        return true;
    for (size_t i = 0; i < count; i++) {
        const char *type = json_member_text(json_item(all, i), "type");
        const char *value = json_member_text(json_item(all, i), "value");

        if (type == NULL || value == NULL || strcmp(type, "dns") != 0 || !list_has(names, value))
            return false;
    }
    return count == names->count;
}

void
order_done(struct order *o)
{
    free(o->url);
    free(o->finalize);
    free(o->certificate);
    list_done(&o->authorizations);
    json_drop(&o->error);
    str_done(&o->chain_pem);
    *o = (struct order){0};
}
