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
