/* doctor_load.h: would PostgreSQL start with these files? */
#ifndef PGCERT_RELOAD_DOCTOR_LOAD_H
#define PGCERT_RELOAD_DOCTOR_LOAD_H

#include "base/err.h"
#include "base/str.h"

/* What its settings name, as bytes; NULL where they name none. All borrowed. */
struct doctor_load {
    const struct str *cert, *key, *ca, *crl;
    const char *ciphers, *groups; /* ssl_ciphers, ssl_ecdh_curve; "": the defaults */
};

/*
 * Loads them in the order of be_tls_init(), by the same calls, none of which asks for a passphrase.
 *
 * Gives:  setting    the one whose file or value does not load; literal
 *         encrypted  the key wants a passphrase; then it is not loaded, and that is no error
 * Errors: ERR_INPUT  and why; ERR_INTERNAL, ERR_SYSTEM
 * Source: PostgreSQL src/backend/libpq/be-secure-openssl.c, be_tls_init()
 */
MUST_USE bool doctor_load_try(const struct doctor_load *l, const char **setting, bool *encrypted,
                              struct err *e);

#endif
