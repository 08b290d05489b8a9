/* clock.c: the real clock; times as text. */
#include "base/clock.h"

#include "base/fiber.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t
now_s(struct clock *c)
{
    struct timespec t = {0};

    (void)c;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec;
}

static int64_t
steady_ms(struct clock *c)
{
    struct timespec t = {0};

    (void)c;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
sleep_ms(struct clock *c, int64_t ms)
{
    int64_t until_ms = steady_ms(c) + ms;

    for (int64_t left_ms = ms; left_ms > 0; left_ms = until_ms - steady_ms(c))
        (void)fiber_poll(NULL, 0, left_ms > 60000 ? 60000 : (int)left_ms);
}

struct clock clock_system = {now_s, steady_ms, sleep_ms};

void
clock_text(char text[static CLOCK_TEXT_SIZE], int64_t at_s)
{
    static const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z */
    time_t seconds = at_s > last ? (time_t)last : (time_t)at_s;
    struct tm t = {0};

    (void)gmtime_r(&seconds, &t);
    (void)strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &t);
}

void
clock_minute(char text[static CLOCK_TEXT_SIZE], int64_t at_s)
{
    clock_text(text, at_s);
    text[10] = ' ';
    text[16] = '\0';
}

bool
clock_parse(int64_t *at_s, const char *text)
{
    struct tm t = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &t);
    char again[CLOCK_TEXT_SIZE];
    int64_t seconds = 0;

    if (end == NULL || *end != '\0')
        return false;
    /* strptime takes "2026-2-31" and blanks, too; what is ours comes out as it went in */
    seconds = timegm(&t);
    clock_text(again, seconds);
    if (strcmp(again, text) != 0)
        return false;
    *at_s = seconds;
    return true;
}

void
clock_span(char text[static CLOCK_SPAN_SIZE], int64_t ms)
{
    static const struct {
        int64_t from_ms, unit_ms;
        const char *word;
    } units[] = {
        {INT64_C(48) * 3600000, INT64_C(24) * 3600000, "days"},
        {INT64_C(2) * 3600000, 3600000, "h"},
        {120000, 60000, "min"},
        {1000, 1000, "s"},
    };

    for (size_t i = 0; i < COUNT(units); i++)
        if (ms >= units[i].from_ms) {
            (void)snprintf(text, CLOCK_SPAN_SIZE, "%lld %s", (long long)(ms / units[i].unit_ms),
                           units[i].word);
            return;
        }
    (void)snprintf(text, CLOCK_SPAN_SIZE, "%lld ms", (long long)ms);
}
