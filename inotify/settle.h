/* settle.h: when a change is over: it has been quiet for a moment, or it goes on for too long. */
#ifndef PGCERT_INOTIFY_SETTLE_H
#define PGCERT_INOTIFY_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#define SETTLE_QUIET_MS 20  /* after the last event */
#define SETTLE_MOST_MS 2000 /* after the first one: then it is looked at though it goes on */

/* One thing that may change; `{0}` is at rest. */
struct settle {
    bool is_on;
    int64_t first_ms, last_ms;
};

/* Something happened to it. */
void settle_touch(struct settle *s, int64_t now_ms);

/* When it is to be looked at; -1: it is at rest. */
int64_t settle_due_ms(const struct settle *s);

/* Is it time to look? Then it is at rest again. */
bool settle_take(struct settle *s, int64_t now_ms);

#endif
