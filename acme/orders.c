/* orders.c: page after page of URLs, and what is behind each. */
#include "acme/orders.h"

#include <stdlib.h>
#include <string.h>

/* A text of the answer, made fit to be shown. */
static bool
copy_text(char **to, const char *text)
{
    *to = text == NULL ? NULL : strdup(text);
    if (*to != NULL)
        err_tame(*to);
    return text == NULL || *to != NULL;
}

/* RFC 8555 section 7.1.3; what does not matter here may be missing. */
static bool
fill(struct acme_order *o, const char *url, const struct json_t *object, struct err *e)
{
    const struct json_t *names = json_member(object, "identifiers");

    if (json_member_text(object, "status") == NULL || json_count(names) == 0)
        return err_set(e, ERR_PROTOCOL, "the answer of %s is no order", url);
    for (size_t i = 0; i < json_count(names); i++) {
        own_mem char *name = NULL;

        if (!copy_text(&name, json_member_text(json_item(names, i), "value")) ||
            (name != NULL && !list_add(&o->names, name)))
            return err_memory(e);
    }
    return (copy_text(&o->url, url) && copy_text(&o->status, json_member_text(object, "status")) &&
            copy_text(&o->expires, json_member_text(object, "expires"))) ||
           err_memory(e);
}

static bool
read_order(struct acme_account *out, struct client *c, const char *url, struct err *e)
{
    own_answer struct answer a = {0};
    struct acme_order *all =
        reallocarray(out->order_list, out->order_count + 1, sizeof(*out->order_list));

    if (all == NULL)
        return err_memory(e);
    out->order_list = all;
    all[out->order_count] = (struct acme_order){0};
    if (!client_post(c, url, "", &a, e))
        return false;
    return fill(&all[out->order_count++], url, a.json, e);
}

/* One page; *next is the URL of the one behind it, NULL when there is none. */
static bool
read_page(struct acme_account *out, struct client *c, const char *url, char **next, struct err *e)
{
    own_answer struct answer a = {0};
    const struct json_t *urls = NULL;

    if (!client_post(c, url, "", &a, e))
        return false;
    urls = json_member(a.json, "orders");
    if (urls == NULL)
        return err_set(e, ERR_PROTOCOL, "the answer of %s is no list of orders", url);
    for (size_t i = 0; i < json_count(urls); i++) {
        const char *order = json_item_text(urls, i);

        if (out->order_count == ORDERS_MAX) {
            out->orders_cut = true;
            return true;
        }
        if (order == NULL)
            return err_set(e, ERR_PROTOCOL, "the list %s holds what is no URL", url);
        if (!read_order(out, c, order, e))
            return false;
    }
    *next = a.next.count == 0 ? NULL : strdup(a.next.items[0]);
    return a.next.count == 0 || *next != NULL || err_memory(e);
}

bool
orders_read(struct acme_account *out, struct client *c, struct err *e)
{
    own_mem char *url = strdup(out->orders);

    if (url == NULL)
        return err_memory(e);
    for (int page = 0; url != NULL; page++) {
        own_mem char *next = NULL;

        if (page == ORDERS_PAGES_MAX) { /* a server can go round in a circle */
            out->orders_cut = true;
            return true;
        }
        if (!read_page(out, c, url, &next, e))
            return false;
        free(url);
        url = TAKE(next);
    }
    return true;
}

void
orders_done(struct acme_account *out)
{
    for (size_t i = 0; i < out->order_count; i++) {
        free(out->order_list[i].url);
        free(out->order_list[i].status);
        free(out->order_list[i].expires);
        list_done(&out->order_list[i].names);
    }
    free(out->order_list);
    out->order_list = NULL;
    out->order_count = 0;
}
