/* watch_plan.h: when `watch` works on a certificate: at once when something has changed, again when
 * a proof is old, and with patience when it fails. Steady milliseconds throughout.
 */
#ifndef PGCERT_CLI_WATCH_PLAN_H
#define PGCERT_CLI_WATCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_PLAN_LEAST_MS 2000  /* after a first failure */
#define WATCH_PLAN_MOST_MS 300000 /* however many there were */
#define WATCH_PLAN_HALF_MS 5000   /* key and certificate may differ so long before that is told */
#define WATCH_PLAN_CALM_MS 60000  /* in that time ... */
#define WATCH_PLAN_DEPLOYS 5      /* ... it is put back so often before we become slower */
#define WATCH_PLAN_BREATH_MS 1000 /* between two looks, where each proves anew */

/* One certificate. */
struct watch_item {
    int64_t due_ms; /* -1: when something changes */
    int64_t failures;
    int64_t half_ms; /* since when its files do not match; 0: they do */
    int64_t calm_ms; /* when the first of `deploys` was */
    int64_t deploys;
    bool is_ours;  /* what has happened to its files was our own doing */
    uint64_t told; /* a digest of the failure that was told last; 0: it is well */
};

/* How long to wait after so many failures in a row: doubled each time, between the two bounds. */
int64_t watch_plan_backoff(int64_t failures);

/* Its files have changed, and belong together or do not. */
void watch_plan_change(struct watch_item *i, bool match, int64_t now_ms);

/* All is well; again_ms: when it is to be looked at again, -1: nothing is served. Where it is put
 * back again and again, later than that. */
void watch_plan_good(struct watch_item *i, bool deployed, int64_t now_ms, int64_t again_ms);

/* When what we have just changed is looked at again: at once, unless a look alone does something.
 */
int64_t watch_plan_look(int64_t prove_again_s, int64_t now_ms);

/* It failed, and `told` is what was said of it. */
void watch_plan_bad(struct watch_item *i, uint64_t told, int64_t now_ms);

/* Another run of pgcert is at work. */
void watch_plan_busy(struct watch_item *i, int64_t now_ms);

/* When the first of them is due; -1: none is. */
int64_t watch_plan_next(const struct watch_item *items, size_t count);

/* A digest of a sentence, never 0. */
uint64_t watch_plan_digest(const char *text);

#endif
