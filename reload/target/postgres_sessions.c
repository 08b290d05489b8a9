/* postgres_sessions.c: who is connected to PostgreSQL with a certificate. */
#include "reload/target/postgres.h"

#include "reload/sessions.h"

#define FIELDS 6

/* Without pg_read_all_stats a role sees its own sessions alone, which is as good as nothing. */
static const char may_see[] =
    "SELECT pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')";

static const char who[] =
    "SELECT s.pid, coalesce(a.usename, ''), coalesce(a.datname, ''), "
    "coalesce(pg_catalog.host(a.client_addr), 'the socket'), s.client_serial, s.issuer_dn "
    "FROM pg_catalog.pg_stat_ssl s JOIN pg_catalog.pg_stat_activity a USING (pid) "
    "WHERE s.client_serial IS NOT NULL AND s.issuer_dn IS NOT NULL ORDER BY s.pid";

static bool
check_rights(struct postgres_session *s, struct err *e)
{
    own_list struct list answer = {0};

    if (!sql_query(s->sql, may_see, &answer, e))
        return err_wrap(e, "may we see who is connected");
    return (answer.count == 1 && strcmp(answer.items[0], "t") == 0) ||
           err_set(e, ERR_PERMISSION,
                   "our role may not see who is connected with which certificate; for mutual_tls, "
                   "as a superuser: GRANT pg_read_all_stats, pg_signal_backend TO it");
}

bool
postgres_sessions(void *session, struct client_sessions *out, struct err *e)
{
    struct postgres_session *s = session;
    own_list struct list rows = {0};

    if (!check_rights(s, e))
        return false;
    if (!sql_query(s->sql, who, &rows, e))
        return err_wrap(e, "look who is connected with a certificate");
    for (size_t i = 0; i + FIELDS <= rows.count; i += FIELDS) {
        const struct client_session one = {.pid = sql_number(rows.items[i]),
                                           .role = rows.items[i + 1],
                                           .database = rows.items[i + 2],
                                           .address = rows.items[i + 3],
                                           .serial = rows.items[i + 4],
                                           .issuer = rows.items[i + 5]};

        if (!sessions_add(out, &one))
            return err_memory(e);
    }
    return true;
}

/* The serial number is asked for again: a process number may be another session's by now. */
bool
postgres_end_sessions(void *session, const struct client_sessions *which, struct err *e)
{
    struct postgres_session *s = session;

    for (size_t i = 0; i < which->count; i++) {
        own_str struct str statement = {0};
        own_list struct list ignored = {0};

        if (!str_addf(&statement,
                      "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_ssl "
                      "WHERE pid = %d AND client_serial = ",
                      which->items[i].pid))
            return err_memory(e);
        if (!sql_literal(&statement, which->items[i].serial, e) ||
            !sql_query(s->sql, statement.text, &ignored, e))
            return err_wrap(e, "end the session of role %s (process %d)", which->items[i].role,
                            which->items[i].pid);
    }
    return true;
}
