/* service.h: what all kinds of servers but PostgreSQL have in common: they are not asked which
 * files they read, so the settings say it, and where to prove what they serve. */
#ifndef PGCERT_RELOAD_SERVICE_H
#define PGCERT_RELOAD_SERVICE_H

#include "reload/target.h"

/* The settings of a [target NAME] of such a type, besides its own. */
struct service_config {
    char *file;     /* FORM_COMBINED ... */
    char *key_file; /* ... and each of the others in its form */
    char *cert_file;
    char *leaf_file;
    char *chain_file;
    char *ca_file;
    char *der_file;
    char *pkcs12_file;
    char *pkcs12_password_file;
    int mode; /* index of service_modes */
    char *run_as;
    struct list prove;
    int prove_as; /* 0: as the type has it; else 1 + enum probe_how */
    char *prove_name;
    int64_t prove_timeout_s;
};

extern const struct option service_options[];

/* Do they make sense together? ERR_CONFIG. */
MUST_USE bool service_check(const struct target *t, struct err *e);

/* Fills files, user, addresses and the way of the proof, by the settings alone. Errors: ERR_CONFIG,
 * ERR_NETWORK  a name has no address; ERR_PERMISSION  the password cannot be read */
MUST_USE bool service_look(const struct target *t, struct target_view *view, struct err *e);

#endif
