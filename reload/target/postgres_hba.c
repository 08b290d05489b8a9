/* postgres_hba.c: what the server says of pg_hba.conf and pg_ident.conf. */
#include "reload/target/postgres.h"

#include "reload/place.h"

#include <stdlib.h>
#include <string.h>

#define VERSION_DN 140000    /* clientname=DN */
#define VERSION_IDENT 150000 /* pg_ident_file_mappings */
#define VERSION_FILES 160000 /* a column file_name, for files include others */

/* clang-format off */
static const struct {
    const char *setting;
    const char *view;
    int version_least;
} files[HBA_FILES] = {
    [HBA_RULES] = {"hba_file",   "pg_hba_file_rules",      0},
    [HBA_IDENT] = {"ident_file", "pg_ident_file_mappings", VERSION_IDENT},
};
/* clang-format on */

/* Of six values. pg_settings hides what a role may not see, where current_setting() would fail. */
static const char look_statement[] =
    "SELECT current_setting('server_version_num'), "
    "coalesce((SELECT setting FROM pg_catalog.pg_settings WHERE name = 'hba_file'), ''), "
    "coalesce((SELECT setting FROM pg_catalog.pg_settings WHERE name = 'ident_file'), ''), "
    "current_setting('ssl_ca_file'), pg_catalog.quote_ident(current_user), "
    "pg_catalog.has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE')";

enum looked { AT_VERSION, AT_RULES, AT_IDENT, AT_CA_FILE, AT_ROLE, AT_MAY_RELOAD, LOOKED };

static bool
check_look(const struct postgres_session *s, const struct list *found, struct err *e)
{
    const char *role = found->items[AT_ROLE];

    if (!sql_is_local(s->sql))
        return err_set(e, ERR_CONFIG,
                       "the connection leads to another machine, where pg_hba.conf is; run pgcert "
                       "there");
    if (found->items[AT_RULES][0] != '/' || found->items[AT_IDENT][0] != '/')
        return err_set(e, ERR_PERMISSION,
                       "role %s may not see hba_file and ident_file; connect as a superuser for "
                       "setup",
                       role);
    for (int i = AT_RULES; i <= AT_IDENT; i++)
        if (!place_believe(found->items[i], sql_server_user(s->sql), e))
            return false;
    return strcmp(found->items[AT_MAY_RELOAD], "t") == 0 ||
           err_set(e, ERR_PERMISSION,
                   "role %s may not reload the server; try: GRANT EXECUTE ON FUNCTION "
                   "pg_reload_conf() TO %s",
                   role, role);
}

static int
version(const struct postgres_session *s)
{
    return s->settings[PG_VERSION] == NULL ? 0 : sql_number(s->settings[PG_VERSION]);
}

static bool
look(void *session, struct hba_view *view, struct err *e)
{
    struct postgres_session *s = session;
    own_list struct list found = {0};

    if (!sql_query(s->sql, look_statement, &found, e))
        return false;
    if (found.count != LOOKED)
        return err_set(e, ERR_INTERNAL, "%zu values for %d", found.count, LOOKED);
    if (!check_look(s, &found, e))
        return false;
    free(s->settings[PG_VERSION]);
    s->settings[PG_VERSION] = strdup(found.items[AT_VERSION]);
    view->files[HBA_RULES] = strdup(found.items[AT_RULES]);
    view->files[HBA_IDENT] = strdup(found.items[AT_IDENT]);
    if (s->settings[PG_VERSION] == NULL || view->files[HBA_RULES] == NULL ||
        view->files[HBA_IDENT] == NULL)
        return err_memory(e);
    view->by_dn = version(s) >= VERSION_DN;
    if (found.items[AT_CA_FILE][0] == '\0')
        (void)err_set(
            &view->may_not, ERR_CONFIG,
            "the server's ssl_ca_file is not set, so it can check no client's certificate; "
            "set it to a file with what this prints: pgcert ca export clients");
    return true;
}

/* " AND file_name = '/...'": lines of included files have numbers of their own. */
static bool
add_file(const struct postgres_session *s, const char *path, struct str *statement, struct err *e)
{
    if (version(s) < VERSION_FILES)
        return true;
    return (str_addf(statement, " AND file_name = ") || err_memory(e)) &&
           sql_literal(statement, path, e);
}

static bool
first_error(struct postgres_session *s, const struct hba_view *view, enum hba_file which,
            struct err *e)
{
    own_list struct list rows = {0};
    own_mem char *statement = str_format(
        "SELECT %s, coalesce(line_number, 0), error FROM pg_catalog.%s "
        "WHERE error IS NOT NULL ORDER BY 2 LIMIT 1",
        version(s) < VERSION_FILES ? "''" : "coalesce(file_name, '')", files[which].view);

    if (statement == NULL)
        return err_memory(e);
    if (!sql_query(s->sql, statement, &rows, e))
        return err_wrap(e, "read %s", files[which].view);
    return rows.count < 3 || err_set(e, ERR_CONFIG, "%s:%s: %s",
                                     rows.items[0][0] != '\0' ? rows.items[0] : view->files[which],
                                     rows.items[1], rows.items[2]);
}

static bool
judge(void *session, const struct hba_view *view, enum hba_file which, int last, int *rules,
      struct err *e)
{
    struct postgres_session *s = session;
    own_list struct list rows = {0};
    own_str struct str statement = {0};

    *rules = -1;
    if (version(s) < files[which].version_least)
        return true;
    if (!first_error(s, view, which, e))
        return false;
    if (!str_addf(&statement, "SELECT count(*) FROM pg_catalog.%s WHERE line_number <= %d",
                  files[which].view, last))
        return err_memory(e);
    if (!add_file(s, view->files[which], &statement, e) ||
        !sql_query(s->sql, statement.text, &rows, e))
        return false;
    *rules = rows.count == 1 ? sql_number(rows.items[0]) : 0;
    return true;
}

/* A time as microseconds. */
static bool
ask_time(void *session, const char *function, int64_t *at_us, struct err *e)
{
    struct postgres_session *s = session;
    own_list struct list rows = {0};
    own_mem char *statement = str_format(
        "SELECT (extract(epoch FROM pg_catalog.%s()) * 1000000)::pg_catalog.int8", function);

    if (statement == NULL)
        return err_memory(e);
    if (!sql_query(s->sql, statement, &rows, e))
        return false;
    *at_us = rows.count == 1 ? strtoll(rows.items[0], NULL, 10) : 0;
    return true;
}

static bool
now(void *session, int64_t *now_us, struct err *e)
{
    return ask_time(session, "clock_timestamp", now_us, e);
}

static bool
loaded(void *session, int64_t *at_us, struct err *e)
{
    return ask_time(session, "pg_conf_load_time", at_us, e);
}

const struct target_hba postgres_hba = {
    .look = look,
    .judge = judge,
    .now = now,
    .loaded = loaded,
};
