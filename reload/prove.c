/* prove.c: rounds of handshakes until all serve it. */
#include "reload/prove.h"

#include "reload/handshake.h"
#include "reload/served.h"
#include "reload/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PAUSE_MS 2
#define PAUSE_MAX_MS 100
#define CUTS 3           /* in a row are a refusal */
#define SAY_AFTER_MS 500 /* nobody needs to be told about less */

/* What is known of one address. */
struct state {
    bool proved;
    bool absent; /* nobody listens there, and nobody said so */
    int cuts;    /* how often in a row it was cut off in the midst of TLS */
    char sha256[CERT_SHA256_TEXT];
    struct err e;
};

struct round {
    const struct proof *proof;
    SSL_CTX *ctx;
    struct state *states; /* one for each address */
    int64_t deadline_ms;
};

bool
prove_same(const struct chain *served, const struct chain *deployed)
{
    if (served->count < deployed->count || (served->count > deployed->count && deployed->count > 1))
        return false;
    for (size_t i = 0; i < deployed->count; i++)
        if (X509_cmp(served->certs[i], deployed->certs[i]) != 0)
            return false;
    return deployed->count > 0;
}

/* RFC 8446 section 6.2: from bad_certificate to unknown_ca. */
static bool
is_about_certificate(int alert)
{
    return alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_UNKNOWN_CA;
}

/* Who is refused may be told so by an alert, or lose it where the server closes before it has read
 * all that we said. A connection may break for other reasons, too, but not each time. */
static void
judge_refusal(struct state *s, const struct handshake *h)
{
    int cuts = h->is_shaken && h->is_cut ? s->cuts + 1 : 0;

    *s = (struct state){.absent = h->refused && !h->address->listens, .cuts = cuts, .e = h->e};
    if (h->e.code == ERR_NONE)
        (void)err_set(&s->e, ERR_FOUND, "'%s' still lets it in", h->address->text);
    else
        s->proved = is_about_certificate(h->alert) || cuts >= CUTS;
}

static void
judge(struct state *s, const struct handshake *h, const struct chain *wanted)
{
    struct err e = {0};

    *s = (struct state){.absent = h->refused && !h->address->listens, .e = h->e};
    if (h->e.code != ERR_NONE)
        return;
    if (!cert_sha256(h->chain.certs[0], s->sha256, &e))
        s->e = e;
    else if (wanted == NULL || prove_same(&h->chain, wanted))
        s->proved = true;
    else if (X509_cmp(h->chain.certs[0], wanted->certs[0]) == 0)
        (void)err_set(&s->e, ERR_FOUND,
                      "'%s' serves the certificate, but with another chain (%zu certificates "
                      "instead of %zu)",
                      h->address->text, h->chain.count, wanted->count);
    else
        (void)err_set(&s->e, ERR_FOUND, "'%s' serves another certificate (SHA-256 %.16s...)",
                      h->address->text, s->sha256);
}

/* Asks those that are not proved yet. */
static bool
ask(struct round *r, struct err *e)
{
    const struct addresses *a = r->proof->addresses;
    own_mem struct handshake *all = calloc(a->count, sizeof(*all));

    if (all == NULL)
        return err_memory(e);
    for (size_t i = 0; i < a->count; i++) {
        all[i] = (struct handshake){.address = &a->items[i],
                                    .host = r->proof->server_name,
                                    .how = r->proof->how,
                                    .client = r->proof->client,
                                    .fd = -1,
                                    .over = true};
        if (r->states[i].proved)
            continue;
        all[i].over = false;
        handshake_start(&all[i], r->ctx);
    }
    handshake_run(all, a->count, r->deadline_ms, r->proof->clock);
    for (size_t i = 0; i < a->count; i++) {
        if (!r->states[i].proved && r->proof->is_refused)
            judge_refusal(&r->states[i], &all[i]);
        else if (!r->states[i].proved)
            judge(&r->states[i], &all[i], r->proof->chain);
        handshake_done(&all[i]);
    }
    return true;
}

/* What the server has shown tells more than what we could not see, and that more than silence. */
static int
weight(const struct state *s)
{
    return s->e.code == ERR_FOUND ? 2 : s->e.is_ours ? 1 : 0;
}

/* Of those where nobody listens: that says more than where nobody could be asked. */
static const struct state *
most_telling(const struct round *r)
{
    const struct state *found = NULL;

    for (size_t i = 0; i < r->proof->addresses->count; i++)
        if (found == NULL || found->e.is_ours)
            found = &r->states[i];
    return found;
}

/* All that somebody listens on, and at least one. */
static bool
all_proved(const struct round *r, struct err *e)
{
    size_t proved = 0;
    const struct state *bad = NULL;
    size_t count = r->proof->addresses->count;

    for (size_t i = 0; i < count; i++) {
        const struct state *s = &r->states[i];

        proved += s->proved;
        if (!s->proved && !s->absent && (bad == NULL || weight(s) > weight(bad)))
            bad = s;
    }
    if (bad == NULL && proved > 0)
        return true;
    if (bad == NULL)
        bad = most_telling(r);
    if (bad == NULL)
        return err_set(e, ERR_CONFIG, "there is no address to ask");
    *e = bad->e;
    return false;
}

static bool
report_one(struct endpoint *to, const struct dial *address, const struct state *s)
{
    to->address = strdup(address->text);
    if (to->address == NULL)
        return false;
    memcpy(to->sha256, s->sha256, sizeof(to->sha256));
    if (s->proved)
        return true;
    to->error = strdup(s->e.text);
    return to->error != NULL;
}

/* Where nobody listens is left out, unless that is everywhere. */
static bool
report(const struct round *r, struct served *out, struct err *e)
{
    size_t count = r->proof->addresses->count;
    bool agree = true;

    served_forget_endpoints(out);
    out->endpoints = calloc(count > 0 ? count : 1, sizeof(*out->endpoints));
    if (out->endpoints == NULL)
        return err_memory(e);
    for (size_t i = 0; i < count; i++) {
        const struct state *s = &r->states[i];

        if (s->absent && (i + 1 < count || out->endpoint_count > 0))
            continue;
        if (!report_one(&out->endpoints[out->endpoint_count++], &r->proof->addresses->items[i], s))
            return err_memory(e);
    }
    for (size_t i = 0; i < out->endpoint_count; i++)
        agree = agree && strcmp(out->endpoints[i].sha256, out->endpoints[0].sha256) == 0;
    if (agree && out->endpoint_count > 0)
        memcpy(out->served_sha256, out->endpoints[0].sha256, sizeof(out->served_sha256));
    return true;
}

static void
say(const struct proof *p, const struct err *e, int64_t left_ms)
{
    char span[CLOCK_SPAN_SIZE];

    clock_span(span, left_ms);
    progress_say(p->progress, "waiting for the server (%s more): %s", span, e->text);
}

static bool
repeat(struct round *r, bool once, struct err *e)
{
    struct clock *clock = r->proof->clock;
    int64_t started_ms = clock->steady_ms(clock);
    struct err why = {0};

    for (int64_t pause_ms = FIRST_PAUSE_MS;; pause_ms *= 2) {
        int64_t now_ms = 0;

        if (!ask(r, e))
            return false;
        if (all_proved(r, &why))
            return true;
        now_ms = clock->steady_ms(clock);
        if (once || now_ms + pause_ms >= r->deadline_ms) {
            *e = why;
            return false;
        }
        if (now_ms - started_ms > SAY_AFTER_MS)
            say(r->proof, &why, r->deadline_ms - now_ms);
        if (pause_ms > PAUSE_MAX_MS)
            pause_ms = PAUSE_MAX_MS;
        clock->sleep_ms(clock, pause_ms);
    }
}

static bool
prove(const struct proof *p, bool once, struct served *out, struct err *e)
{
    struct err inner = {0};
    own_ssl_ctx SSL_CTX *ctx = handshake_context(e);
    own_mem struct state *states = calloc(p->addresses->count + 1, sizeof(*states));
    struct round r = {.proof = p,
                      .ctx = ctx,
                      .states = states,
                      .deadline_ms = p->clock->steady_ms(p->clock) + p->timeout_ms};
    bool proved = false;

    if (ctx == NULL)
        return false;
    if (states == NULL)
        return err_memory(e);
    proved = repeat(&r, once, e);
    if (report(&r, out, &inner))
        return proved;
    *e = inner;
    return false;
}

bool
prove_once(const struct proof *p, struct served *out, struct err *e)
{
    return prove(p, true, out, e);
}

bool
prove_until(const struct proof *p, struct served *out, struct err *e)
{
    return prove(p, false, out, e);
}

bool
prove_look(const struct proof *p, struct served *out, struct err *e)
{
    struct proof look = *p;

    look.chain = NULL;
    look.client = NULL;
    return prove(&look, true, out, e);
}
