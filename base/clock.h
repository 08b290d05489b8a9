/* clock.h: now and sleep as a port, so that tests can stop the time; times as text. */
#ifndef PGCERT_BASE_CLOCK_H
#define PGCERT_BASE_CLOCK_H

#include "base/own.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock {
    int64_t (*now_s)(struct clock *c);             /* Unix seconds, UTC */
    int64_t (*steady_ms)(struct clock *c);         /* milliseconds, never steps back */
    void (*sleep_ms)(struct clock *c, int64_t ms); /* returns early never; 0 or less: at once */
};

/* The real one. */
extern struct clock clock_system;

#define CLOCK_TEXT_SIZE 24

/* "2026-11-22T03:00:00Z" (RFC 3339, UTC). Years beyond 9999 are shown as 9999. */
void clock_text(char text[static CLOCK_TEXT_SIZE], int64_t at_s);

/* "2026-11-22 03:00", for people. */
void clock_minute(char text[static CLOCK_TEXT_SIZE], int64_t at_s);

/* Reads what clock_text() writes. False when it is anything else. */
MUST_USE bool clock_parse(int64_t *at_s, const char *text);

#define CLOCK_SPAN_SIZE 24

/* A span for people: "850 ms", "12 s", "3 min", "5 h", "41 days". */
void clock_span(char text[static CLOCK_SPAN_SIZE], int64_t ms);

#endif
