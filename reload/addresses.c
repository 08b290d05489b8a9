/* addresses.c: names and wildcards become addresses. */
#include "reload/addresses.h"

#include "base/dial.h"
#include "base/option.h"
#include "base/str.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESSES_MAX 16 /* of one host */

/* ServerLoop's listen_addresses (PostgreSQL's postmaster.c): what a client on this machine dials.
 */
/* clang-format off */
static const struct {
    const char *word;
    const char *hosts[2];
} wildcards[] = {
    {"*",       {"127.0.0.1", "::1"}},
    {"0.0.0.0", {"127.0.0.1", NULL}},
    {"::",      {"::1",       NULL}},
};
/* clang-format on */

static bool
add_one(struct addresses *a, const struct address *at, bool listens, struct err *e)
{
    struct dial one = {.at = *at, .listens = listens};
    char host[NI_MAXHOST], port[NI_MAXSERV];
    struct dial *grown = NULL;

    if (getnameinfo(&at->socket.any, at->size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return err_set(e, ERR_NETWORK, "an address cannot be written as text");
    (void)snprintf(one.text, sizeof(one.text),
                   at->socket.any.sa_family == AF_INET6 ? "[%.60s]:%.5s" : "%.60s:%.5s", host,
                   port);
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i].text, one.text) == 0)
            return true;
    grown = reallocarray(a->items, a->count + 1, sizeof(*grown));
    if (grown == NULL)
        return err_memory(e);
    a->items = grown;
    a->items[a->count++] = one;
    return true;
}

bool
addresses_add(struct addresses *a, const char *host, int port, bool listens, struct err *e)
{
    struct address found[ADDRESSES_MAX];
    size_t count = 0;

    if (!dial_find(found, ADDRESSES_MAX, &count, host, port, e))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!add_one(a, &found[i], listens, e))
            return false;
    return true;
}

static bool
add_listened(struct addresses *a, const char *word, int port, struct err *e)
{
    for (size_t i = 0; i < COUNT(wildcards); i++) {
        if (strcmp(word, wildcards[i].word) != 0)
            continue;
        for (size_t j = 0; j < COUNT(wildcards[i].hosts) && wildcards[i].hosts[j] != NULL; j++)
            if (!addresses_add(a, wildcards[i].hosts[j], port, false, e))
                return false;
        return true;
    }
    return addresses_add(a, word, port, false, e);
}

bool
addresses_add_listened(struct addresses *a, const char *listen_addresses, int port, struct err *e)
{
    own_list struct list words = {0};

    if (!list_add_words(&words, listen_addresses))
        return err_memory(e);
    for (size_t i = 0; i < words.count; i++)
        if (!add_listened(a, words.items[i], port, e))
            return err_wrap(e, "listen_addresses of the server");
    return true;
}

bool
addresses_add_endpoints(struct addresses *a, const struct list *endpoints, int standard,
                        struct err *e)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        own_mem char *host = NULL;
        int port = standard;

        if (!option_parse_endpoint(&host, &port, endpoints->items[i], standard))
            return err_set(e, ERR_CONFIG, "prove: '%s' is not HOST[:PORT]", endpoints->items[i]);
        if (addresses_add(a, host, port, true, e))
            continue;
        if (e->code == ERR_NETWORK)
            e->code = ERR_TIMEOUT;
        return err_wrap(e, "prove");
    }
    return true;
}

void
addresses_done(struct addresses *a)
{
    free(a->items);
    *a = (struct addresses){0};
}
