/* watch_plan.c: when `watch` works on a certificate. */
#include "cli/watch_plan.h"

int64_t
watch_plan_backoff(int64_t failures)
{
    int64_t wait_ms = WATCH_PLAN_LEAST_MS;

    for (int64_t i = 1; i < failures && wait_ms < WATCH_PLAN_MOST_MS; i++)
        wait_ms *= 2;
    return wait_ms < WATCH_PLAN_MOST_MS ? wait_ms : WATCH_PLAN_MOST_MS;
}

/* Two that put a file back in turns would do nothing else. */
static int64_t
restraint(const struct watch_item *i, int64_t now_ms)
{
    if (i->deploys <= WATCH_PLAN_DEPLOYS || now_ms - i->calm_ms > WATCH_PLAN_CALM_MS)
        return 0;
    return watch_plan_backoff(i->deploys - WATCH_PLAN_DEPLOYS);
}

void
watch_plan_change(struct watch_item *i, bool match, int64_t now_ms)
{
    if (match) {
        i->half_ms = 0;
        i->due_ms = now_ms + restraint(i, now_ms);
        return;
    }
    if (i->half_ms == 0)
        i->half_ms = now_ms;
    i->due_ms = i->half_ms + WATCH_PLAN_HALF_MS;
}

void
watch_plan_good(struct watch_item *i, bool deployed, int64_t now_ms, int64_t again_ms)
{
    if (deployed && now_ms - i->calm_ms > WATCH_PLAN_CALM_MS) {
        i->calm_ms = now_ms;
        i->deploys = 0;
    }
    i->deploys += deployed;
    i->failures = 0;
    i->half_ms = 0;
    i->told = 0;
    i->due_ms = again_ms < 0 ? -1 : again_ms + restraint(i, now_ms);
}

int64_t
watch_plan_look(int64_t prove_again_s, int64_t now_ms)
{
    return now_ms + (prove_again_s > 0 ? 0 : WATCH_PLAN_BREATH_MS);
}

void
watch_plan_bad(struct watch_item *i, uint64_t told, int64_t now_ms)
{
    i->failures++;
    i->half_ms = 0;
    i->told = told;
    i->due_ms = now_ms + watch_plan_backoff(i->failures);
}

void
watch_plan_busy(struct watch_item *i, int64_t now_ms)
{
    i->due_ms = now_ms + WATCH_PLAN_LEAST_MS;
}

int64_t
watch_plan_next(const struct watch_item *items, size_t count)
{
    int64_t next_ms = -1;

    for (size_t i = 0; i < count; i++)
        if (items[i].due_ms >= 0 && (next_ms < 0 || items[i].due_ms < next_ms))
            next_ms = items[i].due_ms;
    return next_ms;
}

uint64_t
watch_plan_digest(const char *text)
{
    uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a */

    for (const char *c = text; *c != '\0'; c++)
        sum = (sum ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return sum == 0 ? 1 : sum;
}
