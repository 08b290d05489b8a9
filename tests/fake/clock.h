/* clock.h: a clock that stands still until somebody sleeps. */
#ifndef PGCERT_FAKE_CLOCK_H
#define PGCERT_FAKE_CLOCK_H

#include "base/clock.h"

struct fake_clock {
    struct clock base; /* first, so that a struct clock * is one of these */
    int64_t at_s;
    int64_t steady_ms;
    int64_t slept_ms; /* in all; sleeping moves both hands and returns at once */
};

/* A clock that shows this time. */
struct fake_clock fake_clock_at(int64_t at_s);

#endif
