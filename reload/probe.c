/* probe.c: look at what any endpoint serves, and judge it. */
#include "base/file.h"
#include "reload/handshake.h"
#include "reload/judge.h"
#include "reload/reload.h"
#include "reload/tls.h"
#include "reload/verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

void
probe_done(struct probe *p)
{
    chain_done(&p->chain);
    list_done(&p->problems);
    *p = (struct probe){0};
}

/* The first address that can be reached, in the order of the resolver. */
static bool
try_each(const struct addresses *a, struct handshake *h, int64_t deadline_ms, struct clock *clock,
         struct err *e)
{
    own_ssl_ctx SSL_CTX *ctx = handshake_context(e);

    if (ctx == NULL)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        struct handshake fresh = {
            .address = &a->items[i], .host = h->host, .how = h->how, .fd = -1};

        handshake_done(h);
        *h = fresh;
        handshake_start(h, ctx);
        handshake_run(h, 1, deadline_ms, clock);
        if (h->e.code != ERR_NETWORK)
            break;
    }
    if (h->e.code == ERR_NONE)
        return true;
    *e = h->e;
    return false;
}

/* Notes a judgement; *sound stays true only while all were good. */
static bool
note(struct probe *p, bool good, const struct err *why, bool *sound)
{
    *sound = *sound && good;
    return good || list_add(&p->problems, why->text);
}

/* names NULL: whatever it is named. */
static bool
judge(struct probe *p, const struct list *names, const char *trust_file, int64_t now_s,
      struct err *e)
{
    own_trust X509_STORE *trust = cert_trust(trust_file, e);
    struct err why = {0};
    bool sound = true;
    bool named = true;

    if (trust == NULL)
        return false;
    if (!note(p, judge_names(&p->chain, names, &why), &why, &named) ||
        !note(p, judge_dates(&p->chain, now_s, 0, &why), &why, &sound) ||
        !note(p, judge_purpose(&p->chain, &why), &why, &sound) ||
        !note(p, judge_order(&p->chain, &why), &why, &sound))
        return err_memory(e);
    /* after any of those the verification can only fail, and would say less */
    if (sound && !note(p, judge_trust(&p->chain, trust, now_s, NULL, &why), &why, &sound))
        return err_memory(e);
    p->verified = sound && named;
    return true;
}

bool
reload_probe(const char *host, int port, enum probe_how how, const struct list *names,
             const char *trust_file, int64_t timeout_ms, struct clock *clock, struct probe *out,
             struct err *e)
{
    own_addresses struct addresses addresses = {0};
    own_handshake struct handshake h = {.host = out->server_name != NULL ? out->server_name : host,
                                        .how = how,
                                        .fd = -1,
                                        .over = true};
    own_list struct list wanted = {0};
    own_probe struct probe probe = {0};
    int64_t deadline_ms = clock->steady_ms(clock) + timeout_ms;

    if (!list_copy(&wanted, names != NULL ? names : &(struct list){0}) ||
        (names == NULL && !list_add(&wanted, host)))
        return err_memory(e);
    if (!addresses_add(&addresses, host, port, true, e) ||
        !try_each(&addresses, &h, deadline_ms, clock, e))
        return false;
    (void)snprintf(probe.address, sizeof(probe.address), "%s", h.address->text);
    memcpy(probe.protocol, h.protocol, sizeof(probe.protocol));
    memcpy(probe.cipher, h.cipher, sizeof(probe.cipher));
    probe.chain = h.chain;
    h.chain = (struct chain){0};
    if (!judge(&probe, &wanted, trust_file, clock->now_s(clock), e))
        return false;
    *out = probe;
    probe = (struct probe){0};
    return true;
}

bool
reload_probe_file(const char *path, const char *trust_file, struct clock *clock, struct probe *out,
                  struct err *e)
{
    own_str struct str text = {0};
    own_probe struct probe probe = {0};
    const struct list none = {0};
    struct err why = {0};
    bool ignored = true;

    if (!file_read(AT_FDCWD, path, CERT_PEM_MAX, &text, e))
        return false;
    if (!chain_from_pem(&probe.chain, text.text, text.size, e) ||
        !judge(&probe, &none, trust_file, clock->now_s(clock), e))
        return err_wrap(e, "'%s'", path);
    if (text.text != NULL && strstr(text.text, "PRIVATE KEY-----") != NULL &&
        !note(&probe, verify_loads(&text, &why), &why, &ignored))
        return err_memory(e);
    *out = probe;
    probe = (struct probe){0};
    return true;
}
