/* sql.h: a connection to PostgreSQL. The only door to libpq, which is loaded in the process that
 * talks to the server: ourselves, or, as root, a child that became the server's user (peer
 * authentication, and nothing of root's for a server to attack). */
#ifndef PGCERT_RELOAD_SQL_H
#define PGCERT_RELOAD_SQL_H

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

struct sql;

#define own_sql __attribute__((cleanup(sql_close)))

/*
 * Prepares a connection; the first query makes it.
 *
 * Takes:  conninfo  as libpq has it
 *         run_as    name of the user who connects, when we are root; NULL: the owner of the
 *                   server's socket
 * Errors: ERR_NETWORK  there is no socket, so no server; ERR_CONFIG  no such user, or it is not
 *         known which; ERR_PERMISSION, ERR_SYSTEM
 */
MUST_USE struct sql *sql_open(const char *conninfo, const char *run_as, struct err *e);

/*
 * Runs one statement.
 *
 * Gives:  values  the fields are added, row after row; NULL is ""
 * Errors: ERR_NETWORK     no connection, or the server is starting or stopping
 *         ERR_TIMEOUT
 *         ERR_PERMISSION  it does not let us in, or does not permit the statement
 *         ERR_CONFIG      the conninfo is wrong, or the database or role does not exist
 *         ERR_PROTOCOL    the server refuses the statement for another reason
 */
MUST_USE bool sql_query(struct sql *s, const char *statement, struct list *values, struct err *e);

/* Appends a value as a literal of a statement ('it''s'); ERR_CONFIG for control characters. */
MUST_USE bool sql_literal(struct str *statement, const char *value, struct err *e);

/* A value as a number, with what follows it left out; 0 when it is none. */
int sql_number(const char *value);

/* The user the server runs as, by its socket or run_as; (uid_t)-1: not known. */
uid_t sql_server_user(const struct sql *s);

/* The user who connects. */
uid_t sql_client_user(const struct sql *s);

/* After a query: how many fields has a row? 0: none, or more than a hundred. */
size_t sql_columns(const struct sql *s);

/* After a query: is the server on this machine? */
bool sql_is_local(const struct sql *s);

/* After a query: was it answered by a Unix socket, whose owner is known? */
bool sql_is_by_socket(const struct sql *s);

void sql_close(struct sql **s);

/* The value of a keyword in `host=/run port=5432`, or NULL; free() it. Knows no URI. */
MUST_USE char *sql_keyword(const char *conninfo, const char *keyword);

/* Does it lead to a server over the network, or is that not to be known? */
bool sql_needs_network(const char *conninfo);

/* Is it something, and has it no password in it? ERR_CONFIG. */
MUST_USE bool sql_conninfo_is_safe(const char *conninfo, struct err *e);

#endif
