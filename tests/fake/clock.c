/* clock.c: a clock that stands still until somebody sleeps. */
#include "tests/fake/clock.h"

static int64_t
now_s(struct clock *c)
{
    return ((struct fake_clock *)c)->at_s;
}

static int64_t
steady_ms(struct clock *c)
{
    return ((struct fake_clock *)c)->steady_ms;
}

static void
sleep_ms(struct clock *c, int64_t ms)
{
    struct fake_clock *f = (struct fake_clock *)c;

    f->slept_ms += ms;
    f->steady_ms += ms;
    f->at_s += ms / 1000;
}

struct fake_clock
fake_clock_at(int64_t at_s)
{
    return (struct fake_clock){.base = {now_s, steady_ms, sleep_ms}, .at_s = at_s};
}
