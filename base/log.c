/* log.c: one line per event on standard error. */
#include "base/log.h"

#include "base/fiber.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum log_level highest = LOG_LEVEL_INFO;

enum log_level
log_set_level(enum log_level level)
{
    enum log_level before = highest;

    highest = level;
    return before;
}

/* $JOURNAL_STREAM is "DEVICE:INODE" of the journal's socket (systemd.exec(5)). */
static bool
stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char mine[64];
    struct stat s = {0};

    if (stream == NULL || fstat(STDERR_FILENO, &s) < 0)
        return false;
    (void)snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)s.st_dev, (uintmax_t)s.st_ino);
    return strcmp(stream, mine) == 0;
}

static void PRINTF(2, 0) say(enum log_level level, const char *format, va_list arguments)
{
    static int journal = -1;
    char line[2048];
    const char *name = level == LOG_LEVEL_DEBUG ? fiber_name() : NULL;
    int size = 0;

    if (level > highest)
        return;
    if (journal < 0)
        journal = stderr_is_journal();
    if (name != NULL)
        size = snprintf(line, sizeof(line), "%.200s: ", name);
    (void)vsnprintf(line + size, sizeof(line) - (size_t)size, format, arguments);
    if (journal == 1)
        (void)fprintf(stderr, "<%d>%s\n", (int)level, line);
    else
        (void)fprintf(stderr, "pgcert: %s\n", line);
}

void
log_say(enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(level, format, arguments);
    va_end(arguments);
}

void
log_debug(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LOG_LEVEL_DEBUG, format, arguments);
    va_end(arguments);
}
