/* plan.c: desired state against the facts on disk. */
#include "cli/plan.h"

#include <string.h>

#define SHORT_LIFETIME_S (10 * 24 * 3600)

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

/* Why it must be obtained anew; NULL: no reason. */
static const char *
why_due(const struct plan *p, const struct certificate *c, int64_t now_s)
{
    const struct generation *g = &p->generation;

    if (g->number == 0)
        return "there is none yet";
    if (!list_same(&g->names, &c->names))
        return "its names changed";
    if (strcmp(g->issuer, c->issuer_name) != 0)
        return "its issuer changed";
    if (strcmp(g->key_type, key_type_words[c->key_type]) != 0)
        return "its key type changed";
    return now_s >= p->renew_at_s ? "its time has come" : NULL;
}

bool
plan_make(struct plan *p, const struct certificate *c, const struct state *s, int64_t now_s,
          struct err *e)
{
    if (!store_find(s->directory, state_generation(s), &p->generation, e))
        return false;
    if (p->generation.number != 0)
        p->renew_at_s =
            plan_renew_at(p->generation.not_before_s, p->generation.not_after_s, c->renew_before);
    p->reason = why_due(p, c, now_s);
    p->is_due = p->reason != NULL;
    if (!p->is_due)
        p->reason = "lifetime";
    return true;
}

bool
plan_is_served(const struct plan *p, const struct state *s, const char *target,
               const struct material *m, int64_t now_s, int64_t prove_again_s)
{
    struct proof proof = state_proof(s, target);

    return proof.sha256 != NULL && proof.file != NULL &&
           strcmp(proof.sha256, p->generation.sha256) == 0 &&
           state_target_error(s, target) == NULL && now_s >= proof.at_s &&
           now_s - proof.at_s < prove_again_s && reload_is_deployed(proof.file, m);
}

void
plan_done(struct plan *p)
{
    generation_done(&p->generation);
    *p = (struct plan){0};
}
