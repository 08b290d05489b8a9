/* verify.h: check before anything is touched. */
#ifndef PGCERT_RELOAD_VERIFY_H
#define PGCERT_RELOAD_VERIFY_H

#include "reload/pair.h"
#include "reload/reload.h"

/*
 * As reload_check(), and gives what was checked.
 *
 * Gives:  pair  empty before
 *         root  in which the chain ends; X509_free() it
 */
MUST_USE bool verify_material(const struct material *m, struct clock *clock, struct pair *pair,
                              X509 **root, struct err *e);

/*
 * Would PostgreSQL load this file as ssl_cert_file and ssl_key_file? Says nothing about dates or
 * trust, for which PostgreSQL does not ask either.
 *
 * Errors: ERR_INPUT
 * Source: PostgreSQL src/backend/libpq/be-secure-openssl.c, be_tls_init()
 */
MUST_USE bool verify_loads(const struct str *file, struct err *e);

#endif
