/* plan.h: what is missing: a comparison of what is wanted with what is issued, deployed, proved. */
#ifndef PGCERT_CLI_PLAN_H
#define PGCERT_CLI_PLAN_H

#include "cli/config.h"
#include "cli/state.h"

struct plan {
    struct generation generation; /* the wanted one; number 0: there is none */
    bool is_due;                  /* a new one must be obtained */
    const char *reason;           /* why, or what renew_at_s follows from: a literal */
    int64_t renew_at_s;
};

#define own_plan __attribute__((cleanup(plan_done)))

/* When a certificate of that lifetime is renewed. */
int64_t plan_renew_at(int64_t not_before_s, int64_t not_after_s, struct option_share before);

/* Looks at what is on disk only: no network. */
MUST_USE bool plan_make(struct plan *p, const struct certificate *c, const struct state *s,
                        int64_t now_s, struct err *e);

/* Is a target's last proof of this generation, recent, and is its file still the same? */
bool plan_is_served(const struct plan *p, const struct state *s, const char *target,
                    const struct material *m, int64_t now_s, int64_t prove_again_s);

void plan_done(struct plan *p);

#endif
