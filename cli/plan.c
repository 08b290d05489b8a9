/* plan.c: desired state against the facts on disk. */
#include "cli/plan.h"

#include <string.h>

#define DAY (24 * 3600)
#define SHORT_LIFETIME_S (10 * DAY)

int64_t
plan_renew_at(int64_t not_before_s, int64_t not_after_s, struct option_share before)
{
    int64_t lifetime_s = not_after_s - not_before_s;
    int64_t before_s = before.span_s;

    if (before_s == 0 && before.whole > 0)
        before_s = lifetime_s / before.whole * before.part +
                   lifetime_s % before.whole * before.part / before.whole;
    if (before_s == 0)
        before_s = lifetime_s < SHORT_LIFETIME_S ? lifetime_s / 2 : lifetime_s / 3;
    /* one that is due at birth would be renewed at every run */
    if (before_s > lifetime_s - lifetime_s / 10)
        before_s = lifetime_s / 2;
    return not_after_s - before_s;
}

/* From the issuer that is asked when the other one fails. */
static bool
is_stand_in(const struct generation *g, const struct certificate *c)
{
    const char *fallback = c->issuer->acme.fallback;

    return fallback != NULL && strcmp(g->issuer, fallback) == 0;
}

/* The private CA was replaced, and what that one has signed is accepted no longer than it takes. */
static bool
is_of_old_ca(const struct plan *p, const struct certificate *c, const struct state *s)
{
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    struct err ignored = {0};

    return c->issuer != NULL && c->issuer->ca != NULL &&
           strcmp(p->generation.issuer, c->issuer_name) == 0 &&
           store_read(s->directory, p->generation.number, &key_pem, &chain_pem, &ignored) &&
           !ca_signs_servers(c->issuer->ca, chain_pem.text, chain_pem.size);
}

static bool
is_files(const struct certificate *c)
{
    return c->issuer != NULL && c->issuer->type == ISSUER_FILES;
}

bool
plan_is_stored(const char *directory, int64_t number, const struct str *key_pem,
               const struct str *chain_pem)
{
    own_str struct str key = {0};
    own_str struct str chain = {0};
    struct err ignored = {0};

    return number != 0 && store_read(directory, number, &key, &chain, &ignored) &&
           key.size == key_pem->size && chain.size == chain_pem->size &&
           memcmp(key.text, key_pem->text, key.size) == 0 &&
           memcmp(chain.text, chain_pem->text, chain.size) == 0;
}

/* Compared with the newest generation, not with the wanted one: after a rollback the files hold
 * what was rolled back from. NULL: they have not changed, or only others may read them. */
static const char *
why_adopted(struct plan *p, const struct certificate *c, const struct state *s)
{
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    struct err e = {0};

    if (!files_read(&c->issuer->files, &key_pem, &chain_pem, &e)) {
        p->is_closed = files_are_closed(&c->issuer->files, &e);
        return p->is_closed ? NULL : "its files cannot be used";
    }
    return plan_is_stored(s->directory, store_before(s->directory, INT64_MAX), &key_pem, &chain_pem)
               ? NULL
               : "its files have changed";
}

/* Why it must be obtained anew, whatever the time; NULL: no reason. */
static const char *
why_anew(struct plan *p, const struct certificate *c, const struct state *s)
{
    const struct generation *g = &p->generation;

    if (g->number == 0)
        return "there is none yet";
    if (!list_same(&g->names, &c->names))
        return "its names changed";
    if (strcmp(g->issuer, c->issuer_name) != 0 && !is_stand_in(g, c))
        return "its issuer changed";
    if (!is_files(c) && strcmp(g->key_type, key_type_words[c->key_type]) != 0)
        return "its key type changed";
    if (is_of_old_ca(p, c, s))
        return "its CA was replaced";
    if (state_revoked_at(s, g->sha256) != 0)
        return "it was revoked";
    return is_files(c) ? why_adopted(p, c, s) : NULL;
}

/* Other tools run once or twice a day, and renew at about the time that we would. */
static int64_t
late_after(const struct generation *g)
{
    int64_t share_s = (g->not_after_s - g->not_before_s) / 20;

    return share_s < DAY ? share_s : DAY;
}

/*
 * The issuer's moment goes first, earlier or later than the lifetime's, and never before its
 * window. It may wait until half of renew_before is left, and no longer: that is the backstop
 * against an issuer that advises nonsense.
 */
static void
choose_time(struct plan *p, const struct certificate *c, const struct state *s)
{
    const struct generation *g = &p->generation;
    struct advice advice = state_advice(s, g->sha256);
    int64_t backstop_s = 0;

    p->reason = "lifetime";
    p->renew_at_s = plan_renew_at(g->not_before_s, g->not_after_s, c->renew_before);
    if (is_files(c)) {
        p->reason = "files";
        p->renew_at_s += late_after(g);
    }
    if (advice.moment_s == 0 || is_files(c))
        return;
    backstop_s = g->not_after_s - (g->not_after_s - p->renew_at_s) / 2;
    if (advice.moment_s <= backstop_s)
        p->reason = "ari";
    p->renew_at_s = advice.moment_s <= backstop_s ? advice.moment_s : backstop_s;
}

/* When the last one was issued, which after a rollback is another than the wanted one. */
static int64_t
last_issued_at(const struct plan *p, const struct state *s)
{
    own_generation struct generation last = {0};

    if (store_before(s->directory, INT64_MAX) == p->generation.number)
        return p->generation.created_at_s;
    store_find(s->directory, 0, &last);
    return last.created_at_s;
}

/* What is due by its time waits until the last one has some age, so that nothing that is wrong with
 * times, ours or the issuer's, becomes a storm. */
static void
hold(struct plan *p, const struct certificate *c, const struct state *s, int64_t now_s)
{
    int64_t half_s = (p->generation.not_after_s - p->generation.not_before_s) / 2;
    int64_t every_s = c->renew_at_most_every_s < half_s ? c->renew_at_most_every_s : half_s;
    int64_t last_s = last_issued_at(p, s);

    if (now_s < last_s || now_s - last_s >= every_s)
        return;
    p->is_due = false;
    p->is_held = true;
    p->reason = "renew_at_most_every";
    p->renew_at_s = last_s + every_s;
}

void
plan_make(struct plan *p, const struct certificate *c, const struct state *s, int64_t now_s)
{
    const char *why = NULL;

    store_find(s->directory, state_generation(s), &p->generation);
    if (p->generation.number != 0)
        choose_time(p, c, s);
    why = why_anew(p, c, s);
    p->is_late = is_files(c) && why == NULL && now_s >= p->renew_at_s;
    p->is_due = !p->is_late && (why != NULL || now_s >= p->renew_at_s);
    if (why != NULL)
        p->reason = why;
    else if (p->is_due)
        hold(p, c, s, now_s);
}

const char *
plan_why(const struct plan *p)
{
    if (strcmp(p->reason, "lifetime") == 0)
        return "its time has come";
    return strcmp(p->reason, "ari") == 0 ? "its issuer advises it" : p->reason;
}

bool
plan_is_served(const struct plan *p, const struct state *s, const char *target,
               const struct material *m, int64_t now_s, int64_t prove_again_s)
{
    struct proof proof = state_proof(s, target);

    if (proof.sha256 == NULL || strcmp(proof.sha256, p->generation.sha256) != 0 ||
        state_target_error(s, target) != NULL)
        return false;
    /* where nobody can be asked, asking again is of no use */
    return (proof.is_unprovable || (now_s >= proof.at_s && now_s - proof.at_s < prove_again_s)) &&
           state_is_unchanged(&proof, m);
}

void
plan_done(struct plan *p)
{
    generation_done(&p->generation);
    *p = (struct plan){0};
}
