/* connect.h: how a client is told to connect, in the words of each kind of client. */
#ifndef PGCERT_CA_CONNECT_H
#define PGCERT_CA_CONNECT_H

#include "ca/ca.h"

/* A section for libpq's pg_service.conf. False: out of memory.
 * Source: PostgreSQL's manual, "The Connection Service File" */
MUST_USE bool connect_service(const struct ca_bundle *b, struct str *text);

/* Lines for a shell: export PGHOST='...'. False: out of memory. */
MUST_USE bool connect_environment(const struct ca_bundle *b, struct str *text);

/* The URI of libpq and the URL of JDBC, a line each. False: out of memory.
 * Source: PostgreSQL's manual, "Connection URIs"; pgJDBC's, "Connecting to the Database" */
MUST_USE bool connect_urls(const struct ca_bundle *b, struct str *text);

/* What to do with all that, for the person who gets it. False: out of memory. */
MUST_USE bool connect_readme(const struct ca_bundle *b, int64_t not_after_s, struct str *text);

#endif
