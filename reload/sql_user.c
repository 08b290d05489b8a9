/* sql_user.c: read a conninfo for its socket, and look at the socket. */
#include "reload/sql_user.h"

#include "base/child.h"
#include "base/str.h"
#include "reload/sql.h"
#include "reload/way.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STANDARD_PORT "5432"
#define STANDARD_USER "postgres"
#define STANDARD_SOCKETS "/var/run/postgresql"

/* ---- conninfo ---- */

/* Reads a value: bare, or in single quotes; a backslash makes the next character plain. */
static const char *
read_value(const char *at, struct str *value)
{
    bool quoted = *at == '\'';

    for (at += quoted; *at != '\0'; at++) {
        if (quoted ? *at == '\'' : isspace((unsigned char)*at) != 0)
            return at + 1;
        if (*at == '\\' && at[1] != '\0')
            at++;
        if (!str_add(value, at, 1))
            return NULL;
    }
    return at;
}

static const char *
skip_space(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

char *
sql_keyword(const char *conninfo, const char *keyword)
{
    own_mem char *found = NULL;
    const char *at = skip_space(conninfo);

    while (at != NULL && *at != '\0') {
        own_str struct str value = {0};
        size_t size = strcspn(at, "= \t\r\n");
        bool wanted = size == strlen(keyword) && strncmp(at, keyword, size) == 0;

        at = skip_space(at + size);
        if (*at != '=')
            return NULL;
        at = read_value(skip_space(at + 1), &value);
        if (at == NULL)
            return NULL;
        at = skip_space(at);
        if (wanted) {
            free(found);
            found = str_take(&value);
        }
    }
    return TAKE(found);
}

/* "postgresql://USER:PASSWORD@HOST" */
static bool
uri_has_password(const char *connection)
{
    const char *user = strstr(connection, "://");
    const char *at = user == NULL ? NULL : strchr(user, '@');

    return at != NULL && memchr(user + 3, ':', (size_t)(at - user) - 3) != NULL;
}

bool
sql_conninfo_is_safe(const char *conninfo, struct err *e)
{
    own_mem char *password = NULL;

    if (conninfo == NULL)
        return err_set(e, ERR_CONFIG, "connection is empty");
    password = sql_keyword(conninfo, "password");
    return (password == NULL && !uri_has_password(conninfo)) ||
           err_set(
               e, ERR_CONFIG,
               "connection has a password in it; a secret is never a setting: put it into a file "
               "and name that, passfile=FILE, or use peer authentication");
}

/* The path of the socket, or NULL when the connection uses none (or memory ran out). */
static char *
socket_path(const char *conninfo)
{
    own_mem char *host = sql_keyword(conninfo, "host");
    own_mem char *port = sql_keyword(conninfo, "port");
    const char *environment = getenv("PGHOST");
    const char *directory = host != NULL ? host : environment;

    if (strstr(conninfo, "://") != NULL)
        return NULL;
    if (directory == NULL || *directory == '\0')
        directory = STANDARD_SOCKETS;
    if (directory[0] != '/' || strchr(directory, ',') != NULL)
        return NULL;
    return str_format("%s/.s.PGSQL.%s", directory, port != NULL ? port : STANDARD_PORT);
}

/* What leads elsewhere whatever the host is (libpq's documentation, "Parameter Key Words"). */
static bool
has_detour(const char *conninfo, const char *keyword, const char *variable)
{
    own_mem char *value = sql_keyword(conninfo, keyword);

    return value != NULL || getenv(variable) != NULL;
}

bool
sql_needs_network(const char *conninfo)
{
    own_mem char *path = socket_path(conninfo);

    return path == NULL || has_detour(conninfo, "hostaddr", "PGHOSTADDR") ||
           has_detour(conninfo, "service", "PGSERVICE");
}

/* ---- users ---- */

static bool
user_by_name(uid_t *user, const char *name, struct err *e)
{
    const struct passwd *entry = getpwnam(name);

    if (entry == NULL)
        return err_set(e, ERR_CONFIG, "there is no user '%s'; set run_as to the server's user",
                       name);
    *user = entry->pw_uid;
    return true;
}

/* In a directory where anybody may make a socket, its owner proves nothing. */
static bool
socket_is_safe(const char *path, struct err *e)
{
    own_mem char *directory = strndup(path, (size_t)(strrchr(path, '/') - path));
    struct stat s = {0};

    if (directory == NULL)
        return err_memory(e);
    if (stat(directory, &s) < 0)
        return err_errno(e, "look at '%s'", directory);
    return (s.st_mode & S_IWOTH) == 0 ||
           err_set(e, ERR_PERMISSION,
                   "anybody can make a socket in '%s', so its owner may not be the server's; set "
                   "run_as to the server's user",
                   directory);
}

static bool
owner_of_socket(uid_t *user, const char *path, struct err *e)
{
    struct stat s = {0};

    if (!way_look(path, &s))
        return errno == ENOENT
                   ? err_set(
                         e, ERR_NETWORK,
                         "there is no socket '%s': the server does not run, or has it elsewhere "
                         "(the host and port of the connection say where)",
                         path)
                   : err_errno(e, "look at '%s'", path);
    *user = s.st_uid;
    return S_ISSOCK(s.st_mode) || err_set(e, ERR_CONFIG, "'%s' is not a socket", path);
}

bool
sql_user_find(struct sql_user *u, const char *conninfo, const char *run_as, struct err *e)
{
    own_mem char *path = socket_path(conninfo);

    *u = (struct sql_user){.server = (uid_t)-1, .client = geteuid()};
    if (run_as != NULL && !user_by_name(&u->server, run_as, e))
        return false;
    if (path != NULL && run_as == NULL && !owner_of_socket(&u->server, path, e))
        return false;
    if (!child_may_switch())
        return true;
    if (path != NULL && run_as == NULL && !socket_is_safe(path, e))
        return false;
    /* over TCP nothing says who the server is; but root need not be the one who talks to it */
    if (u->server == (uid_t)-1 && !user_by_name(&u->server, STANDARD_USER, e))
        return false;
    u->client = u->server;
    return true;
}
