/* sessions.h: who is connected with which certificate. */
#ifndef PGCERT_RELOAD_SESSIONS_H
#define PGCERT_RELOAD_SESSIONS_H

#include "reload/reload.h"

#define SESSION_NAME_SIZE 64 /* NAMEDATALEN: longer ones are cut off by PostgreSQL */

/*
 * A distinguished name as pg_stat_ssl has it, "/O=Example/CN=client CA", cut off where PostgreSQL
 * cuts it off. False: OpenSSL cannot write it.
 *
 * Source: PostgreSQL src/backend/libpq/be-secure-openssl.c, X509_NAME_to_cstring(); pgstat's
 * PgBackendSSLStatus for the length
 */
MUST_USE bool session_name(const X509_NAME *name, char text[static SESSION_NAME_SIZE]);

/* Adds a copy of each; false: out of memory. */
MUST_USE bool sessions_add(struct client_sessions *all, const struct client_session *one);

#endif
