/* sql_user.h: which user is to talk to a server, found by its socket. */
#ifndef PGCERT_RELOAD_SQL_USER_H
#define PGCERT_RELOAD_SQL_USER_H

#include "base/err.h"

#include <sys/types.h>

/* Who is who. */
struct sql_user {
    uid_t server; /* (uid_t)-1: not known */
    uid_t client; /* who is to connect */
};

/*
 * Finds both.
 *
 * Errors: ERR_CONFIG   no such user, or not known which; ERR_NETWORK  there is no socket;
 *         ERR_PERMISSION  anybody could have made that socket
 */
MUST_USE bool sql_user_find(struct sql_user *u, const char *conninfo, const char *run_as,
                            struct err *e);

#endif
