/* settle.c: when a change is over. */
#include "inotify/settle.h"

void
settle_touch(struct settle *s, int64_t now_ms)
{
    if (!s->is_on)
        s->first_ms = now_ms;
    s->is_on = true;
    s->last_ms = now_ms;
}

int64_t
settle_due_ms(const struct settle *s)
{
    int64_t quiet_ms = s->last_ms + SETTLE_QUIET_MS;
    int64_t most_ms = s->first_ms + SETTLE_MOST_MS;

    if (!s->is_on)
        return -1;
    return quiet_ms < most_ms ? quiet_ms : most_ms;
}

bool
settle_take(struct settle *s, int64_t now_ms)
{
    if (!s->is_on || now_ms < settle_due_ms(s))
        return false;
    *s = (struct settle){0};
    return true;
}
