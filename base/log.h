/* log.h: lines on standard error, with priorities for the journal. Only cli/ calls log_say(). */
#ifndef PGCERT_BASE_LOG_H
#define PGCERT_BASE_LOG_H

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

/* One line, "pgcert: " before it; "<N>" instead when $JOURNAL_STREAM names standard error. */
void log_say(enum log_level level, const char *format, ...) PRINTF(2, 3);

/* What happens inside, for -v, with the name of the fiber. Allowed in every room. Never a key,
 * token or password. */
void log_debug(const char *format, ...) PRINTF(1, 2);

#endif
