/* place.c: find, judge, open and lock the directory of a file. */
#include "reload/place.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/str.h"
#include "reload/way.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/evp.h>

#define TEMP_MARK ".new-" /* FILE.new-0123456789abcdef */
#define LOCK_MS 5000      /* another run takes milliseconds */
#define LOCK_PAUSE_MS 20

static void
list_drop(DIR **d)
{
    if (*d != NULL)
        (void)closedir(*d);
}

#define own_directory __attribute__((cleanup(list_drop)))

/* It may be reached through links, which the administrator made (a data directory often is one),
 * but from here on its real name counts. */
bool
place_find(struct place *p, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    own_mem char *parent = slash == NULL ? NULL : strndup(path, (size_t)(slash - path) + 1);
    own_way struct way way = {0};

    if (path[0] != '/' || slash == NULL || slash[1] == '\0')
        return err_set(e, ERR_CONFIG, "'%s' is not the absolute path of a file", path);
    if (parent == NULL)
        return err_memory(e);
    if (!way_find(&way, parent, e))
        return err_wrap(e, "the directory of '%s'", path);
    p->name = slash + 1;
    p->directory = TAKE(way.directory);
    p->others = TAKE(way.others);
    p->about = way.about;
    return true;
}

/* As sshd judges its files: who could lead us to another directory could have root read or write
 * there. Everybody else can only fool himself. */
static bool
leads_root_safely(const struct place *p, struct err *e)
{
    return p->about.st_uid != 0 || p->others == NULL ||
           err_set(
               e, ERR_PERMISSION,
               "root will not work in '%s', for somebody else can change '%s' on the way to it; "
               "use a directory that belongs to the server's user, or to root all the way up",
               p->directory, p->others);
}

/* A file of root's that was given to the server's group (as pg_hba.conf is, root:postgres 0640). */
static bool
is_shared(const struct place *p, uid_t with)
{
    const struct passwd *entry = getpwuid(with);
    own_mem char *path = str_format("%s/%s", p->directory, p->name);
    struct stat s = {0};

    return entry != NULL && path != NULL && entry->pw_gid != 0 && lstat(path, &s) == 0 &&
           S_ISREG(s.st_mode) && s.st_gid == entry->pw_gid;
}

bool
place_believe(const char *path, uid_t teller, struct err *e)
{
    own_place struct place place = {.fd = -1};

    if (!child_may_switch() || teller == 0)
        return true;
    return place_find(&place, path, e) &&
           (place.about.st_uid == teller || is_shared(&place, teller) ||
            err_set(e, ERR_PERMISSION,
                    "the server says '%s', which is no file of its user %u in a directory of user "
                    "%u; root does not take its word for that; if it is right, try: chgrp",
                    path, (unsigned)teller, (unsigned)place.about.st_uid));
}

bool
place_judge(const struct place *p, bool secret, uid_t reader, struct err *e)
{
    uid_t owner = p->about.st_uid;

    if ((p->about.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return err_set(e, ERR_PERMISSION,
                       "others than its owner may write in the directory '%s', so they could "
                       "replace the %s; try: chmod go-w '%s'",
                       p->directory, secret ? "private key" : "file", p->directory);
    /* be-secure-common.c, check_ssl_key_file_permissions() */
    if (secret && reader != (uid_t)-1 && owner != reader && owner != 0)
        return err_set(
            e, ERR_PERMISSION,
            "the directory '%s' belongs to user %u and the server runs as user %u, which "
            "reads a private key only when it belongs to itself or to root; try: chown",
            p->directory, (unsigned int)owner, (unsigned int)reader);
    if (secret && owner == 0 && reader == (uid_t)-1)
        return err_set(e, ERR_CONFIG,
                       "the directory '%s' belongs to root, and it is not known which user the "
                       "server is, so which group may read the key; set run_as in the target",
                       p->directory);
    return leads_root_safely(p, e);
}

bool
place_lock(const struct place *p, struct err *e)
{
    int64_t until_ms = clock_system.steady_ms(&clock_system) + LOCK_MS;

    while (flock(p->fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return true; /* a file system that locks no directories, such as NFS */
        if (clock_system.steady_ms(&clock_system) > until_ms)
            return err_set(e, ERR_BUSY, "another run is writing in '%s'", p->directory);
        clock_system.sleep_ms(&clock_system, LOCK_PAUSE_MS);
    }
    return true;
}

/* The very directory that was judged. */
bool
place_open(struct place *p, struct err *e)
{
    struct stat s = {0};

    if (geteuid() == 0 && !leads_root_safely(p, e))
        return false;
    if (!way_open(p->directory, &p->fd, e))
        return false;
    if (fstat(p->fd, &s) < 0)
        return err_errno(e, "look at the directory '%s'", p->directory);
    return (s.st_dev == p->about.st_dev && s.st_ino == p->about.st_ino &&
            s.st_uid == p->about.st_uid && s.st_mode == p->about.st_mode) ||
           err_set(e, ERR_BUSY, "the directory '%s' is being changed by somebody", p->directory);
}

/* The id in "pgcert.pem.new-0123456789abcdef", when it is one of `name`; NULL. */
static const char *
id_of(const char *entry, const char *name)
{
    size_t size = strlen(name);
    const char *id = entry + size + strlen(TEMP_MARK);

    if (strncmp(entry, name, size) != 0 ||
        strncmp(entry + size, TEMP_MARK, strlen(TEMP_MARK)) != 0 ||
        strspn(id, "0123456789abcdef") != PLACE_ID_SIZE - 1 || id[PLACE_ID_SIZE - 1] != '\0')
        return NULL;
    return id;
}

bool
place_leftovers(const struct place *p, struct list *ids, struct err *e)
{
    own_fd int again = openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    own_directory DIR *list = again < 0 ? NULL : fdopendir(again);
    const struct dirent *entry = NULL;

    if (list == NULL)
        return err_errno(e, "list the directory '%s'", p->directory);
    again = -1; /* closedir() closes it */
    for (entry = readdir(list); entry != NULL; entry = readdir(list)) {
        const char *id = id_of(entry->d_name, p->name);

        if (id != NULL && !list_add(ids, id))
            return err_memory(e);
    }
    return true;
}

bool
place_id(char id[static PLACE_ID_SIZE], const char *text, struct err *e)
{
    unsigned char bytes[(PLACE_ID_SIZE - 1) / 2];
    size_t half = sizeof(bytes) / 2;
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return err_errno(e, "get random bytes");
    if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto(e, "name a temporary file");
    memcpy(bytes, digest, half);
    str_hex(id, bytes, sizeof(bytes));
    return true;
}

bool
place_temporary(char name[static NAME_MAX + 1], const struct place *p, const char *id,
                struct err *e)
{
    int size = snprintf(name, NAME_MAX + 1, "%s%s%s", p->name, TEMP_MARK, id);

    return (size > 0 && size <= NAME_MAX) ||
           err_set(e, ERR_CONFIG, "the file name '%s' is too long", p->name);
}

bool
place_has(const struct place *p, const char *name, bool *there, struct err *e)
{
    struct stat s = {0};

    *there = fstatat(p->fd, name, &s, AT_SYMLINK_NOFOLLOW) == 0;
    if (!*there && errno != ENOENT)
        return err_errno(e, "look at '%s/%s'", p->directory, name);
    return !*there || S_ISREG(s.st_mode) ||
           err_set(e, ERR_CONFIG,
                   "'%s/%s' is not a regular file (a symbolic link?); name the real file, or "
                   "remove it",
                   p->directory, name);
}

bool
place_sync(const struct place *p, struct err *e)
{
    return fsync(p->fd) == 0 || errno == EINVAL ||
           err_errno(e, "write the directory '%s' to the disk", p->directory);
}

void
place_done(struct place *p)
{
    free(p->directory);
    free(p->others);
    own_fd_drop(&p->fd);
    *p = (struct place){.fd = -1};
}
