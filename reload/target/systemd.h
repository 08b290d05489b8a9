/* systemd.h: what systemd is asked and told about a unit, over D-Bus (sd-bus, loaded late). */
#ifndef PGCERT_RELOAD_TARGET_SYSTEMD_H
#define PGCERT_RELOAD_TARGET_SYSTEMD_H

#include "base/err.h"

struct systemd_bus;

/* What systemd knows about a unit. */
struct systemd_unit {
    char load[32];   /* "loaded", "not-found", "masked" ... */
    char active[32]; /* "active", "inactive", "failed" ... */
    bool can_reload; /* it has ExecReload=, or says itself how */
};

/*
 * Begins a conversation.
 *
 * Takes:  socket  of a bus, or of systemd itself; NULL: systemd's own for root, else the system bus
 * Errors: ERR_NETWORK   systemd does not run here
 *         ERR_INTERNAL  libsystemd is missing; ERR_PERMISSION, ERR_SYSTEM
 */
MUST_USE struct systemd_bus *systemd_open(const char *socket, struct err *e);

/* Asks about a unit ("haproxy.service"); one that there is not is not an error here. Errors:
 * ERR_TIMEOUT, ERR_NETWORK, ERR_PERMISSION, ERR_SYSTEM */
MUST_USE bool systemd_look(struct systemd_bus *b, const char *unit, struct systemd_unit *out,
                           struct err *e);

/*
 * Has a job done, and waits until it is.
 *
 * Takes:  method  of systemd's manager: "ReloadUnit" or "RestartUnit"
 * Errors: ERR_SYSTEM      it failed, with systemd's word for how
 *         ERR_PERMISSION  we may not do that
 *         ERR_TIMEOUT     it has not ended within timeout_ms; it goes on, perhaps
 *         ERR_NETWORK, ERR_CONFIG
 * Source: org.freedesktop.systemd1(5), "Signals"
 */
MUST_USE bool systemd_do(struct systemd_bus *b, const char *method, const char *unit,
                         int64_t timeout_ms, struct err *e);

/* NULL is nothing to close. */
void systemd_close(struct systemd_bus *b);

#endif
