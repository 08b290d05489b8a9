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

static int
digits(const char *text, int count)
{
    int number = 0;

    for (int i = 0; i < count; i++)
        number = number * 10 + (text[i] - '0');
    return number;
}

/* Days from 1970-01-01 to the first of a month, in the Gregorian calendar: years begin in March
 * here, so that the day which leap years have more is the last one. */
static int64_t
days_before(int year, int month)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 - 719468;
}

/* By hand, since the CA's index has millions of times. */
bool
clock_parse(int64_t *at_s, const char *text)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    int64_t first = 0;

    for (size_t i = 0; i < sizeof(form); i++) /* with the NUL, and never behind it */
        if (form[i] != '0' ? text[i] != form[i] : text[i] < '0' || text[i] > '9')
            return false;
    year = digits(text, 4);
    month = digits(text + 5, 2);
    day = digits(text + 8, 2);
    hour = digits(text + 11, 2);
    minute = digits(text + 14, 2);
    second = digits(text + 17, 2);
    if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59)
        return false;
    first = days_before(year, month);
    if (day > (month == 12 ? days_before(year + 1, 1) : days_before(year, month + 1)) - first)
        return false;
    *at_s = (first + day - 1) * 86400 + hour * 3600 + minute * 60 + second;
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
