/* watch_event.h: what `watch` has to tell: a line for people, or an object a line for --json. */
#ifndef PGCERT_CLI_WATCH_EVENT_H
#define PGCERT_CLI_WATCH_EVENT_H

#include "cli/report.h"
#include "cli/trust.h"

/* It has begun, or goes on with new settings: "watching", "reloaded". */
void watch_event_begin(const struct app *app, const char *event, size_t certificates,
                       size_t directories);

/* A file of a certificate is another one than before. */
void watch_event_change(const struct app *app, const char *certificate, const char *path);

/* Waits until somebody takes a line, for 1 s; where nobody does, lines are dropped until the next
 * call finds somebody. Other fibers go on meanwhile. */
void watch_event_await(void);

/* After watch_event_await(): what was done for a certificate, or that it failed, and when it is
 * tried again. */
void watch_event_report(const struct app *app, const struct report *r, int64_t again_ms);

/* What a target trusts of clients was put in place, or proved, or sessions there are ended. */
void watch_event_clients(struct app *app, const struct trust_done *done);

/* Something failed that is not one certificate's; without text: it was told. */
void watch_event_error(const struct app *app, const struct err *e);

/* It ends. */
void watch_event_end(const struct app *app);

#endif
