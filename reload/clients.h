/* clients.h: one change of what a server trusts of clients; what clients.c and setup.c share. */
#ifndef PGCERT_RELOAD_CLIENTS_H
#define PGCERT_RELOAD_CLIENTS_H

#include "reload/deployment.h"
#include "reload/trust.h"

struct clients_change {
    const struct client_trust *wanted; /* borrowed */
    struct trust trust, gone;
    struct pair accepted, refused, retired;
    bool was_there; /* the file, before */
    bool did_install;
};

#define own_clients_change __attribute__((cleanup(clients_change_done)))

/* Reads and judges what is wanted; `c` has only that. ERR_INPUT. */
MUST_USE bool clients_check(struct clients_change *c, struct clock *clock, struct err *e);

/* Would everybody who is connected with a certificate be let in again? ERR_CONFIG; and those of
 * target_type.sessions(). */
MUST_USE bool clients_check_sessions(const struct clients_change *c, const struct deployment *d,
                                     struct err *e);

/* Puts the file in place and keeps the old one. Errors: as install_write(). */
MUST_USE bool clients_install(struct clients_change *c, const struct deployment *d, struct err *e);

/* Proves on every address that one canary is refused and the other is let in, in that order: who is
 * let in proves nothing about a revocation. Errors: as prove_until(). */
MUST_USE bool clients_prove(const struct clients_change *c, const struct deployment *d, bool once,
                            struct err *e);

/* The file as it was before clients_install(). Errors: as install_write(). */
MUST_USE bool clients_undo(struct clients_change *c, const struct deployment *d, struct err *e);

void clients_change_done(struct clients_change *c);

#endif
