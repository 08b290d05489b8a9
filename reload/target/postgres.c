/* postgres.c: a PostgreSQL server, asked and told through libpq. */
#include "reload/target/postgres.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SOCKET_STANDARD "/var/run/postgresql"
#define PORT_STANDARD 5432
#define VERSION_LEAST 100000 /* 10: the first whose ssl settings follow a reload */

static const char *const layout_words[] = {"combined", "pair", NULL};

enum layout { LAYOUT_COMBINED, LAYOUT_PAIR };

/* clang-format off */
static const struct option options[] = {
    {"connection",    OPTION_TEXT,      offsetof(struct postgres_config, connection),      "host=/var/run/postgresql port=5432 user=postgres dbname=postgres", "how to connect, as libpq has it", NULL, 0, 0, false},
    {"file",          OPTION_FILE_NAME, offsetof(struct postgres_config, file),            NULL, "the file for key and chain; default: pgcert.pem in the data directory", NULL, 0, 0, false},
    {"layout",        OPTION_WORD,      offsetof(struct postgres_config, layout),          "combined", "combined: one file for both settings", layout_words, 0, 0, false},
    {"prove",         OPTION_ENDPOINTS, offsetof(struct postgres_config, prove),           NULL, "where to prove what is served; default: every listen address", NULL, 0, 0, false},
    {"prove_timeout", OPTION_SPAN,      offsetof(struct postgres_config, prove_timeout_s), "10s", "how long a reload may take until it is proved", NULL, 0, 0, false},
    {"mutual_tls",    OPTION_YES_NO,    offsetof(struct postgres_config, mutual_tls),      "no", "keep what it trusts of clients: CAs and CRLs of the private CA, in pgcert-clients.pem beside the file", NULL, 0, 0, false},
    {"run_as",        OPTION_TEXT,      offsetof(struct postgres_config, run_as),          NULL, "the server's user, as whom root connects; default: the owner of its socket", NULL, 0, 0, false},
    {0},
};

static const char *const setting_names[] = {
    [PG_VERSION]          = "server_version_num",
    [PG_SSL]              = "ssl",
    [PG_SSL_CERT_FILE]    = "ssl_cert_file",
    [PG_SSL_KEY_FILE]     = "ssl_key_file",
    [PG_SSL_CA_FILE]      = "ssl_ca_file",
    [PG_SSL_CRL_FILE]     = "ssl_crl_file",
    [PG_DATA_DIRECTORY]   = "data_directory",
    [PG_CONFIG_FILE]      = "config_file",
    [PG_LISTEN_ADDRESSES] = "listen_addresses",
    [PG_PORT]             = "port",
    [PG_ROLE]             = "role is",
    [PG_MAY_RELOAD]       = "may reload",
};
/* clang-format on */

/* pg_settings hides what a role may not see, where current_setting() would fail. */
static const char look_statement[] =
    "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN "
    "('server_version_num','ssl','ssl_cert_file','ssl_key_file','ssl_ca_file','ssl_crl_file',"
    "'data_directory','config_file','listen_addresses','port') "
    "UNION ALL SELECT 'role is', pg_catalog.quote_ident(current_user) "
    "UNION ALL SELECT 'may reload', CASE WHEN pg_catalog.has_function_privilege("
    "'pg_catalog.pg_reload_conf()', 'EXECUTE') THEN 't' ELSE 'f' END";

/* ---- without the server ---- */

/* "postgresql://USER:PASSWORD@HOST" */
static bool
uri_has_password(const char *connection)
{
    const char *user = strstr(connection, "://");
    const char *at = user == NULL ? NULL : strchr(user, '@');

    return at != NULL && memchr(user + 3, ':', (size_t)(at - user) - 3) != NULL;
}

static bool
check(const struct target *t, struct err *e)
{
    const struct postgres_config *c = t->config;
    own_mem char *password = NULL;

    if (c->layout == LAYOUT_PAIR)
        return err_set(e, ERR_CONFIG,
                       "layout = pair is not built yet; use combined: one file that both "
                       "ssl_cert_file and ssl_key_file name");
    if (c->connection == NULL)
        return err_set(e, ERR_CONFIG, "connection is empty");
    password = sql_keyword(c->connection, "password");
    return (password == NULL && !uri_has_password(c->connection)) ||
           err_set(
               e, ERR_CONFIG,
               "connection has a password in it; a secret is never a setting: put it into a file "
               "and name that, passfile=FILE, or use peer authentication");
}

static gid_t
group_of(uid_t user)
{
    const struct passwd *entry = user == (uid_t)-1 ? NULL : getpwuid(user);

    return entry == NULL ? (gid_t)-1 : entry->pw_gid;
}

/* Anybody can make a socket there, and a lock file that names whatever data directory he likes. */
static bool
is_anybodys(const char *directory)
{
    struct stat s = {0};

    return directory != NULL && (stat(directory, &s) < 0 || (s.st_mode & S_IWOTH) != 0);
}

/* The data directory of a cluster of this machine that has the connection's socket and port. A key
 * will be written there, perhaps by root, so only what an administrator has set up counts. */
static char *
guess_directory(const struct postgres_config *c)
{
    own_mem char *host = sql_keyword(c->connection, "host");
    own_mem char *port = sql_keyword(c->connection, "port");
    const char *at = host != NULL ? host : SOCKET_STANDARD;
    int number = port != NULL ? sql_number(port) : PORT_STANDARD;
    struct clusters clusters = {0};
    struct err ignored = {0};
    char *directory = NULL;

    if (!reload_find_clusters(&clusters, &ignored))
        return NULL;
    for (size_t i = 0; directory == NULL && i < clusters.count; i++) {
        const struct cluster *one = &clusters.items[i];

        if (one->port == number && one->directory != NULL && !is_anybodys(one->socket) &&
            (one->socket == NULL || strcmp(one->socket, at) == 0))
            directory = strdup(one->directory);
    }
    clusters_done(&clusters);
    return directory;
}

static void
guess(const struct target *t, struct target_view *view)
{
    const struct postgres_config *c = t->config;
    const struct passwd *entry = c->run_as == NULL ? NULL : getpwnam(c->run_as);
    own_mem char *directory = NULL;
    struct stat s = {0};

    if (entry != NULL) {
        view->user = entry->pw_uid;
        view->group = entry->pw_gid;
    }
    if (c->file != NULL && c->file[0] == '/') {
        view->file = strdup(c->file);
        return;
    }
    directory = guess_directory(c);
    if (directory == NULL)
        return;
    view->file = str_format("%s/%s", directory, c->file != NULL ? c->file : POSTGRES_FILE);
    /* a guess is good enough to replace such a file, and not to make the first one */
    if (view->file != NULL && lstat(view->file, &s) < 0)
        free(TAKE(view->file));
}

/* ---- looking ---- */

static void *
open_session(const struct target *t, struct err *e)
{
    const struct postgres_config *c = t->config;
    struct postgres_session *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    s->config = c;
    s->sql = sql_open(c->connection, c->run_as, e);
    if (s->sql != NULL)
        return s;
    free(s);
    return NULL;
}

static bool
take_setting(struct postgres_session *s, const char *name, const char *value)
{
    for (size_t i = 0; i < PG_SETTING_COUNT; i++) {
        if (strcmp(setting_names[i], name) != 0)
            continue;
        free(s->settings[i]);
        s->settings[i] = strdup(value);
        return s->settings[i] != NULL;
    }
    return true;
}

static bool
read_settings(struct postgres_session *s, struct err *e)
{
    own_list struct list values = {0};

    if (!sql_query(s->sql, look_statement, &values, e))
        return false;
    for (size_t i = 0; i < PG_SETTING_COUNT; i++)
        if (!take_setting(s, setting_names[i], ""))
            return err_memory(e);
    for (size_t i = 0; i + 1 < values.count; i += 2)
        if (!take_setting(s, values.items[i], values.items[i + 1]))
            return err_memory(e);
    if (sql_number(s->settings[PG_VERSION]) < VERSION_LEAST)
        return err_set(
            e, ERR_CONFIG,
            "this PostgreSQL (server_version_num '%s') is older than 10 and cannot change "
            "its certificate without a restart",
            s->settings[PG_VERSION]);
    return true;
}

static bool
find_certificate_file(struct postgres_session *s, struct err *e)
{
    const struct postgres_config *c = s->config;
    const char *directory = s->settings[PG_DATA_DIRECTORY];

    free(s->file);
    s->file = NULL;
    if (c->file != NULL && c->file[0] == '/') {
        s->file = strdup(c->file);
        return s->file != NULL || err_memory(e);
    }
    if (directory[0] == '\0')
        return err_set(
            e, ERR_CONFIG,
            "role %s may not see data_directory, so 'file' must be an absolute path; or: "
            "GRANT pg_read_all_settings TO %s",
            s->settings[PG_ROLE], s->settings[PG_ROLE]);
    if (!sql_is_local(s->sql))
        return err_set(
            e, ERR_CONFIG,
            "the connection leads to another machine, where '%s' is; run pgcert there, or "
            "set 'file' to the absolute path which the file has here",
            directory);
    s->file = str_format("%s/%s", directory, c->file != NULL ? c->file : POSTGRES_FILE);
    return s->file != NULL || err_memory(e);
}

static bool
find_file(struct postgres_session *s, struct err *e)
{
    if (!find_certificate_file(s, e))
        return false;
    free(TAKE(s->clients_file));
    if (!s->config->mutual_tls)
        return true;
    s->clients_file =
        str_format("%.*s/" POSTGRES_CLIENTS_FILE, (int)(strrchr(s->file, '/') - s->file), s->file);
    return s->clients_file != NULL || err_memory(e);
}

/* Do both paths name one file? Directories may be reached through links. */
static bool
same_path(const char *a, const char *b)
{
    const char *slash_a = strrchr(a, '/');
    const char *slash_b = strrchr(b, '/');
    own_mem char *parent_a = NULL;
    own_mem char *parent_b = NULL;
    own_mem char *real_a = NULL;
    own_mem char *real_b = NULL;

    if (strcmp(a, b) == 0)
        return true;
    if (slash_a == NULL || slash_b == NULL || strcmp(slash_a, slash_b) != 0)
        return false;
    parent_a = strndup(a, (size_t)(slash_a - a) + 1);
    parent_b = strndup(b, (size_t)(slash_b - b) + 1);
    if (parent_a == NULL || parent_b == NULL)
        return false;
    real_a = realpath(parent_a, NULL);
    real_b = realpath(parent_b, NULL);
    return real_a != NULL && real_b != NULL && strcmp(real_a, real_b) == 0;
}

/* Is it "DIRECTORY/VALUE"? */
static bool
ends_in(const char *path, const char *value)
{
    size_t all = strlen(path);
    size_t tail = strlen(value);

    return all > tail && strcmp(path + all - tail, value) == 0 && path[all - tail - 1] == '/';
}

/* The absolute path which a setting names; NULL when that cannot be known (or memory ran out). To a
 * role that may not see the data directory, the administrator's `file` says where it is; the proof
 * will tell if that is wrong. */
static char *
named_path(const struct postgres_session *s, enum postgres_setting which, const char *file)
{
    const char *value = s->settings[which];
    const char *directory = s->settings[PG_DATA_DIRECTORY];

    if (value[0] == '/')
        return strdup(value);
    if (directory[0] == '\0' && ends_in(file, value))
        return strdup(file);
    return directory[0] == '\0' ? NULL : str_format("%s/%s", directory, value);
}

/* Does the setting, which leads to `path`, name pgcert's file? Fills `why` otherwise. */
static bool
names_file(const struct postgres_session *s, enum postgres_setting which, const char *path,
           const char *file, struct err *why)
{
    if (path == NULL)
        return err_set(why, ERR_CONFIG,
                       "%s is '%s', and role %s may not see in which directory; try: GRANT "
                       "pg_read_all_settings TO %s, or make %s an absolute path",
                       setting_names[which], s->settings[which], s->settings[PG_ROLE],
                       s->settings[PG_ROLE], setting_names[which]);
    return same_path(path, file) ||
           err_set(why, ERR_CONFIG, "the server's %s is '%s' and not pgcert's file '%s'",
                   setting_names[which], s->settings[which], file);
}

/* The same for what is trusted of clients. */
static bool
compare_clients(struct postgres_session *s, struct target_view *view)
{
    static const enum postgres_setting both[] = {PG_SSL_CA_FILE, PG_SSL_CRL_FILE};
    struct err why = {0};

    if (s->clients_file == NULL)
        return true;
    view->uses_clients_file = view->tls_on || err_set(&why, ERR_CONFIG, "the server has ssl = off");
    for (size_t i = 0; i < COUNT(both) && view->uses_clients_file; i++) {
        own_mem char *path = named_path(s, both[i], s->clients_file);

        view->uses_clients_file = names_file(s, both[i], path, s->clients_file, &why);
    }
    s->uses_clients_file = view->uses_clients_file;
    view->clients_why_not = why;
    view->clients_file = strdup(s->clients_file);
    return view->clients_file != NULL;
}

static bool
compare(struct postgres_session *s, struct target_view *view)
{
    struct err why = {0};

    view->tls_on = strcmp(s->settings[PG_SSL], "on") == 0;
    view->cert_file = named_path(s, PG_SSL_CERT_FILE, s->file);
    view->key_file = named_path(s, PG_SSL_KEY_FILE, s->file);
    view->uses_file = names_file(s, PG_SSL_CERT_FILE, view->cert_file, s->file, &why) &&
                      names_file(s, PG_SSL_KEY_FILE, view->key_file, s->file, &why);
    if (view->uses_file && !view->tls_on)
        view->uses_file = err_set(&why, ERR_CONFIG, "the server has ssl = off");
    s->uses_file = view->uses_file;
    view->why_not = why;
    view->file = strdup(s->file);
    return view->file != NULL && compare_clients(s, view);
}

static bool
find_addresses(const struct postgres_session *s, struct addresses *a, struct err *e)
{
    const struct list *prove = &s->config->prove;
    int port = sql_number(s->settings[PG_PORT]);

    for (size_t i = 0; i < prove->count; i++) {
        own_mem char *host = NULL;
        int at = port;

        if (!option_parse_endpoint(&host, &at, prove->items[i], port))
            return err_set(e, ERR_CONFIG, "prove: '%s' is not HOST[:PORT]", prove->items[i]);
        if (!addresses_add(a, host, at, true, e))
            return err_wrap(e, "prove");
    }
    if (prove->count > 0)
        return true;
    if (!addresses_add_listened(a, s->settings[PG_LISTEN_ADDRESSES], port, e))
        return false;
    return a->count > 0 ||
           err_set(e, ERR_CONFIG,
                   "the server listens on no TCP address, and has TLS on no other; set "
                   "listen_addresses and restart it, or set 'prove' to where clients reach it");
}

static bool
look(void *session, struct target_view *view, struct err *e)
{
    struct postgres_session *s = session;

    view->prove_timeout_ms = s->config->prove_timeout_s * 1000;
    view->user = sql_server_user(s->sql);
    view->group = group_of(view->user);
    if (!read_settings(s, e) || !find_file(s, e))
        return false;
    if (!compare(s, view))
        return err_memory(e);
    if (strcmp(s->settings[PG_MAY_RELOAD], "t") != 0)
        (void)err_set(&view->may_not, ERR_PERMISSION,
                      "role %s may not reload the server; try: GRANT EXECUTE ON FUNCTION "
                      "pg_reload_conf() TO %s",
                      s->settings[PG_ROLE], s->settings[PG_ROLE]);
    return find_addresses(s, &view->addresses, e);
}

/* ---- acting ---- */

static bool
reload(void *session, struct err *e)
{
    struct postgres_session *s = session;
    own_list struct list values = {0};

    return sql_query(s->sql, "SELECT pg_catalog.pg_reload_conf()", &values, e);
}

static bool
wants_clients(const struct target *t)
{
    const struct postgres_config *c = t->config;

    return c->mutual_tls;
}

static void
close_session(void *session)
{
    struct postgres_session *s = session;

    sql_close(&s->sql);
    for (size_t i = 0; i < PG_SETTING_COUNT; i++)
        free(s->settings[i]);
    free(s->file);
    free(s->clients_file);
    free(s->written);
    free(s->replaced);
    list_done(&s->altered);
    list_done(&s->restoring);
    free(s);
}

const struct target_type target_postgres = {
    .name = "postgres",
    .options = options,
    .config_size = sizeof(struct postgres_config),
    .check = check,
    .guess = guess,
    .open = open_session,
    .look = look,
    .reload = reload,
    .sessions = postgres_sessions,
    .end_sessions = postgres_end_sessions,
    .wants_clients = wants_clients,
    .plan = postgres_plan,
    .write = postgres_write,
    .undo = postgres_undo,
    .close = close_session,
    .hba = &postgres_hba,
};
