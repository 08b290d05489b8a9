/* clusters.c: find PostgreSQL on this machine: running ones by their sockets, Debian's by their
 * configuration. */
#include "base/file.h"
#include "reload/reload.h"
#include "reload/sql.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DEBIAN "/etc/postgresql"
#define SOCKET_MARK ".s.PGSQL."
#define FILE_MAX_SIZE (256 * 1024)
#define PORT_STANDARD 5432

static void
list_drop(DIR **d)
{
    if (*d != NULL)
        (void)closedir(*d);
}

#define own_directory __attribute__((cleanup(list_drop)))

static void
cluster_done(struct cluster *c)
{
    free(c->name);
    free(c->directory);
    free(c->socket);
}

void
clusters_done(struct clusters *c)
{
    for (size_t i = 0; i < c->count; i++)
        cluster_done(&c->items[i]);
    free(c->items);
    *c = (struct clusters){0};
}

/* Takes the cluster, also when memory runs out. */
static bool
add(struct clusters *all, struct cluster *c)
{
    struct cluster *grown = reallocarray(all->items, all->count + 1, sizeof(*grown));

    if (grown == NULL) {
        cluster_done(c);
        return false;
    }
    all->items = grown;
    all->items[all->count++] = *c;
    return true;
}

/* ---- running ---- */

static bool
somebody_listens(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    own_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (strlen(path) >= sizeof(address.sun_path))
        return false;
    memcpy(address.sun_path, path, strlen(path));
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN;
}

/* Reads a file that another user wrote, without following his links or waiting for his pipes. */
static bool
read_foreign(const char *path, uid_t owner, struct str *out)
{
    own_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat s = {0};
    char part[4096];
    ssize_t got = 0;

    if (fd < 0 || fstat(fd, &s) < 0 || !S_ISREG(s.st_mode) ||
        (owner != (uid_t)-1 && s.st_uid != owner))
        return false;
    for (got = read(fd, part, sizeof(part)); got > 0; got = read(fd, part, sizeof(part)))
        if (out->size + (size_t)got > FILE_MAX_SIZE || !str_add(out, part, (size_t)got))
            return false;
    return got == 0 && out->size > 0;
}

/* Line `number`, from 1; NULL when there is none (or memory ran out). */
static char *
line_of(const struct str *text, int number)
{
    const char *at = text->text;

    for (int i = 1; at != NULL && i < number; i++) {
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    return at == NULL ? NULL : strndup(at, strcspn(at, "\n"));
}

/* One server may have several sockets (PGDG's has one in /tmp as well); the first one counts. */
static bool
is_known(const struct clusters *all, const struct cluster *c)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct cluster *k = &all->items[i];

        if (k->port != c->port || k->owner != c->owner)
            continue;
        if (k->directory == NULL || c->directory == NULL ? k->directory == c->directory
                                                         : strcmp(k->directory, c->directory) == 0)
            return true;
    }
    return false;
}

/* The second line of the lock file beside a socket is the data directory (PostgreSQL's
 * CreateLockFile()). Only its owner and root can read it. A socket without one is not PostgreSQL's:
 * PgBouncer's has such a name as well. */
static bool
add_running(struct clusters *all, const char *directory, const char *name)
{
    own_mem char *path = str_format("%s/%s", directory, name);
    own_mem char *lock = str_format("%s/%s.lock", directory, name);
    own_str struct str text = {0};
    struct cluster c = {.port = sql_number(name + strlen(SOCKET_MARK)), .running = true};
    struct stat s = {0}, beside = {0};

    if (path == NULL || lock == NULL)
        return false;
    if (lstat(path, &s) < 0 || !S_ISSOCK(s.st_mode) || lstat(lock, &beside) < 0 ||
        !somebody_listens(path))
        return true;
    c.owner = s.st_uid;
    if (read_foreign(lock, c.owner, &text))
        c.directory = line_of(&text, 2);
    if (is_known(all, &c)) {
        cluster_done(&c);
        return true;
    }
    c.socket = strdup(directory);
    c.name = str_format("port-%d", c.port);
    return add(all, &c) && c.socket != NULL && c.name != NULL;
}

static bool
is_socket_name(const char *name)
{
    size_t mark = strlen(SOCKET_MARK);

    return strncmp(name, SOCKET_MARK, mark) == 0 && strspn(name + mark, "0123456789") > 0 &&
           name[mark + strspn(name + mark, "0123456789")] == '\0';
}

static bool
find_running(struct clusters *all, const char *path)
{
    own_directory DIR *directory = opendir(path);
    const struct dirent *entry = NULL;

    if (directory == NULL)
        return true;
    for (entry = readdir(directory); entry != NULL; entry = readdir(directory))
        if (is_socket_name(entry->d_name) && !add_running(all, path, entry->d_name))
            return false;
    return true;
}

/* ---- Debian's ---- */

/* The last value of a setting in a postgresql.conf, without quotes; NULL: it is not set. */
static char *
setting(const char *text, const char *name)
{
    const char *found = NULL;
    size_t size = strlen(name);

    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += strspn(at, " \t\n");
        if (strncmp(at, name, size) == 0 && strchr(" \t=", at[size]) != NULL && at[size] != '\0')
            found = at + size + strspn(at + size, " \t=");
    }
    if (found == NULL)
        return NULL;
    return *found == '\'' ? strndup(found + 1, strcspn(found + 1, "'\n"))
                          : strndup(found, strcspn(found, " \t#\n"));
}

/* The first of unix_socket_directories. */
static char *
first_directory(char *all)
{
    if (all != NULL)
        all[strcspn(all, ", ")] = '\0';
    return all != NULL && all[0] == '/' ? strdup(all) : NULL;
}

/* What the socket of that port already told us gets the name that people know it by. */
static struct cluster *
find_port(struct clusters *all, int port, const char *directory)
{
    for (size_t i = 0; i < all->count; i++) {
        const char *known = all->items[i].directory;

        if (all->items[i].port == port &&
            (known == NULL || directory == NULL || strcmp(known, directory) == 0))
            return &all->items[i];
    }
    return NULL;
}

static bool
rename_cluster(struct cluster *c, const char *name, const char *directory)
{
    free(c->name);
    c->name = strdup(name);
    if (c->directory == NULL && directory != NULL)
        c->directory = strdup(directory);
    return c->name != NULL;
}

static bool
add_debian(struct clusters *all, const char *version, const char *name)
{
    own_mem char *path = str_format(DEBIAN "/%s/%s/postgresql.conf", version, name);
    own_mem char *full = str_format("%s-%s", version, name);
    own_str struct str text = {0};
    own_mem char *directory = NULL;
    own_mem char *port = NULL;
    own_mem char *sockets = NULL;
    struct cluster *known = NULL;
    struct cluster c = {0};
    struct stat s = {0};

    if (path == NULL || full == NULL)
        return false;
    if (!read_foreign(path, (uid_t)-1, &text))
        return true;
    directory = setting(text.text, "data_directory");
    port = setting(text.text, "port");
    sockets = setting(text.text, "unix_socket_directories");
    c.port = port != NULL ? sql_number(port) : PORT_STANDARD;
    known = find_port(all, c.port, directory);
    if (known != NULL)
        return rename_cluster(known, full, directory);
    c.name = strdup(full);
    c.directory = TAKE(directory);
    c.socket = first_directory(sockets);
    c.owner = stat(path, &s) == 0 ? s.st_uid : (uid_t)-1;
    return add(all, &c) && c.name != NULL;
}

/* Calls add_debian() for each directory in a version's directory. */
static bool
find_in_version(struct clusters *all, const char *version)
{
    own_mem char *path = str_format(DEBIAN "/%s", version);
    own_directory DIR *directory = path == NULL ? NULL : opendir(path);
    const struct dirent *entry = NULL;

    if (directory == NULL)
        return path != NULL;
    for (entry = readdir(directory); entry != NULL; entry = readdir(directory))
        if (entry->d_name[0] != '.' && !add_debian(all, version, entry->d_name))
            return false;
    return true;
}

static bool
find_debian(struct clusters *all)
{
    own_directory DIR *directory = opendir(DEBIAN);
    const struct dirent *entry = NULL;

    if (directory == NULL)
        return true;
    for (entry = readdir(directory); entry != NULL; entry = readdir(directory))
        if (isdigit((unsigned char)entry->d_name[0]) && !find_in_version(all, entry->d_name))
            return false;
    return true;
}

bool
reload_find_clusters(struct clusters *out, struct err *e)
{
    static const char *const directories[] = {"/var/run/postgresql", "/tmp"};
    struct clusters found = {0};
    bool done = true;

    for (size_t i = 0; done && i < COUNT(directories); i++)
        done = find_running(&found, directories[i]);
    if (done && find_debian(&found)) {
        *out = found;
        return true;
    }
    clusters_done(&found);
    return err_memory(e);
}
