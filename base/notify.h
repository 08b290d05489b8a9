/* notify.h: tell systemd how a service of it goes (Type=notify). */
#ifndef PGCERT_BASE_NOTIFY_H
#define PGCERT_BASE_NOTIFY_H

#include "base/own.h"

#include <stdint.h>

/*
 * Sends lines as sd_notify(3) has them: "READY=1\nSTATUS=..."; does nothing where $NOTIFY_SOCKET is
 * not set. That nobody hears it is not worth more than a line for -v.
 */
void notify_say(const char *format, ...) PRINTF(1, 2);

/* The file of libsystemd that runs, which has no number of its own: "libsystemd.so.0.35.0"; loads
 * it. NULL: it cannot be loaded. */
const char *notify_library(void);

/* "RELOADING=1" with the time that systemd wants with it. */
void notify_reloading(void);

#endif
