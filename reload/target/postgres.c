/* postgres.c: a PostgreSQL server, asked and told through libpq. */
#include "reload/target/postgres.h"

#include "reload/install.h"
#include "reload/place.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SOCKET_STANDARD "/var/run/postgresql"
#define PORT_STANDARD 5432
#define VERSION_LEAST 100000 /* 10: the first whose ssl settings follow a reload */
#define VERSION_MUTUAL                                                                             \
    120000 /* 12: pg_stat_ssl tells the serial number of a client's certificate */
#define VERSION_DIRECT 170000 /* 17: TLS without SSLRequest */

static const char *const layout_words[] = {"combined", "pair", NULL};

/* libpq's words, in the order of enum probe_how */
static const char *const negotiation_words[] = {"postgres", "direct", NULL};

/* clang-format off */
static const struct option options[] = {
    {"connection",    OPTION_TEXT,      offsetof(struct postgres_config, connection),      "host=/var/run/postgresql port=5432 user=postgres dbname=postgres", "how to connect, as libpq has it", NULL, 0, 0, false},
    {"file",          OPTION_FILE_NAME, offsetof(struct postgres_config, file),            NULL, "the file for key and chain; default: pgcert.pem in the data directory", NULL, 0, 0, false},
    {"layout",        OPTION_WORD,      offsetof(struct postgres_config, layout),          "combined", "combined: one file for both settings; pair: the two files that ssl_key_file and ssl_cert_file name", layout_words, 0, 0, false},
    {"key_file",      OPTION_PATH,      offsetof(struct postgres_config, key_file),        NULL, "with pair: what ssl_key_file names; needed where root writes and the file is neither in a directory of the server's user nor of his group", NULL, 0, 0, false},
    {"cert_file",     OPTION_PATH,      offsetof(struct postgres_config, cert_file),       NULL, "the same for ssl_cert_file", NULL, 0, 0, false},
    {"prove",         OPTION_ENDPOINTS, offsetof(struct postgres_config, prove),           NULL, "where to prove what is served; default: every listen address", NULL, 0, 0, false},
    {"prove_timeout", OPTION_SPAN,      offsetof(struct postgres_config, prove_timeout_s), "10s", "how long a reload may take until it is proved", NULL, 0, 0, false},
    {"sslnegotiation", OPTION_WORD,     offsetof(struct postgres_config, sslnegotiation),  "postgres", "how the proof begins TLS: postgres, after asking for it; direct, at once (PostgreSQL 17), where a proxy lets only that pass", negotiation_words, 0, 0, false},
    {"mutual_tls",    OPTION_YES_NO,    offsetof(struct postgres_config, mutual_tls),      "no", "keep what it trusts of clients: CAs and CRLs of the private CA, in pgcert-clients.pem beside the file", NULL, 0, 0, false},
    {"run_as",        OPTION_TEXT,      offsetof(struct postgres_config, run_as),          NULL, "the server's user, as whom root connects; default: the owner of its socket", NULL, 0, 0, false},
    {0},
};

const char *const postgres_setting_names[] = {
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
    [PG_IS_STANDBY]       = "is standby",
};
/* clang-format on */

/* pg_settings hides what a role may not see, where current_setting() would fail. */
static const char look_statement[] =
    "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN "
    "('server_version_num','ssl','ssl_cert_file','ssl_key_file','ssl_ca_file','ssl_crl_file',"
    "'data_directory','config_file','listen_addresses','port') "
    "UNION ALL SELECT 'role is', pg_catalog.quote_ident(current_user) "
    "UNION ALL SELECT 'may reload', CASE WHEN pg_catalog.has_function_privilege("
    "'pg_catalog.pg_reload_conf()', 'EXECUTE') THEN 't' ELSE 'f' END "
    "UNION ALL SELECT 'is standby', CASE WHEN pg_catalog.pg_is_in_recovery() THEN 't' ELSE 'f' END";

/* ---- without the server ---- */

static bool
check(const struct target *t, struct err *e)
{
    const struct postgres_config *c = t->config;

    if (c->layout == POSTGRES_COMBINED && (c->key_file != NULL || c->cert_file != NULL))
        return err_set(e, ERR_CONFIG, "key_file and cert_file are for layout = pair");
    if (c->layout == POSTGRES_PAIR && c->file != NULL)
        return err_set(e, ERR_CONFIG,
                       "file is for layout = combined; with pair the server's ssl_key_file and "
                       "ssl_cert_file say which files they are");
    return sql_conninfo_is_safe(c->connection, e);
}

/* Anybody can make a socket there, and a lock file that names whatever data directory he likes. */
static bool
is_anybodys(const char *directory)
{
    struct stat s = {0};

    return directory != NULL && (stat(directory, &s) < 0 || (s.st_mode & S_IWOTH) != 0);
}

/* Does the directory belong to who says that it is his? */
static bool
is_its_own(const struct cluster *c)
{
    own_mem char *inside = str_format("%s/" POSTGRES_FILE, c->directory);
    struct err ignored = {0};

    return inside != NULL && place_believe(inside, c->owner, &ignored);
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
            (one->socket == NULL || strcmp(one->socket, at) == 0) && is_its_own(one))
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
    own_mem char *path = NULL;
    struct err ignored = {0};
    int64_t at_us = 0;

    if (entry != NULL) {
        view->user = entry->pw_uid;
        view->group = entry->pw_gid;
    }
    if (c->layout == POSTGRES_PAIR)
        return; /* only the server knows which they are */
    if (c->file != NULL && c->file[0] == '/') {
        if (!target_view_add(view, strdup(c->file), FORM_COMBINED, 0, &ignored))
            target_view_forget_files(view);
        return;
    }
    directory = guess_directory(c);
    if (directory == NULL)
        return;
    path = str_format("%s/%s", directory, c->file != NULL ? c->file : POSTGRES_FILE);
    /* a guess is good enough to replace such a file, and not to make the first one */
    if (path != NULL && install_changed(path, &at_us, &ignored) &&
        !target_view_add(view, TAKE(path), FORM_COMBINED, 0, &ignored))
        target_view_forget_files(view);
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
        if (strcmp(postgres_setting_names[i], name) != 0)
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
        if (!take_setting(s, postgres_setting_names[i], ""))
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

/* What a setting wants of the server that it cannot do yet. */
static bool
is_new_enough(const struct postgres_session *s, struct err *e)
{
    int version = sql_number(s->settings[PG_VERSION]);

    if (s->config->sslnegotiation == PROBE_DIRECT && version < VERSION_DIRECT)
        return err_set(e, ERR_CONFIG,
                       "sslnegotiation = direct needs PostgreSQL 17, and this is %d; leave it out",
                       version / 10000);
    return !s->config->mutual_tls || version >= VERSION_MUTUAL ||
           err_set(e, ERR_CONFIG,
                   "mutual_tls needs PostgreSQL 12, which tells whose certificate a session has, "
                   "and this is %d",
                   version / 10000);
}

static bool
find_addresses(const struct postgres_session *s, struct addresses *a, struct err *e)
{
    const struct list *prove = &s->config->prove;
    int port = sql_number(s->settings[PG_PORT]);

    if (prove->count > 0)
        return addresses_add_endpoints(a, prove, port, e);
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
    view->group = target_group_of(view->user);
    view->how = (enum probe_how)s->config->sslnegotiation;
    if (!read_settings(s, e) || !is_new_enough(s, e) || !postgres_find_files(s, view, e))
        return false;
    view->is_standby = strcmp(s->settings[PG_IS_STANDBY], "t") == 0;
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
    free(s->cert_file);
    free(s->clients_file);
    free(s->written);
    free(s->replaced);
    list_done(&s->altered);
    list_done(&s->restoring);
    free(s);
}

static const char *
connection(const struct target *t)
{
    return ((const struct postgres_config *)t->config)->connection;
}

static const struct list *
proved_at(const struct target *t)
{
    return &((const struct postgres_config *)t->config)->prove;
}

const struct target_type target_postgres = {
    .name = "postgres",
    .options = options,
    .config_size = sizeof(struct postgres_config),
    .check = check,
    .connection = connection,
    .proved_at = proved_at,
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
    .examine = postgres_examine,
};
