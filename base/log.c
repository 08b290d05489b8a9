/* log.c: one line per event on standard error, or one entry of the journal. */
#include "base/log.h"

#include "base/fiber.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static enum log_level highest = LOG_LEVEL_INFO;

enum log_level
log_set_level(enum log_level level)
{
    enum log_level before = highest;

    highest = level;
    return before;
}

static bool
send(enum log_level level, const struct journal_field *fields, const char *line)
{
    const char priority[] = {(char)('0' + (int)level), '\0'};
    struct journal_field all[JOURNAL_FIELDS_MAX + 1] = {{"MESSAGE", line}, {"PRIORITY", priority}};
    size_t count = 2;

    for (; fields != NULL && fields->name != NULL && count < JOURNAL_FIELDS_MAX; fields++)
        all[count++] = *fields;
    return journal_send(all);
}

static int journal = -1;      /* is standard error the journal? -1: not known yet */
static bool has_lost_journal; /* libsystemd's socket is closed, and its number may be another's */

void
log_lose_journal(void)
{
    has_lost_journal = true;
}

static void PRINTF(3, 0) say(enum log_level level, const struct journal_field *fields,
                             const char *format, va_list arguments)
{
    char line[2048];
    const char *name = level == LOG_LEVEL_DEBUG ? fiber_name() : NULL;
    int size = 0;

    if (level > highest)
        return;
    if (journal < 0)
        journal = journal_has(STDERR_FILENO);
    if (name != NULL)
        size = snprintf(line, sizeof(line), "%.200s: ", name);
    (void)vsnprintf(line + size, sizeof(line) - (size_t)size, format, arguments);
    if (journal != 1)
        (void)fprintf(stderr, "pgcert: %s\n", line);
    else if (has_lost_journal || !send(level, fields, line))
        (void)fprintf(stderr, "<%d>%s\n", (int)level, line); /* sd-daemon(3) */
}

void
log_say(enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(level, NULL, format, arguments);
    va_end(arguments);
}

void
log_event(enum log_level level, const struct journal_field *fields, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(level, fields, format, arguments);
    va_end(arguments);
}

void
log_debug(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LOG_LEVEL_DEBUG, NULL, format, arguments);
    va_end(arguments);
}
