/* sql_talk.c: libpq, loaded late, never waiting without a deadline. */
#include "reload/sql_talk.h"

#include "base/clock.h"
#include "base/fiber.h"
#include "base/lazy.h"
#include "reload/reload.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <libpq-fe.h>

#define SQLSTATE_SIZE 6

/* clang-format off */
static struct {
    PQconninfoOption *(*parse)(const char *, char **);
    void (*parse_free)(PQconninfoOption *);
    void (*text_free)(void *);
    PGconn *(*connect)(const char *const *, const char *const *, int);
    PostgresPollingStatusType (*poll)(PGconn *);
    ConnStatusType (*status)(const PGconn *);
    int (*socket)(const PGconn *);
    char *(*error)(const PGconn *);
    PGVerbosity (*verbosity)(PGconn *, PGVerbosity);
    int (*send)(PGconn *, const char *);
    int (*consume)(PGconn *);
    int (*busy)(PGconn *);
    PGresult *(*result)(PGconn *);
    ExecStatusType (*result_status)(const PGresult *);
    char *(*result_field)(const PGresult *, int);
    int (*rows)(const PGresult *);
    int (*columns)(const PGresult *);
    char *(*value)(const PGresult *, int, int);
    void (*clear)(PGresult *);
    void (*finish)(PGconn *);
    int (*version)(void);
} pq;

static const struct lazy_symbol symbols[] = {
    {"PQconninfoParse",       &pq.parse},
    {"PQconninfoFree",        &pq.parse_free},
    {"PQfreemem",             &pq.text_free},
    {"PQconnectStartParams",  &pq.connect},
    {"PQconnectPoll",         &pq.poll},
    {"PQstatus",              &pq.status},
    {"PQsocket",              &pq.socket},
    {"PQerrorMessage",        &pq.error},
    {"PQsetErrorVerbosity",   &pq.verbosity},
    {"PQsendQuery",           &pq.send},
    {"PQconsumeInput",        &pq.consume},
    {"PQisBusy",              &pq.busy},
    {"PQgetResult",           &pq.result},
    {"PQresultStatus",        &pq.result_status},
    {"PQresultErrorField",    &pq.result_field},
    {"PQntuples",             &pq.rows},
    {"PQnfields",             &pq.columns},
    {"PQgetvalue",            &pq.value},
    {"PQclear",               &pq.clear},
    {"PQfinish",              &pq.finish},
    {"PQlibVersion",          &pq.version},
    {NULL,                    NULL},
};

static void *library;

/* What a SQLSTATE (PostgreSQL documentation, appendix A) means for us; the longest row first. */
static const struct {
    const char *state;
    enum err_code code;
} meanings[] = {
    {"42501", ERR_PERMISSION}, /* insufficient_privilege */
    {"28000", ERR_PERMISSION}, /* invalid_authorization_specification */
    {"28P01", ERR_PERMISSION}, /* invalid_password */
    {"3D000", ERR_CONFIG},     /* no such database */
    {"08P01", ERR_PROTOCOL},   /* protocol violation, and whatever PgBouncer refuses */
    {"08",    ERR_NETWORK},    /* connection exceptions */
    {"53",    ERR_NETWORK},    /* too many connections, disk full */
    {"57",    ERR_NETWORK},    /* starting up, shutting down */
};
/* clang-format on */

static void
result_drop(PGresult **result)
{
    if (*result != NULL)
        pq.clear(*result);
}

#define own_result __attribute__((cleanup(result_drop)))

/* ---- errors ---- */

/* libpq's messages are many lines, "FATAL:  28000: role ...\nLOCATION: ...\n". */
static void
first_line(char *to, size_t size, const char *text)
{
    size_t length = strcspn(text, "\n");

    (void)snprintf(to, size, "%.*s", (int)length, text);
}

/* The five characters in ": FATAL:  28000: "; "" when the server gave none. Each of them has a
 * digit, which no severity has. */
static void
find_state(char state[static SQLSTATE_SIZE], const char *line)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    state[0] = '\0';
    for (const char *c = strchr(line, ':'); c != NULL; c = strchr(c + 1, ':')) {
        const char *start = c + 1 + strspn(c + 1, " ");

        if (start > c + 1 && strspn(start, letters) == SQLSTATE_SIZE - 1 && start[5] == ':' &&
            strcspn(start, "0123456789") < SQLSTATE_SIZE - 1) {
            memcpy(state, start, SQLSTATE_SIZE - 1);
            state[SQLSTATE_SIZE - 1] = '\0';
            return;
        }
    }
}

static enum err_code
code_of(const char *state, enum err_code otherwise)
{
    for (size_t i = 0; i < COUNT(meanings); i++)
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
            return meanings[i].code;
    return otherwise;
}

static bool
connection_failed(const struct sql_talk *t, enum err_code otherwise, struct err *e)
{
    char line[512], state[SQLSTATE_SIZE];

    first_line(line, sizeof(line), pq.error(t->connection));
    find_state(state, line);
    return err_set(e, code_of(state, otherwise), "%s",
                   line[0] != '\0' ? line : "the connection to the server is lost");
}

static bool
statement_failed(const struct sql_talk *t, const PGresult *result, struct err *e)
{
    const char *state = pq.result_field(result, PG_DIAG_SQLSTATE);
    const char *message = pq.result_field(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = pq.result_field(result, PG_DIAG_MESSAGE_HINT);

    if (state == NULL || message == NULL)
        return connection_failed(t, ERR_NETWORK, e);
    return err_set(e, code_of(state, ERR_PROTOCOL), "the server refuses: %s%s%s", message,
                   hint != NULL ? "; " : "", hint != NULL ? hint : "");
}

/* ---- one connection ---- */

static void
hang_up(struct sql_talk *t)
{
    if (t->connection != NULL)
        pq.finish(t->connection);
    t->connection = NULL;
}

static bool
wait_for(const struct sql_talk *t, short event, int64_t deadline_ms, struct err *e)
{
    struct pollfd p = {.fd = pq.socket(t->connection), .events = event};
    int64_t left_ms = deadline_ms - clock_system.steady_ms(&clock_system);

    if (left_ms <= 0 || fiber_poll(&p, 1, (int)left_ms) == 0)
        return err_set(e, ERR_TIMEOUT, "the server does not answer in time");
    return true;
}

/* A server on another machine would tell of directories which are not the ones here. */
static bool
peer_is_local(struct sql_talk *t)
{
    struct sockaddr_storage peer = {0}, here = {0};
    socklen_t peer_size = sizeof(peer), here_size = sizeof(here);
    int fd = pq.socket(t->connection);

    if (getpeername(fd, (struct sockaddr *)&peer, &peer_size) < 0 ||
        getsockname(fd, (struct sockaddr *)&here, &here_size) < 0)
        return false;
    if (peer.ss_family == AF_INET) {
        struct sockaddr_in a, b;

        memcpy(&a, &peer, sizeof(a));
        memcpy(&b, &here, sizeof(b));
        return a.sin_addr.s_addr == b.sin_addr.s_addr;
    }
    if (peer.ss_family == AF_INET6) {
        struct sockaddr_in6 a, b;

        memcpy(&a, &peer, sizeof(a));
        memcpy(&b, &here, sizeof(b));
        return memcmp(&a.sin6_addr, &b.sin6_addr, sizeof(a.sin6_addr)) == 0;
    }
    t->by_socket = peer.ss_family == AF_UNIX;
    return t->by_socket;
}

static bool
conninfo_is_good(const char *conninfo, struct err *e)
{
    char *why = NULL;
    PQconninfoOption *options = pq.parse(conninfo, &why);
    char line[512];

    if (options != NULL) {
        pq.parse_free(options);
        return true;
    }
    first_line(line, sizeof(line), why != NULL ? why : "out of memory");
    pq.text_free(why);
    return err_set(e, ERR_CONFIG, "connection: %s", line);
}

static bool
begin(struct sql_talk *t, struct err *e)
{
    const char *keywords[] = {"dbname", "application_name", NULL, NULL};
    const char *values[] = {t->conninfo, "pgcert", NULL, NULL};

    if (!lazy_load(&library, "libpq.so.5", symbols, e) || !conninfo_is_good(t->conninfo, e))
        return false;
    if (t->peer != NULL) {
        keywords[2] = "requirepeer";
        values[2] = t->peer;
    }
    t->connection = pq.connect(keywords, values, 1);
    if (t->connection == NULL)
        return err_memory(e);
    (void)pq.verbosity(t->connection, PQERRORS_VERBOSE); /* the SQLSTATE stands nowhere else */
    return pq.status(t->connection) != CONNECTION_BAD || connection_failed(t, ERR_NETWORK, e);
}

static bool
connect_to(struct sql_talk *t, struct err *e)
{
    int64_t deadline_ms = clock_system.steady_ms(&clock_system) + SQL_TALK_CONNECT_MS;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    if (!begin(t, e))
        return false;
    while (state != PGRES_POLLING_OK) {
        if (!wait_for(t, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms, e))
            return false;
        state = pq.poll(t->connection);
        if (state == PGRES_POLLING_FAILED)
            return connection_failed(t, ERR_NETWORK, e);
    }
    t->by_socket = false;
    t->local = peer_is_local(t);
    return true;
}

/* Fields end with NUL, as no text of PostgreSQL's can hold one. */
static bool
add_values(const PGresult *result, struct str *answer)
{
    int columns = pq.columns(result);

    answer->text[1] = (char)(columns <= SQL_TALK_COLUMNS_MAX ? columns : 0);
    for (int row = 0; row < pq.rows(result); row++)
        for (int column = 0; column < columns; column++) {
            const char *value = pq.value(result, row, column);

            if (!str_add(answer, value, strlen(value) + 1))
                return false;
        }
    return true;
}

/* All results, to the last, so that the next statement finds a free connection. */
static bool
take_results(struct sql_talk *t, struct str *answer, struct err *e)
{
    int64_t deadline_ms = clock_system.steady_ms(&clock_system) + SQL_TALK_STATEMENT_MS;
    bool done = true;

    for (;;) {
        own_result PGresult *result = NULL;
        ExecStatusType status = PGRES_EMPTY_QUERY;

        while (pq.busy(t->connection) != 0) {
            if (!wait_for(t, POLLIN, deadline_ms, e))
                return false;
            if (pq.consume(t->connection) != 1)
                return connection_failed(t, ERR_NETWORK, e);
        }
        result = pq.result(t->connection);
        if (result == NULL)
            return done;
        status = pq.result_status(result);
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
            done = statement_failed(t, result, e);
        else if (!add_values(result, answer))
            return err_memory(e);
    }
}

bool
sql_talk_answer(void *argument, const struct str *question, struct str *answer, struct err *e)
{
    struct sql_talk *t = argument;
    bool done = true;

    if (question->size == 0) {
        hang_up(t);
        return true;
    }
    if (t->connection == NULL)
        done = connect_to(t, e);
    if (done && !str_add(answer, t->by_socket ? "S\0" : t->local ? "L\0" : "R\0", SQL_TALK_MARKS))
        return err_memory(e);
    if (done && pq.send(t->connection, question->text) != 1)
        done = connection_failed(t, ERR_NETWORK, e);
    done = done && take_results(t, answer, e);
    /* after a refusal the connection is as good as new, after anything else it is not */
    if (!done && t->connection != NULL &&
        (pq.status(t->connection) != CONNECTION_OK || e->code == ERR_TIMEOUT ||
         pq.busy(t->connection) != 0))
        hang_up(t);
    return done;
}

void
sql_talk_prepare(void *argument)
{
    struct sql_talk *t = argument;
    struct err ignored = {0};

    if (!connect_to(t, &ignored))
        hang_up(t);
}

const char *
reload_library(void)
{
    static char text[16];
    struct err ignored = {0};
    int version = 0;

    if (!lazy_load(&library, "libpq.so.5", symbols, &ignored))
        return NULL;
    version = pq.version(); /* 150016: see PQserverVersion() */
    (void)snprintf(text, sizeof(text), "%d.%d", version / 10000, version % 10000);
    return text;
}
