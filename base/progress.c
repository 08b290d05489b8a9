/* progress.c: format a line for whoever listens. */
#include "base/progress.h"

#include <stdarg.h>
#include <stdio.h>

void
progress_say(struct progress *p, const char *format, ...)
{
    char line[512];
    va_list arguments;

    if (p == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    p->say(p, line);
}

void
progress_sleep(struct progress *p, struct clock *clock, int64_t ms, const char *line)
{
    static const int64_t slice_ms = 1000;

    for (; p != NULL && ms > slice_ms; ms -= slice_ms) {
        p->say(p, line);
        clock->sleep_ms(clock, slice_ms);
    }
    progress_say(p, "%s", line);
    clock->sleep_ms(clock, ms);
}
