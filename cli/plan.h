/* plan.h: what is missing: a comparison of what is wanted with what is issued, deployed, proved. */
#ifndef PGCERT_CLI_PLAN_H
#define PGCERT_CLI_PLAN_H

#include "cli/config.h"
#include "cli/state.h"

struct plan {
    struct generation generation; /* the wanted one; number 0: there is none */
    bool is_due;                  /* a new one must be obtained */
    bool is_held;                 /* it would be, but for renew_at_most_every */
    bool is_late;                 /* another tool should have renewed its files by renew_at_s */
    bool is_closed;               /* what its files hold is not known: only others may read them */
    const char *reason;           /* why, or what renew_at_s follows from: a literal; for a time
                                     "lifetime", "ari", "renew_at_most_every" or "files" */
    int64_t renew_at_s;
};

#define own_plan __attribute__((cleanup(plan_done)))

/* Are key and chain, as files_read() gives them, those of a generation? */
bool plan_is_stored(const char *directory, int64_t number, const struct str *key_pem,
                    const struct str *chain_pem);

/* When a certificate of that lifetime is renewed. */
int64_t plan_renew_at(int64_t not_before_s, int64_t not_after_s, struct option_share before);

/*
 * Looks at what is on disk only: no network.
 *
 * It is renewed at the time that follows from its lifetime, or at the moment that was chosen in the
 * issuer's window, whichever is first; a revoked one at once. What another tool renews is due when
 * its files have changed, and late when they have not for long after that time.
 */
void plan_make(struct plan *p, const struct certificate *c, const struct state *s, int64_t now_s);

/* Is a target's last proof of this generation, recent, and is its file still the same? */
bool plan_is_served(const struct plan *p, const struct state *s, const char *target,
                    const struct material *m, int64_t now_s, int64_t prove_again_s);

/* Why it is due, for people. */
const char *plan_why(const struct plan *p);

void plan_done(struct plan *p);

#endif
