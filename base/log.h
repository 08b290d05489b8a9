/* log.h: what happens, as lines on standard error, or as entries of the journal where that is what
 * reads them. Only cli/ calls log_say() and log_event(). */
#ifndef PGCERT_BASE_LOG_H
#define PGCERT_BASE_LOG_H

#include "base/journal.h"
#include "base/own.h"

/* Values are syslog(3)'s. */
enum log_level {
    LOG_LEVEL_NONE = 2, /* for log_set_level(): no line at all */
    LOG_LEVEL_ERR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

/* Lines above this level are not written; at first LOG_LEVEL_INFO. Returns the level before. */
enum log_level log_set_level(enum log_level level);

/* One line, "pgcert: " before it; in the journal an entry of that priority. */
void log_say(enum log_level level, const char *format, ...) PRINTF(2, 3);

/* The same, with fields that only the journal has, at most JOURNAL_FIELDS_MAX less two. */
void log_event(enum log_level level, const struct journal_field *fields, const char *format, ...)
    PRINTF(3, 4);

/* What happens inside, for -v, with the name of the fiber. Allowed in every room. Never a key,
 * token or password. */
void log_debug(const char *format, ...) PRINTF(1, 2);

/* For a child that has closed descriptors which it does not know: what it says goes to standard
 * error, from where the journal has it as well. */
void log_lose_journal(void);

#endif
