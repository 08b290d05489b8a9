/* file.c: files read bounded, replaced whole, locked. */
#include "base/file.h"

#include "base/clock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY ".tmp" /* how the name of a file that is not complete yet ends */

#define READING (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* It could not be opened; errno stays, the caller may want to know that it does not exist. */
static bool
no_reading(const char *path, struct err *e)
{
    int kept = errno;

    (void)err_errno(e, "read '%s'", path);
    errno = kept;
    return false;
}

/* Opens what is found already, without a second way to it. Where there is no /proc it is by its
 * path, and is looked at again. */
static int
open_found(int found, int directory, const char *path)
{
    own_mem char *link = str_format("/proc/self/fd/%d", found);
    int fd = -1;

    if (link == NULL)
        return -1;
    fd = open(link, READING);
    return fd < 0 && errno == ENOENT ? openat(directory, path, READING) : fd;
}

/* Opens for reading without ever blocking and reports what it is. What is no regular file is not
 * even opened: with a device that alone may have consequences. */
static bool
open_regular(int directory, const char *path, int *fd, struct stat *s, struct err *e)
{
    own_fd int found = openat(directory, path, O_PATH | O_CLOEXEC);

    if (found < 0 || fstat(found, s) < 0)
        return no_reading(path, e);
    if (S_ISREG(s->st_mode)) {
        *fd = open_found(found, directory, path);
        if (*fd < 0 || fstat(*fd, s) < 0)
            return no_reading(path, e);
    }
    if (!S_ISREG(s->st_mode))
        return err_set(e, ERR_INPUT, "read '%s': it is not a regular file", path);
    return true;
}

static bool
read_rest(int fd, const char *path, size_t size_max, struct str *out, struct err *e)
{
    size_t before = out->size;

    for (;;) {
        char part[16384];
        ssize_t n = read(fd, part, sizeof(part));
        bool fits = n <= 0 || out->size - before + (size_t)n <= size_max;
        bool added = n <= 0 || !fits || str_add(out, part, (size_t)n);

        explicit_bzero(part, n > 0 ? (size_t)n : 0); /* it may have been a key */
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "read '%s'", path);
        if (!fits)
            return err_set(e, ERR_INPUT, "read '%s': it is larger than %zu bytes", path, size_max);
        if (!added)
            return err_memory(e);
        if (n == 0)
            return true;
    }
}

bool
file_read(int directory, const char *path, size_t size_max, struct str *out, struct err *e)
{
    own_fd int fd = -1;
    struct stat s = {0};

    return open_regular(directory, path, &fd, &s, e) && read_rest(fd, path, size_max, out, e);
}

bool
file_read_if_there(int directory, const char *path, size_t size_max, struct str *out, bool *found,
                   struct err *e)
{
    struct err inner = {0};

    errno = 0;
    *found = file_read(directory, path, size_max, out, &inner);
    if (!*found && inner.code == ERR_SYSTEM && errno == ENOENT)
        return true;
    if (!*found)
        *e = inner;
    return *found;
}

bool
file_read_itself(const char *path, size_t size_max, struct str *out, bool *found, struct err *e)
{
    own_fd int fd = open(path, READING | O_NOFOLLOW);
    struct stat s = {0};

    *found = fd >= 0 || errno != ENOENT;
    if (!*found)
        return true;
    if (fd < 0 && errno != ELOOP)
        return err_errno(e, "read '%s'", path);
    if (fd < 0 || fstat(fd, &s) < 0 || !S_ISREG(s.st_mode))
        return err_set(e, ERR_INPUT, "read '%s': it is not a regular file itself", path);
    return read_rest(fd, path, size_max, out, e);
}

/* 0600 or 0400; group may read what root owns. */
static bool
is_private(const struct stat *s)
{
    mode_t open_to = s->st_uid == 0 ? 037 : 077;

    return (s->st_mode & open_to) == 0;
}

#define CREDENTIAL "credential:"

/* Where the secret is; free() it. NULL and `e`. */
static char *
secret_path(const char *path, struct err *e)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    bool is_credential = strncmp(path, CREDENTIAL, strlen(CREDENTIAL)) == 0;
    const char *name = is_credential ? path + strlen(CREDENTIAL) : path;
    own_mem char *found = NULL;

    if (is_credential && (directory == NULL || strchr(name, '/') != NULL || *name == '.')) {
        (void)err_set(e, ERR_CONFIG, "read '%s': %s", path,
                      directory == NULL ? "systemd has given this process no credentials; it works "
                                          "in a unit with LoadCredential="
                                        : "that is no name of a credential");
        return NULL;
    }
    found = is_credential ? str_format("%s/%s", directory, name) : strdup(path);
    if (found == NULL)
        (void)err_memory(e);
    return TAKE(found);
}

bool
file_read_secret(const char *given, size_t size_max, struct str *out, struct err *e)
{
    own_mem char *path = secret_path(given, e);
    own_fd int fd = -1;
    struct stat s = {0};

    if (path == NULL || !open_regular(AT_FDCWD, path, &fd, &s, e))
        return false;
    if (!is_private(&s))
        return err_set(
            e, ERR_PERMISSION,
            "read the secret '%s': its mode %04o lets others read it; try: chmod 0600 %s", path,
            (unsigned)(s.st_mode & 07777), path);
    if (!read_rest(fd, path, size_max, out, e))
        return false;
    while (out->size > 0 && isspace((unsigned char)out->text[out->size - 1]))
        out->text[--out->size] = '\0';
    return true;
}

bool
file_write_all(int fd, const void *bytes, size_t size)
{
    const char *b = bytes;

    while (size > 0) {
        ssize_t n = write(fd, b, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        b += n;
        size -= (size_t)n;
    }
    return true;
}

bool
file_sync_parent(int directory, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    own_mem char *parent = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    own_fd int fd = -1;

    if (parent == NULL)
        return err_memory(e);
    fd = openat(directory, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_errno(e, "sync the directory of '%s'", path);
    return true;
}

/* "PATH.xxxxxxxx": random, because a name that can be guessed can be taken. */
static char *
temporary_name(const char *path)
{
    unsigned char noise[8];
    char hex[2 * sizeof(noise) + 1];

    if (getrandom(noise, sizeof(noise), 0) != (ssize_t)sizeof(noise))
        return NULL;
    str_hex(hex, noise, sizeof(noise));
    return str_format("%s.%s" TEMPORARY, path, hex);
}

bool
file_give(int fd, struct file_access access)
{
    struct stat s = {0};

    return fstat(fd, &s) == 0 &&
           (access.group == (gid_t)-1 || s.st_gid == access.group ||
            fchown(fd, (uid_t)-1, access.group) == 0) &&
           ((s.st_mode & 0777) == access.mode || fchmod(fd, access.mode) == 0);
}

bool
file_has_group(gid_t group)
{
    int most = getgroups(0, NULL);
    own_mem gid_t *groups = calloc((size_t)(most > 0 ? most : 0) + 1, sizeof(*groups));
    int count = groups == NULL ? -1 : getgroups(most, groups);

    for (int i = 0; i < count; i++)
        if (groups[i] == group)
            return true;
    return getegid() == group;
}

/* Made, filled and given to whom it is for, before it has its name. */
static bool
replace(int directory, const char *path, const void *bytes, size_t size, struct file_access access,
        struct err *e)
{
    own_mem char *temporary = temporary_name(path);
    own_fd int fd = -1;

    if (temporary == NULL)
        return err_memory(e);
    fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        (void)err_errno(e, "create a file beside '%s'", path);
        e->code = e->code == ERR_SYSTEM ? ERR_CREATE : e->code;
        return false;
    }
    if (!file_write_all(fd, bytes, size) || !file_give(fd, access) || fsync(fd) < 0 ||
        renameat(directory, temporary, directory, path) < 0) {
        (void)err_errno(e, "write '%s'", path);
        (void)unlinkat(directory, temporary, 0);
        return false;
    }
    return file_sync_parent(directory, path, e);
}

bool
file_replace(int directory, const char *path, const void *bytes, size_t size, mode_t mode,
             struct err *e)
{
    return replace(directory, path, bytes, size, (struct file_access){mode, (gid_t)-1}, e);
}

bool
file_replace_for(const char *path, const struct str *bytes, struct file_access access,
                 struct err *e)
{
    return replace(AT_FDCWD, path, bytes->text, bytes->size, access, e);
}

void
file_remove_temporaries(const char *directory)
{
    DIR *d = opendir(directory);

    if (d == NULL)
        return;
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        size_t length = strlen(entry->d_name);

        if (length > 4 && strcmp(entry->d_name + length - 4, TEMPORARY) == 0)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    }
    (void)closedir(d);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool
file_list(const char *directory, bool (*is_wanted)(const char *name), struct list *names,
          struct err *e)
{
    DIR *d = opendir(directory);
    size_t before = names->count;
    bool good = true;

    if (d == NULL)
        return errno == ENOENT || err_errno(e, "open '%s'", directory);
    for (const struct dirent *entry = readdir(d); good && entry != NULL; entry = readdir(d)) {
        const char *name = entry->d_name;

        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
            (is_wanted == NULL || is_wanted(name)))
            good = list_add(names, name) || err_memory(e);
    }
    (void)closedir(d);
    if (good && names->count > before + 1)
        qsort(names->items + before, names->count - before, sizeof(*names->items), by_name);
    return good;
}

bool
file_remove(int directory, const char *path, struct err *e)
{
    if (unlinkat(directory, path, 0) == 0)
        return file_sync_parent(directory, path, e);
    return errno == ENOENT || err_errno(e, "remove '%s'", path);
}

/* One directory, whose parent exists; its name is on disk when this returns. */
static bool
make_one(const char *path, mode_t mode, struct err *e)
{
    struct stat s = {0};
    bool made = mkdir(path, mode) == 0;

    if (made)
        return file_sync_parent(AT_FDCWD, path, e);
    if (errno == EEXIST && stat(path, &s) == 0) {
        if (S_ISDIR(s.st_mode))
            return true;
        errno = ENOTDIR;
    }
    (void)err_errno(e, "make the directory '%s'", path);
    e->code = e->code == ERR_SYSTEM ? ERR_CREATE : e->code;
    return false;
}

bool
file_make_directory(const char *path, mode_t mode, struct err *e)
{
    own_mem char *part = strdup(path);

    if (part == NULL)
        return err_memory(e);
    if (*path == '\0')
        return err_set(e, ERR_CREATE, "a directory without a name cannot be made");
    for (char *end = part; end != NULL;) {
        end = strchr(end + 1, '/');
        if (end != NULL)
            *end = '\0';
        if (!make_one(part, mode, e))
            return false;
        if (end != NULL)
            *end = '/';
    }
    return true;
}

/* flock(2) has no deadline of its own; most who hold it are about to end. */
static bool
lock(int fd, const char *path, int64_t wait_ms, struct err *e)
{
    int64_t pause_ms = 1;
    int64_t deadline_ms = clock_system.steady_ms(&clock_system) + wait_ms;

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_errno(e, "lock '%s'", path);
        if (clock_system.steady_ms(&clock_system) >= deadline_ms)
            return err_set(e, ERR_BUSY,
                           "another run of pgcert holds '%s'; try again when it is done", path);
        clock_system.sleep_ms(&clock_system, pause_ms);
        pause_ms = pause_ms < 32 ? pause_ms * 2 : 50;
    }
    return true;
}

bool
file_lock(const char *path, int64_t wait_ms, int *fd, struct err *e)
{
    own_fd int held = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (held < 0) {
        (void)err_errno(e, "open the lock '%s'", path);
        e->code = e->code == ERR_SYSTEM ? ERR_CREATE : e->code;
        return false;
    }
    if (!lock(held, path, wait_ms, e))
        return false;
    *fd = held;
    held = -1;
    return true;
}

bool
file_lock_directory(const char *path, int64_t wait_ms, int *fd, struct err *e)
{
    own_fd int held = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (held < 0)
        return err_errno(e, "open the directory '%s'", path);
    if (!lock(held, path, wait_ms, e))
        return false;
    *fd = held;
    held = -1;
    return true;
}
