/* share.c: what others may read of the CA's directory. Modes are set on descriptors: umask(2) takes
 * from them whatever is not the owner's. */
#include "ca/share.h"

#include "base/child.h"
#include "base/file.h"
#include "base/log.h"
#include "base/store.h"
#include "ca/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIRECTORY (mode_t)0755
#define OPEN_FILE (mode_t)0644
#define PERMISSIONS (mode_t)0777

const char *const share_canaries[] = {"canary.pem", "canary-revoked.pem", "canary-retired.pem",
                                      NULL};

bool
share_is_wanted(const struct ca_config *config)
{
    struct stat s = {0};

    return lstat(config->directory, &s) == 0 && S_ISDIR(s.st_mode) && (s.st_mode & S_ISGID) != 0;
}

mode_t
share_canary_mode(const struct ca_config *config)
{
    return share_is_wanted(config) ? 0640 : 0600;
}

/* Who is not in the group of a file takes its setgid bit away by changing its mode, silently. */
static bool
loses_group(const struct stat *s)
{
    return (s->st_mode & S_ISGID) != 0 && !child_is_root() && !file_has_group(s->st_gid);
}

/* The setgid bit of the whole directory stays; one that is below it needs none. */
static bool
open_up(const char *path, bool is_whole, struct err *e)
{
    own_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat s = {0};

    if (fd < 0 || fstat(fd, &s) < 0)
        return err_errno(e, "open '%s'", path);
    if ((s.st_mode & PERMISSIONS) != OPEN_DIRECTORY && is_whole && loses_group(&s))
        return err_set(e, ERR_PERMISSION,
                       "the mode of '%s' stays as it is: we are not in its group; as root: chmod "
                       "2755 '%s'",
                       path, path);
    return (s.st_mode & PERMISSIONS) == OPEN_DIRECTORY ||
           fchmod(fd, OPEN_DIRECTORY | (s.st_mode & S_ISGID)) == 0 ||
           err_errno(e, "let others into '%s'", path);
}

bool
share_directory(const char *path, struct err *e)
{
    return file_make_directory(path, 0700, e) && open_up(path, false, e);
}

bool
share_save(const struct json_t *object, const char *path, struct err *e)
{
    own_mem char *text = json_encode(object);

    if (text == NULL)
        return err_memory(e);
    return file_replace(AT_FDCWD, path, text, strlen(text), OPEN_FILE, e);
}

/* ---- what is there already ---- */

static void
mend_directory(const struct ca_config *config, const char *name)
{
    own_mem char *path = authority_path(config, name, "");
    struct err e = {0};

    if (path != NULL && access(path, F_OK) == 0 && !open_up(path, name[0] == '\0', &e))
        log_debug("%s", e.text);
}

static void
mend_file(const struct ca_config *config, const char *name, mode_t mode)
{
    own_mem char *path = authority_path(config, name, "");
    own_fd int fd = path == NULL ? -1 : open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat s = {0};

    if (fd < 0 || fstat(fd, &s) < 0 || !S_ISREG(s.st_mode) || (s.st_mode & PERMISSIONS) == mode)
        return;
    if (fchmod(fd, mode) < 0)
        log_debug("the mode of '%s' stays as it is: %s", path, strerror(errno));
}

/* One that belongs to another group than the directory was brought here: another one is made. */
static void
mend_canary(const struct ca_config *config, const char *name)
{
    own_mem char *path = authority_path(config, name, "");
    struct stat directory = {0}, canary = {0};
    struct err e = {0};

    if (path == NULL || lstat(config->directory, &directory) < 0 || lstat(path, &canary) < 0)
        return;
    if (share_is_wanted(config) && canary.st_gid != directory.st_gid) {
        if (!file_remove(AT_FDCWD, path, &e))
            log_debug("%s", e.text);
        return;
    }
    mend_file(config, name, share_canary_mode(config));
}

static bool
is_number(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';
}

/* Those that rollovers have taken away. */
static void
mend_old(const struct ca_config *config)
{
    own_mem char *old = authority_path(config, "old", "");
    own_list struct list numbers = {0};
    struct err ignored = {0};

    if (old == NULL || !file_list(old, is_number, &numbers, &ignored))
        return;
    for (size_t i = 0; i < numbers.count; i++) {
        own_mem char *one = str_format("old/%s", numbers.items[i]);
        own_mem char *tenants = str_format("old/%s/" AUTHORITY_TENANTS, numbers.items[i]);

        if (one == NULL || tenants == NULL)
            return;
        mend_directory(config, one);
        mend_directory(config, tenants);
    }
}

/* Who deploys proves CRLs by the canaries, where that is another user than who signs. A sandbox may
 * forbid the bit: then the next run outside of it sets it. */
static void
mend_group(const struct ca_config *config)
{
    own_fd int fd = open(config->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (store_group() == (gid_t)-1 || share_is_wanted(config) || fd < 0)
        return;
    if (fchown(fd, (uid_t)-1, store_group()) < 0 || fchmod(fd, OPEN_DIRECTORY | S_ISGID) < 0)
        log_debug("'%s' is not for the group of who deploys: %s", config->directory,
                  strerror(errno));
}

void
share_mend(const struct ca_config *config)
{
    static const char *const directories[] = {"", AUTHORITY_TENANTS, AUTHORITY_NEXT,
                                              (AUTHORITY_NEXT "/" AUTHORITY_TENANTS), "old"};
    static const char *const files[] = {"crl.json", "rollover.json"};

    mend_group(config);
    for (size_t i = 0; i < COUNT(directories); i++)
        mend_directory(config, directories[i]);
    mend_old(config);
    for (size_t i = 0; i < COUNT(files); i++)
        mend_file(config, files[i], OPEN_FILE);
    for (size_t i = 0; share_canaries[i] != NULL; i++)
        mend_canary(config, share_canaries[i]);
}
