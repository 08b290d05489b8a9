/* witness.c: a proof in words, and what was seen in words; each end judges what it hears. */
#include "reload/witness.h"

#include "base/b64url.h"
#include "reload/pair.h"
#include "reload/served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct reload_witness *witness;

void
reload_set_witness(struct reload_witness *w)
{
    witness = w;
}

/* ---- the question ---- */

static struct json_t *
put_address(const struct dial *d)
{
    struct json_t *object = json_new_object();
    own_str struct str bytes = {0};

    if (b64url_add(&bytes, &d->bytes, d->size))
        json_put_text(object, "bytes", bytes.text);
    json_put_text(object, "text", d->text);
    json_put_bool(object, "listens", d->listens);
    return object;
}

/* False: out of memory. */
static bool
put_pem(struct json_t *question, const struct proof *p)
{
    own_str struct str chain = {0};
    own_str struct str client = {0};
    struct err ignored = {0};

    if ((p->chain != NULL && !chain_to_pem(p->chain, &chain, &ignored)) ||
        (p->client != NULL && !pair_to_pem(p->client, &client, &ignored)))
        return false;
    json_put_text(question, "chain", chain.text);
    json_put_text(question, "client", client.text);
    return true;
}

/* NULL: out of memory. */
static struct json_t *
put_question(const struct proof *p, bool once)
{
    own_json struct json_t *question = json_new_object();
    struct json_t *addresses = json_new_array();

    for (size_t i = 0; i < p->addresses->count; i++)
        json_add(addresses, put_address(&p->addresses->items[i]));
    json_put(question, "addresses", addresses);
    json_put_bool(question, "once", once);
    json_put_bool(question, "is_refused", p->is_refused);
    json_put_int(question, "how", p->how);
    json_put_text(question, "server_name", p->server_name);
    json_put_int(question, "timeout_ms", p->timeout_ms);
    return put_pem(question, p) ? TAKE(question) : NULL;
}

static bool
take_address(struct dial *d, const struct json_t *object)
{
    const char *bytes = json_member_text(object, "bytes");
    const char *text = json_member_text(object, "text");
    own_str struct str plain = {0};

    if (bytes == NULL || text == NULL || !b64url_decode(&plain, bytes) || plain.size == 0 ||
        plain.size > sizeof(d->bytes))
        return false;
    memcpy(&d->bytes, plain.text, plain.size);
    d->size = (socklen_t)plain.size;
    (void)snprintf(d->text, sizeof(d->text), "%s", text);
    d->listens = json_member_true(object, "listens");
    return true;
}

static bool
take_addresses(struct addresses *a, const struct json_t *array)
{
    a->items = calloc(json_count(array) + 1, sizeof(*a->items));
    if (a->items == NULL)
        return false;
    while (a->count < json_count(array)) {
        if (!take_address(&a->items[a->count], json_item(array, a->count)))
            return false;
        a->count++;
    }
    return true;
}

/* What a proof borrows. */
struct taken {
    struct addresses addresses;
    struct chain chain;
    struct pair client;
};

static bool
take_pem(struct taken *t, struct proof *p, const struct json_t *question, struct err *e)
{
    const char *chain = json_member_text(question, "chain");
    const char *client = json_member_text(question, "client");
    own_str struct str pem = {0};

    if (chain != NULL) {
        if (!chain_from_pem(&t->chain, chain, strlen(chain), e))
            return false;
        p->chain = &t->chain;
    }
    if (client == NULL)
        return true;
    if (!str_add(&pem, client, strlen(client)))
        return err_memory(e);
    p->client = &t->client;
    return pair_from_pem(&t->client, &pem, &pem, e);
}

static bool
take_question(struct taken *t, struct proof *p, const struct json_t *question, struct err *e)
{
    int64_t how = json_member_int(question, "how");

    p->addresses = &t->addresses;
    p->is_refused = json_member_true(question, "is_refused");
    p->how = how == PROBE_DIRECT ? PROBE_DIRECT : how == PROBE_TLS ? PROBE_TLS : PROBE_POSTGRES;
    p->server_name = json_member_text(question, "server_name");
    p->timeout_ms = json_member_int(question, "timeout_ms");
    return (take_addresses(&t->addresses, json_member(question, "addresses")) ||
            err_set(e, ERR_INTERNAL, "a proof of nothing is asked for")) &&
           take_pem(t, p, question, e);
}

/* ---- the answer ---- */

static struct json_t *
put_answer(bool proved, const struct served *s, const struct err *e)
{
    struct json_t *answer = json_new_object();
    struct json_t *endpoints = json_new_array();

    for (size_t i = 0; i < s->endpoint_count; i++) {
        struct json_t *one = json_new_object();

        json_put_text(one, "address", s->endpoints[i].address);
        json_put_text(one, "sha256", s->endpoints[i].sha256);
        json_put_text(one, "error", s->endpoints[i].error);
        json_add(endpoints, one);
    }
    json_put(answer, "endpoints", endpoints);
    json_put_text(answer, "served_sha256", s->served_sha256);
    json_put_bool(answer, "proved", proved);
    if (!proved)
        json_put(answer, "error", json_new_err(e));
    return answer;
}

/* A digest, or nothing. */
static bool
take_sha256(char to[static CERT_SHA256_TEXT], const struct json_t *object, const char *key)
{
    const char *text = json_member_text(object, key);
    size_t size = text == NULL ? 1 : strlen(text);

    if ((size != 0 && size != CERT_SHA256_TEXT - 1) || strspn(text, "0123456789abcdef") != size)
        return false;
    memcpy(to, text, size + 1);
    return true;
}

static bool
take_endpoint(struct endpoint *to, const struct json_t *object)
{
    const char *address = json_member_text(object, "address");
    const char *error = json_member_text(object, "error");

    to->address = address == NULL ? NULL : strdup(address);
    to->error = error == NULL ? NULL : strdup(error);
    if (to->address == NULL || (error != NULL && to->error == NULL) ||
        !take_sha256(to->sha256, object, "sha256"))
        return false;
    err_tame(to->address);
    if (to->error != NULL)
        err_tame(to->error);
    return true;
}

static bool
take_endpoints(struct served *out, const struct json_t *answer)
{
    const struct json_t *array = json_member(answer, "endpoints");
    bool good = true;

    served_forget_endpoints(out);
    out->endpoints = calloc(json_count(array) + 1, sizeof(*out->endpoints));
    for (size_t i = 0; out->endpoints != NULL && good && i < json_count(array); i++)
        good = take_endpoint(&out->endpoints[out->endpoint_count++], json_item(array, i));
    return out->endpoints != NULL && good &&
           take_sha256(out->served_sha256, answer, "served_sha256");
}

bool
witness_ask(const struct proof *p, bool once, struct served *out, bool *proved, struct err *e)
{
    own_json struct json_t *question = witness == NULL ? NULL : put_question(p, once);
    own_json struct json_t *answer = question == NULL ? NULL : witness->ask(witness, question);
    struct err why = {0};

    if (answer == NULL)
        return false;
    json_take_err(json_member(answer, "error"), &why);
    *proved = json_member_true(answer, "proved") && why.code == ERR_NONE;
    if (!take_endpoints(out, answer) || (!*proved && why.code == ERR_NONE)) {
        served_forget_endpoints(out);
        return false;
    }
    if (!*proved)
        *e = why;
    return true;
}

/* ---- the other process ---- */

struct json_t *
reload_testify(const struct json_t *question, struct clock *clock, struct progress *progress)
{
    own_served struct served served = {0};
    struct taken t = {.addresses = {0}};
    struct proof p = {.clock = clock, .progress = progress};
    struct json_t *answer = NULL;
    struct err e = {0};
    bool proved = take_question(&t, &p, question, &e) &&
                  prove_here(&p, json_member_true(question, "once"), &served, &e);

    answer = put_answer(proved, &served, &e);
    addresses_done(&t.addresses);
    chain_done(&t.chain);
    pair_done(&t.client);
    return answer;
}
