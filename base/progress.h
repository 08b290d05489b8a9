/* progress.h: how a room says what it waits for; cli/ shows it on a terminal. */
#ifndef PGCERT_BASE_PROGRESS_H
#define PGCERT_BASE_PROGRESS_H

#include "base/clock.h"
#include "base/own.h"

/* A port. A pointer to one may be NULL: nobody listens. */
struct progress {
    /* `line`: "waiting for ns1.example.org. to answer with the record", valid for the call only. */
    void (*say)(struct progress *p, const char *line);
};

/* Formats and says, when somebody listens. */
void progress_say(struct progress *p, const char *format, ...) PRINTF(2, 3);

/* Sleeps, and says every second what for. */
void progress_sleep(struct progress *p, struct clock *clock, int64_t ms, const char *line);

#endif
