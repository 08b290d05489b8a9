/* postgres_setup.c: write the settings that make the server use pgcert's file. */
#include "reload/target/postgres.h"

#include "reload/install.h"
#include "reload/place.h"
#include "reload/way.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define CONF_NAME "pgcert.conf"
#define ALTER_SYSTEM "ALTER SYSTEM"
#define AUTO_CONF "/postgresql.auto.conf"

/* One that is to be written. */
struct name {
    const char *word;
    bool is_clients; /* only with mutual_tls; its value is the file for clients */
};

/* In this order: once ssl is on, the others hold. */
static const struct name names[] = {
    {"ssl_cert_file", false}, {"ssl_key_file", false}, {"ssl_ca_file", true},
    {"ssl_crl_file", true},   {"ssl", false},
};

static bool
is_ours(const struct postgres_session *s, const struct name *name)
{
    if (name->is_clients)
        return s->clients_file != NULL;
    return s->cert_file == NULL || strcmp(name->word, "ssl") == 0; /* a pair stays where it is */
}

/* Asks `before ('ssl_cert_file', ...) after` with the names that are ours. */
static bool
ask_of_names(struct postgres_session *s, const char *before, const char *after, struct list *rows,
             struct err *e)
{
    own_str struct str statement = {0};
    bool good = str_addf(&statement, "%s ('ssl'", before);

    for (size_t i = 0; good && i < COUNT(names); i++)
        if (is_ours(s, &names[i]) && strcmp(names[i].word, "ssl") != 0)
            good = str_addf(&statement, ",'%s'", names[i].word);
    if (!good || !str_addf(&statement, ") %s", after))
        return err_memory(e);
    return sql_query(s->sql, statement.text, rows, e);
}

/* Where conf.d stands. */
struct include {
    char *directory; /* NULL: postgresql.conf includes none */
    int line;        /* of postgresql.conf */
};

static void
include_done(struct include *i)
{
    free(i->directory);
}

#define own_include __attribute__((cleanup(include_done)))

/* A file, as the settings name it best. */
static const char *
file_value(const struct postgres_session *s, const char *file)
{
    size_t size = strlen(s->settings[PG_DATA_DIRECTORY]);

    /* relative to the data directory, which may be moved */
    if (size > 0 && strncmp(file, s->settings[PG_DATA_DIRECTORY], size) == 0 && file[size] == '/' &&
        strchr(file + size + 1, '/') == NULL)
        return file + size + 1;
    return file;
}

/* "ssl_cert_file = 'pgcert.pem'" */
static bool
add_line(const struct postgres_session *s, const struct name *name, struct str *line, struct err *e)
{
    if (!str_addf(line, "%s = ", name->word))
        return err_memory(e);
    if (strcmp(name->word, "ssl") == 0)
        return str_addf(line, "on") || err_memory(e);
    return sql_literal(line, file_value(s, name->is_clients ? s->clients_file : s->file), e);
}

/* ---- postgresql.conf ---- */

/* The value of `include_dir = 'conf.d'` or `include_dir 'conf.d'` in one line; free() it. */
static char *
include_in(const char *line)
{
    static const char word[] = "include_dir";
    const char *at = line + strspn(line, " \t");
    const char *end = NULL;

    if (strncasecmp(at, word, strlen(word)) != 0 || isalnum((unsigned char)at[strlen(word)]))
        return NULL;
    at += strlen(word);
    at += strspn(at, " \t=");
    if (*at != '\'')
        return NULL;
    end = strpbrk(at + 1, "'\n");
    return end == NULL || *end != '\'' ? NULL : strndup(at + 1, (size_t)(end - at - 1));
}

/* Where root does not take the server's word, nothing is written: then ALTER SYSTEM does it. */
static bool
forget_what_others_say(const struct postgres_session *s, struct include *found, struct err *e)
{
    own_mem char *inside = str_format("%s/" CONF_NAME, found->directory);
    struct err ignored = {0};

    if (inside == NULL)
        return err_memory(e);
    if (!place_believe(inside, sql_server_user(s->sql), &ignored))
        free(TAKE(found->directory));
    return true;
}

/* The last one, and the line it stands in. */
static bool
find_include(const struct postgres_session *s, struct include *found, struct err *e)
{
    const char *config = s->settings[PG_CONFIG_FILE];
    own_str struct str text = {0};
    own_mem char *value = NULL;
    bool there = false;
    struct err ignored = {0};
    int number = 1;

    if (!place_believe(config, sql_server_user(s->sql), &ignored))
        return true;
    if (!install_read(config, "", &text, &there, e))
        return false;
    for (const char *at = text.text; at != NULL && *at != '\0'; number++) {
        char *one = include_in(at);

        if (one != NULL) {
            free(value);
            value = one;
            found->line = number;
        }
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    if (value == NULL || value[0] == '\0')
        return true;
    found->directory = value[0] == '/' ? strdup(value)
                                       : str_format("%.*s/%s", (int)(strrchr(config, '/') - config),
                                                    config, value);
    return found->directory != NULL ? forget_what_others_say(s, found, e) : err_memory(e);
}

/* ---- which file wins ---- */

/* Does what stands at file:line come after conf.d/pgcert.conf? Later ones win. */
static bool
comes_later(const struct postgres_session *s, const struct include *i, const char *file, int line)
{
    size_t size = strlen(i->directory);
    size_t mark = strlen(AUTO_CONF);

    if (strlen(file) > mark && strcmp(file + strlen(file) - mark, AUTO_CONF) == 0)
        return true;
    if (strcmp(file, s->settings[PG_CONFIG_FILE]) == 0)
        return line > i->line;
    return strncmp(file, i->directory, size) == 0 && file[size] == '/' &&
           strcmp(file + size + 1, CONF_NAME) > 0;
}

static bool
would_win(struct postgres_session *s, const struct include *i, bool *wins, struct err *e)
{
    static const char statement[] = "SELECT coalesce(sourcefile, ''), coalesce(sourceline, 0) "
                                    "FROM pg_catalog.pg_file_settings WHERE name IN";
    own_list struct list rows = {0};
    own_way struct way way = {0};
    struct err ignored = {0};

    *wins = false;
    if (i->directory == NULL || !way_find(&way, i->directory, &ignored))
        return true;
    if (!ask_of_names(s, statement, "", &rows, e))
        return err_wrap(e, "read pg_file_settings");
    *wins = true;
    for (size_t at = 0; at + 1 < rows.count; at += 2)
        if (comes_later(s, i, rows.items[at], sql_number(rows.items[at + 1])))
            *wins = false;
    return true;
}

/* What the command line says no file can change. */
static bool
can_be_written(struct postgres_session *s, struct err *e)
{
    own_list struct list rows = {0};

    if (s->settings[PG_CONFIG_FILE][0] == '\0')
        return err_set(e, ERR_PERMISSION,
                       "role %s may not see the server's configuration, so it cannot change it; "
                       "connect as a superuser for setup",
                       s->settings[PG_ROLE]);
    if (!ask_of_names(s,
                      "SELECT name FROM pg_catalog.pg_settings WHERE source = 'command line' AND "
                      "name IN",
                      "", &rows, e))
        return false;
    return rows.count == 0 ||
           err_set(
               e, ERR_CONFIG,
               "'%s' is set on the command line of the server, which no file can change; take it "
               "away where the server is started",
               rows.items[0]);
}

/* ---- Patroni ---- */

/* Patroni writes postgresql.conf anew whenever it likes, with this in it; what ALTER SYSTEM writes,
 * it does not know of, nor do its other nodes. */
static bool
is_patronis(const struct postgres_session *s, bool *is, struct err *e)
{
    own_mem char *kept = str_format("%s/patroni.dynamic.json", s->settings[PG_DATA_DIRECTORY]);
    own_str struct str text = {0};
    own_str struct str ignored = {0};
    struct err elsewhere = {0};
    bool there = false;

    *is = false;
    if (kept == NULL)
        return err_memory(e);
    if (s->settings[PG_CONFIG_FILE][0] == '\0')
        return true; /* who may not see that cannot write either */
    if (!place_believe(s->settings[PG_CONFIG_FILE], sql_server_user(s->sql), &elsewhere) ||
        !place_believe(kept, sql_server_user(s->sql), &elsewhere))
        return true; /* Patroni's are the server's user's own */
    if (!install_read(s->settings[PG_CONFIG_FILE], "", &text, &there, e))
        return false;
    *is = there && text.size > 0 && strstr(text.text, "overwritten by Patroni") != NULL;
    return *is || install_read(kept, "", &ignored, is, e);
}

static bool
tell_patroni(const struct postgres_session *s, struct setup_plan *plan, struct err *e)
{
    own_str struct str options = {0};

    for (size_t i = 0; i < COUNT(names); i++) {
        const char *file = names[i].is_clients ? s->clients_file : s->file;

        if (is_ours(s, &names[i]) &&
            !str_addf(&options, " --pg %s=%s", names[i].word,
                      strcmp(names[i].word, "ssl") == 0 ? "on" : file_value(s, file)))
            return err_memory(e);
    }
    plan->by_hand = str_format(
        "Patroni keeps the settings of this cluster, and would overwrite what is written here; "
        "tell "
        "it, and then run this again: patronictl -c FILE edit-config%s (in its settings: under "
        "postgresql: parameters:)",
        options.text);
    return plan->by_hand != NULL || err_memory(e);
}

bool
postgres_plan(void *session, struct setup_plan *plan, struct err *e)
{
    struct postgres_session *s = session;
    own_include struct include include = {0};
    bool wins = false;
    bool is_patroni = false;

    if (s->uses_file && (s->clients_file == NULL || s->uses_clients_file))
        return true;
    if (!is_patronis(s, &is_patroni, e))
        return false;
    if (is_patroni)
        return tell_patroni(s, plan, e);
    if (!can_be_written(s, e) || !find_include(s, &include, e) || !would_win(s, &include, &wins, e))
        return false;
    for (size_t i = 0; i < COUNT(names); i++) {
        own_str struct str line = {0};

        if (!is_ours(s, &names[i]))
            continue;
        if (!add_line(s, &names[i], &line, e))
            return false;
        if (!list_add(&plan->lines, line.text))
            return err_memory(e);
    }
    plan->where = wins ? str_format("%s/" CONF_NAME, include.directory) : strdup(ALTER_SYSTEM);
    return plan->where != NULL || err_memory(e);
}

/* ---- writing ---- */

/* The server reads its files for this view, without applying anything. */
static bool
files_are_good(struct postgres_session *s, struct err *e)
{
    own_list struct list rows = {0};

    if (!ask_of_names(s,
                      "SELECT coalesce(sourcefile, ''), coalesce(sourceline, 0), error "
                      "FROM pg_catalog.pg_file_settings WHERE error IS NOT NULL AND "
                      "(name IS NULL OR name IN",
                      ") ORDER BY seqno LIMIT 1", &rows, e))
        return false;
    return rows.count < 3 ||
           err_set(e, ERR_CONFIG, "%s:%s: %s; correct it, or the server will not reload",
                   rows.items[0], rows.items[1], rows.items[2]);
}

/* Do all of them come from the file? */
static bool
file_wins(struct postgres_session *s, const char *path, bool *wins, struct err *e)
{
    own_list struct list rows = {0};
    size_t ours = 0;

    if (!ask_of_names(s,
                      "SELECT sourcefile FROM pg_catalog.pg_file_settings WHERE applied AND name "
                      "IN",
                      "", &rows, e))
        return false;
    for (size_t i = 0; i < COUNT(names); i++)
        ours += is_ours(s, &names[i]);
    *wins = rows.count == ours;
    for (size_t i = 0; i < rows.count; i++)
        *wins = *wins && strcmp(rows.items[i], path) == 0;
    return true;
}

static bool
write_file(struct postgres_session *s, const struct setup_plan *plan, struct err *e)
{
    struct install install = {.path = plan->where, .reader = (uid_t)-1, .group = (gid_t)-1};
    own_str struct str text = {0};
    own_str struct str before = {0};
    bool there = false;

    if (!install_read(plan->where, "", &before, &there, e))
        return false;
    if (!str_addf(&text, "# written by pgcert setup\n"))
        return err_memory(e);
    for (size_t i = 0; i < plan->lines.count; i++)
        if (!str_addf(&text, "%s\n", plan->lines.items[i]))
            return err_memory(e);
    s->written = strdup(plan->where);
    if (there)
        s->replaced = before.size > 0 ? strdup(before.text) : strdup("");
    if (s->written == NULL || (there && s->replaced == NULL))
        return err_memory(e);
    return install_write(&install, &text, false, e);
}

static bool
undo_file(struct postgres_session *s, struct err *e)
{
    struct install install = {.path = s->written, .reader = (uid_t)-1, .group = (gid_t)-1};
    own_str struct str before = {0};
    bool done = false;

    if (s->written == NULL)
        return true;
    if (s->replaced != NULL && !str_add(&before, s->replaced, strlen(s->replaced)))
        return err_memory(e);
    done = s->replaced != NULL ? install_write(&install, &before, false, e)
                               : install_remove(&install, e);
    if (!done)
        return false;
    free(TAKE(s->written));
    free(TAKE(s->replaced));
    return true;
}

/* The statement that makes postgresql.auto.conf say again what it says now. */
static bool
remember(struct postgres_session *s, const char *name, struct err *e)
{
    own_str struct str query = {0};
    own_str struct str statement = {0};
    own_list struct list rows = {0};

    if (!str_addf(&query,
                  "SELECT setting FROM pg_catalog.pg_file_settings WHERE name = '%s' AND "
                  "sourcefile LIKE '%%" AUTO_CONF "' ORDER BY seqno DESC LIMIT 1",
                  name))
        return err_memory(e);
    if (!sql_query(s->sql, query.text, &rows, e))
        return false;
    if (rows.count == 0 && !str_addf(&statement, "ALTER SYSTEM RESET %s", name))
        return err_memory(e);
    if (rows.count > 0 && !str_addf(&statement, "ALTER SYSTEM SET %s = ", name))
        return err_memory(e);
    if (rows.count > 0 && !sql_literal(&statement, rows.items[0], e))
        return false;
    return (list_add(&s->restoring, statement.text) && list_add(&s->altered, name)) ||
           err_memory(e);
}

/* Each statement by itself: ALTER SYSTEM runs in no transaction. */
static bool
alter(struct postgres_session *s, struct err *e)
{
    for (size_t i = 0; i < COUNT(names); i++) {
        own_str struct str statement = {0};
        own_list struct list rows = {0};

        if (!is_ours(s, &names[i]))
            continue;
        if (!str_addf(&statement, "ALTER SYSTEM SET "))
            return err_memory(e);
        if (!add_line(s, &names[i], &statement, e) || !remember(s, names[i].word, e) ||
            !sql_query(s->sql, statement.text, &rows, e))
            return err_wrap(e, "ALTER SYSTEM SET %s", names[i].word);
    }
    return true;
}

static bool
undo_alter(struct postgres_session *s, struct err *e)
{
    /* backwards, so that ssl is off before its files are gone */
    for (size_t i = s->restoring.count; i > 0; i--) {
        own_list struct list rows = {0};

        if (!sql_query(s->sql, s->restoring.items[i - 1], &rows, e))
            return err_wrap(e, "%s", s->restoring.items[i - 1]);
    }
    list_done(&s->restoring);
    list_done(&s->altered);
    return true;
}

bool
postgres_write(void *session, struct setup_plan *plan, struct err *e)
{
    struct postgres_session *s = session;
    bool wins = false;

    if (strcmp(plan->where, ALTER_SYSTEM) == 0)
        return alter(s, e) && files_are_good(s, e);
    if (!write_file(s, plan, e) || !files_are_good(s, e) || !file_wins(s, plan->where, &wins, e))
        return false;
    if (wins)
        return true;
    free(plan->where);
    plan->where = strdup(ALTER_SYSTEM);
    return plan->where != NULL ? undo_file(s, e) : err_memory(e);
}

bool
postgres_undo(void *session, struct err *e)
{
    struct postgres_session *s = session;

    return undo_alter(s, e) && undo_file(s, e);
}
