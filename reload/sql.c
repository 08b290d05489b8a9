/* sql.c: the asking side of a connection. */
#include "reload/sql.h"

#include "base/child.h"
#include "reload/sql_talk.h"
#include "reload/sql_user.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct sql {
    char *conninfo;
    char *peer;
    struct sql_user user;
    struct sql_talk talk; /* the child's own copy, where there is one */
    struct child *child;
    bool local;
    bool by_socket;
    size_t columns; /* of the last answer */
};

struct sql *
sql_open(const char *conninfo, const char *run_as, struct err *e)
{
    own_sql struct sql *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    s->conninfo = strdup(conninfo);
    s->peer = run_as == NULL ? NULL : strdup(run_as);
    if (s->conninfo == NULL || (run_as != NULL && s->peer == NULL)) {
        (void)err_memory(e);
        return NULL;
    }
    if (!sql_user_find(&s->user, conninfo, run_as, e))
        return NULL;
    s->talk = (struct sql_talk){.conninfo = s->conninfo, .peer = s->peer};
    s->child = child_start_as(s->user.client, sql_talk_answer, sql_talk_prepare, &s->talk, e);
    return s->child == NULL ? NULL : TAKE(s);
}

static bool
split(const struct str *answer, struct list *values)
{
    const char *end = answer->text + answer->size;

    for (const char *at = answer->text + SQL_TALK_MARKS; at < end; at += strlen(at) + 1)
        if (!list_add(values, at))
            return false;
    return true;
}

bool
sql_query(struct sql *s, const char *statement, struct list *values, struct err *e)
{
    own_str struct str question = {0};
    own_str struct str answer = {0};

    if (!str_add(&question, statement, strlen(statement)))
        return err_memory(e);
    if (!child_ask(s->child, &question, SQL_TALK_CONNECT_MS + SQL_TALK_STATEMENT_MS, &answer, e))
        return false;
    if (answer.size < SQL_TALK_MARKS)
        return err_set(e, ERR_INTERNAL, "an answer without marks");
    s->by_socket = answer.text[0] == 'S';
    s->local = s->by_socket || answer.text[0] == 'L';
    s->columns = (size_t)answer.text[1];
    return split(&answer, values) || err_memory(e);
}

bool
sql_literal(struct str *statement, const char *value, struct err *e)
{
    for (const char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == '\\')
            return err_set(e, ERR_CONFIG, "'%s' has a control character or a backslash", value);
    if (!str_add(statement, "'", 1))
        return err_memory(e);
    for (const char *c = value; *c != '\0'; c++)
        if (!str_add(statement, *c == '\'' ? "''" : c, *c == '\'' ? 2 : 1))
            return err_memory(e);
    return str_add(statement, "'", 1) || err_memory(e);
}

int
sql_number(const char *value)
{
    char *end = NULL;
    long number = strtol(value, &end, 10);

    return end != value && number >= 0 && number <= INT_MAX ? (int)number : 0;
}

uid_t
sql_server_user(const struct sql *s)
{
    return s->user.server;
}

size_t
sql_columns(const struct sql *s)
{
    return s->columns;
}

bool
sql_is_local(const struct sql *s)
{
    return s->local;
}

bool
sql_is_by_socket(const struct sql *s)
{
    return s->by_socket;
}

uid_t
sql_client_user(const struct sql *s)
{
    return s->user.client;
}

void
sql_close(struct sql **s)
{
    if (*s == NULL)
        return;
    child_stop(&(*s)->child);
    free((*s)->conninfo);
    free((*s)->peer);
    free(*s);
    *s = NULL;
}
