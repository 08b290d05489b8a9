/* pgbouncer.c: PgBouncer, asked and told through its admin console.
 *
 * Its RELOAD answers well also when it keeps the certificate it has, so only the proof tells.
 *
 * Source: PgBouncer's manual, pgbouncer(1) "Admin console" and pgbouncer(5) "TLS settings". */
#include "reload/service.h"
#include "reload/sql.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_USER "pgbouncer" /* may do everything, by the socket, when it is the server's user */

struct pgbouncer_config {
    char *connection;
};

/* clang-format off */
static const struct option options[] = {
    {"connection", OPTION_TEXT, offsetof(struct pgbouncer_config, connection), "host=/var/run/postgresql port=6432 user=pgbouncer dbname=pgbouncer", "how to connect to its admin console, as libpq has it; file, prove and run_as: default: as it says itself", NULL, 0, 0, false},
    {0},
};

/* The settings of PgBouncer that matter here. */
enum setting { CERT_FILE, KEY_FILE, SSLMODE, SERVER_CERT_FILE, LISTEN_ADDR, LISTEN_PORT, ADMIN_USERS, SETTING_COUNT };

static const char *const setting_names[] = {
    [CERT_FILE]        = "client_tls_cert_file",
    [KEY_FILE]         = "client_tls_key_file",
    [SSLMODE]          = "client_tls_sslmode",
    [SERVER_CERT_FILE] = "server_tls_cert_file",
    [LISTEN_ADDR]      = "listen_addr",
    [LISTEN_PORT]      = "listen_port",
    [ADMIN_USERS]      = "admin_users",
};
/* clang-format on */

struct session {
    const struct pgbouncer_config *config;
    const struct service_config *service;
    struct sql *sql;
    char *settings[SETTING_COUNT]; /* never NULL after read_settings() */
    bool can_reload_tls;
    bool is_client_too; /* it shows that certificate to PostgreSQL as well */
};

static bool
check(const struct target *t, struct err *e)
{
    const struct pgbouncer_config *c = t->config;

    return sql_conninfo_is_safe(c->connection, e);
}

static void *
open_session(const struct target *t, struct err *e)
{
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    s->config = t->config;
    s->service = t->service;
    s->sql = sql_open(s->config->connection, s->service->run_as, e);
    if (s->sql != NULL)
        return s;
    free(s);
    return NULL;
}

/* ---- its settings ---- */

static bool
take_setting(struct session *s, const char *key, const char *value, const char *changeable)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(key, setting_names[i]) != 0)
            continue;
        free(s->settings[i]);
        s->settings[i] = strdup(value);
        if (i == CERT_FILE)
            s->can_reload_tls = strcmp(changeable, "yes") == 0;
        return s->settings[i] != NULL;
    }
    return true;
}

/* Rows are key, value and changeable, and from 1.13 on the default before the last. */
static bool
read_settings(struct session *s, struct err *e)
{
    own_list struct list values = {0};
    size_t columns = 0;

    if (!sql_query(s->sql, "SHOW CONFIG", &values, e)) {
        if (e->code == ERR_PROTOCOL) /* its one code for all that it refuses */
            e->code = ERR_PERMISSION;
        return err_wrap(e, "the admin console of PgBouncer");
    }
    columns = sql_columns(s->sql);
    if (columns < 3 || values.count % columns != 0)
        return err_set(e, ERR_PROTOCOL,
                       "its SHOW CONFIG has rows of %zu columns, and not of key, "
                       "value and changeable; is that PgBouncer's admin console "
                       "(dbname=pgbouncer)?",
                       columns);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (!take_setting(s, setting_names[i], "", ""))
            return err_memory(e);
    for (size_t i = 0; i < values.count; i += columns)
        if (!take_setting(s, values.items[i], values.items[i + 1], values.items[i + columns - 1]))
            return err_memory(e);
    return true;
}

/* ---- what follows from them ---- */

/* What a server names is not overwritten by our right: only its own user's directories count. */
static bool
is_in_own_directory(const char *path, const struct target_view *view, struct err *e)
{
    own_mem char *directory = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
    struct stat s = {0};

    if (directory == NULL)
        return err_memory(e);
    if (stat(directory, &s) < 0)
        return err_errno(e, "look at '%s'", directory);
    return s.st_uid == view->user ||
           err_set(e, ERR_CONFIG,
                   "PgBouncer reads '%s', in a directory that is not its user's; if pgcert is to "
                   "keep that file, say so: set file, or key_file and cert_file",
                   path);
}

/* Nor what somebody else than a certificate's administrator has put there. */
static bool
is_pem(const char *path, struct err *e)
{
    static const char begin[] = "-----BEGIN";
    own_str struct str there = {0};
    bool found = false;

    if (!install_read(path, "", &there, &found, e))
        return false;
    return !found ||
           (there.size > 0 && memmem(there.text, there.size, begin, strlen(begin)) != NULL) ||
           err_set(e, ERR_CONFIG,
                   "PgBouncer reads '%s', which has no key and no certificate in it (PEM) and is "
                   "not overwritten; if pgcert is to keep that file, set file, or key_file and "
                   "cert_file",
                   path);
}

static bool
may_be_kept(const char *path, const struct target_view *view, struct err *e)
{
    return is_in_own_directory(path, view, e) && is_pem(path, e);
}

/* The files which they name, where pgcert's settings name none. */
static bool
find_files(const struct session *s, struct target_view *view, struct err *e)
{
    const char *key = s->settings[KEY_FILE];
    const char *cert = s->settings[CERT_FILE];

    if (view->file_count > 0)
        return true;
    if (key[0] != '/' || cert[0] != '/')
        return err_set(e, ERR_CONFIG,
                       "PgBouncer's client_tls_key_file is '%s' and its client_tls_cert_file is "
                       "'%s'; make both the absolute path of one file, which pgcert then keeps",
                       key, cert);
    if (!sql_is_by_socket(s->sql))
        return err_set(e, ERR_CONFIG,
                       "over TCP nothing says who answers, so its word that '%s' is PgBouncer's is "
                       "not taken; set file, or key_file and cert_file, or connect by its socket",
                       key);
    if (!may_be_kept(key, view, e) || !may_be_kept(cert, view, e))
        return false;
    if (target_same_path(key, cert))
        return target_view_add(view, strdup(key), FORM_COMBINED, 0, e);
    return target_view_add(view, strdup(key), FORM_KEY, 0, e) &&
           target_view_add(view, strdup(cert), FORM_FULLCHAIN, 0, e);
}

/* Is it one of those files, in a form in which PgBouncer finds that in it? */
static bool
is_ours(const struct target_view *view, const char *path, enum form alone)
{
    for (size_t i = 0; i < view->file_count; i++)
        if ((view->files[i].form == FORM_COMBINED || view->files[i].form == alone) &&
            target_same_path(view->files[i].path, path))
            return true;
    return false;
}

static void
compare(struct session *s, struct target_view *view)
{
    static const struct {
        enum setting setting;
        enum form alone;
    } both[] = {{KEY_FILE, FORM_KEY}, {CERT_FILE, FORM_FULLCHAIN}};

    view->tls_on = strcmp(s->settings[SSLMODE], "disable") != 0 &&
                   strcmp(s->settings[SSLMODE], "disabled") != 0;
    view->uses_file =
        view->tls_on ||
        err_set(&view->why_not, ERR_CONFIG,
                "PgBouncer has client_tls_sslmode = %s; set it to prefer or more, and "
                "RELOAD",
                s->settings[SSLMODE]);
    for (size_t i = 0; i < COUNT(both) && view->uses_file; i++)
        view->uses_file =
            is_ours(view, s->settings[both[i].setting], both[i].alone) ||
            err_set(&view->why_not, ERR_CONFIG, "PgBouncer's %s is '%s' and not pgcert's file '%s'",
                    setting_names[both[i].setting], s->settings[both[i].setting],
                    target_view_file(view));
    if (view->uses_file && !s->can_reload_tls)
        view->uses_file = err_set(&view->why_not, ERR_CONFIG,
                                  "this PgBouncer is older than 1.16 and cannot change its "
                                  "certificate without a restart");
    s->is_client_too = is_ours(view, s->settings[SERVER_CERT_FILE], FORM_FULLCHAIN);
}

/* Whom the console knows us as. NULL: only libpq knows (or memory ran out). */
static char *
find_name(const struct session *s)
{
    const char *connection = s->config->connection;
    own_mem char *service = sql_keyword(connection, "service");
    own_mem char *user = sql_keyword(connection, "user");
    const char *environment = getenv("PGUSER");
    const struct passwd *entry = NULL;

    if (user != NULL)
        return TAKE(user);
    if (service != NULL || getenv("PGSERVICE") != NULL || strstr(connection, "://") != NULL)
        return NULL;
    if (environment != NULL)
        return strdup(environment);
    entry = getpwuid(sql_client_user(s->sql));
    return entry == NULL ? NULL : strdup(entry->pw_name);
}

/* That name counts by the socket alone, for who has the server's own user. */
static bool
is_own_user(const struct session *s, const char *name)
{
    return strcmp(name, OWN_USER) == 0 && sql_is_by_socket(s->sql) &&
           sql_client_user(s->sql) == sql_server_user(s->sql);
}

/* Any user that comes in may look, and only an administrator may reload. */
static bool
find_rights(const struct session *s, struct target_view *view, struct err *e)
{
    own_mem char *user = find_name(s);
    own_list struct list administrators = {0};

    if (!list_add_words(&administrators, s->settings[ADMIN_USERS]))
        return err_memory(e);
    if (user != NULL && !is_own_user(s, user) && !list_has(&administrators, user))
        (void)err_set(&view->may_not, ERR_PERMISSION,
                      "user '%s' may not reload PgBouncer: it is not among its admin_users; add it "
                      "there, or connect by its socket as user " OWN_USER,
                      user);
    return true;
}

static bool
find_addresses(const struct session *s, struct target_view *view, struct err *e)
{
    if (view->addresses.count > 0)
        return true;
    if (!addresses_add_listened(&view->addresses, s->settings[LISTEN_ADDR],
                                sql_number(s->settings[LISTEN_PORT]), e))
        return false;
    return view->addresses.count > 0 ||
           err_set(e, ERR_CONFIG,
                   "PgBouncer listens on no TCP address (listen_addr), and has TLS on no other");
}

static bool
look(void *session, struct target_view *view, struct err *e)
{
    struct session *s = session;

    if (view->user == (uid_t)-1) {
        view->user = sql_server_user(s->sql);
        view->group = target_group_of(view->user);
    }
    if (!read_settings(s, e) || !find_files(s, view, e))
        return false;
    view->cert_file = strdup(s->settings[CERT_FILE]);
    view->key_file = strdup(s->settings[KEY_FILE]);
    if (view->cert_file == NULL || view->key_file == NULL)
        return err_memory(e);
    compare(s, view);
    return find_rights(s, view, e) && find_addresses(s, view, e);
}

/* ---- acting ---- */

/* Connections of clients stay. Those to PostgreSQL made with the certificate of before are to end,
 * each when it is free; not every version does that by itself at RELOAD. */
static bool
reload(void *session, struct err *e)
{
    struct session *s = session;
    own_list struct list nothing = {0};

    return sql_query(s->sql, "RELOAD", &nothing, e) &&
           (!s->is_client_too || sql_query(s->sql, "RECONNECT", &nothing, e));
}

static void
close_session(void *session)
{
    struct session *s = session;

    sql_close(&s->sql);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        free(s->settings[i]);
    free(s);
}

static const char *
connection(const struct target *t)
{
    return ((const struct pgbouncer_config *)t->config)->connection;
}

const struct target_type target_pgbouncer = {
    .name = "pgbouncer",
    .options = options,
    .config_size = sizeof(struct pgbouncer_config),
    .is_service = true,
    .finds_files = true,
    .how = PROBE_POSTGRES,
    .port = 6432,
    .check = check,
    .connection = connection,
    .open = open_session,
    .look = look,
    .reload = reload,
    .close = close_session,
};
