/* sql_talk.h: the talking side of a connection, where libpq is: in ourselves or in a child. */
#ifndef PGCERT_RELOAD_SQL_TALK_H
#define PGCERT_RELOAD_SQL_TALK_H

#include "base/err.h"
#include "base/str.h"

#define SQL_TALK_CONNECT_MS 10000
#define SQL_TALK_STATEMENT_MS 20000
#define SQL_TALK_MARKS 2 /* bytes before the fields */
#define SQL_TALK_COLUMNS_MAX 127

struct pg_conn;

struct sql_talk {
    const char *conninfo;
    const char *peer;           /* the user whom the server must be; NULL: anybody */
    struct pg_conn *connection; /* NULL at first */
    bool local;                 /* the server is on this machine ... */
    bool by_socket;             /* ... and answers by a Unix socket */
};

/*
 * Answers a question (see child.h): runs one statement, connecting first where that is needed.
 *
 * Takes:  argument  a struct sql_talk
 * Gives:  answer    'S', 'L' or 'R' (by a Unix socket, else local, remote); a byte, how many
 * columns a row has (0: more than SQL_TALK_COLUMNS_MAX, or no rows); the fields, row after row,
 * each with a NUL Errors: as sql_query()
 */
bool sql_talk_answer(void *argument, const struct str *question, struct str *answer, struct err *e);

/* Connects before the first question comes; what fails is tried again, and told, then. */
void sql_talk_prepare(void *argument);

#endif
