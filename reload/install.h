/* install.h: put a file, or some that belong together, in place so that no kill, crash or full disk
 * can leave half of it.
 *
 * Everything is done by the owner of the directory: by ourselves when we are that user, else, as
 * root, by a child that becomes that user first. Below an opened directory only, never through a
 * symbolic link.
 */
#ifndef PGCERT_RELOAD_INSTALL_H
#define PGCERT_RELOAD_INSTALL_H

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

#define INSTALL_PREVIOUS ".previous" /* what was there before is kept under this ending */
#define INSTALL_FILES_MAX 8          /* that belong together */
#define INSTALL_READ_MAX (4 * 1024 * 1024 - 1)

/* A file that is, or will be, there. */
struct install {
    const char *path; /* absolute */
    bool secret;      /* 0600, or 0640 with `group` where root owns the directory; else 0644 */
    mode_t mode;      /* another one; 0: as `secret` says */
    uid_t reader;     /* the user who will read a secret; (uid_t)-1: not known */
    gid_t group;      /* that user's; (gid_t)-1: not known */
    /* Not NULL: somebody else's file, which keeps owner, group and mode (ACLs are lost), and is
     * replaced only while it holds these bytes. */
    const struct str *over;
    bool keep_first; /* what is there is kept also without `keep`, while nothing is kept yet */
};

/*
 * Replaces the file, or makes it, whole or not at all.
 *
 * Takes:  keep  keep what is there now as FILE.previous (whatever was kept before is replaced)
 * Errors: ERR_CREATE      no file can be made in the directory, or there is no such directory
 *         ERR_SYSTEM      such as a full disk; what was there still is, and nothing else
 *         ERR_PERMISSION  neither the owner of the directory nor root; or others could replace the
 *                         file, or the server could not read it
 *         ERR_CONFIG      the path names something that is no regular file
 *         ERR_BUSY        somebody else is writing there, or the file does not hold `over` any more
 */
MUST_USE bool install_write(const struct install *i, const struct str *bytes, bool keep,
                            struct err *e);

/*
 * The same for several that belong together: all of them are written before the first is renamed,
 * and then one rename follows the other in their order, so the key comes first. A kill between two
 * renames is mended by the next call for these files, whichever it is.
 *
 * Takes:  set    1 to INSTALL_FILES_MAX, in directories of one owner
 *         bytes  of each
 * Errors: as install_write(); ERR_CONFIG  directories of several owners
 */
MUST_USE bool install_write_all(const struct install *set, size_t count, const struct str *bytes,
                                bool keep, struct err *e);

/* Puts FILE.previous back as FILE; it stays there too. Needs no space on the disk. Of several, one
 * but the first may have none, and stays as it is. Errors: as install_write(). */
MUST_USE bool install_restore(const struct install *i, struct err *e);
MUST_USE bool install_restore_all(const struct install *set, size_t count, struct err *e);

/* Removes the file. That it is not there is not an error. Errors: as install_write(). */
MUST_USE bool install_remove(const struct install *i, struct err *e);
MUST_USE bool install_remove_all(const struct install *set, size_t count, struct err *e);

/* Only ends what a killed run began. Errors: as install_write(). */
MUST_USE bool install_repair_all(const struct install *set, size_t count, struct err *e);

/* Reads a file (base name `ending` added), as its directory's owner where we are root, else as
 * ourselves. *found is false when it is not there. Errors: ERR_SYSTEM, ERR_PERMISSION, ERR_INPUT */
MUST_USE bool install_read(const char *path, const char *ending, struct str *out, bool *found,
                           struct err *e);

/* Reads a file, as its directory's owner where we may not and may become him. False: it cannot be
 * read, whyever. */
MUST_USE bool install_peek(const char *path, size_t size_max, struct str *out);

/*
 * Finds the file that a path names: itself, or, where the administrator has put a symbolic link,
 * the one which that names. Whoever made the link must be able to write there as well.
 *
 * Gives:  real  absolute; free() it
 * Errors: ERR_PERMISSION  the link is somebody else's; ERR_CONFIG, ERR_CREATE, ERR_SYSTEM
 */
MUST_USE bool install_follow(const char *path, char **real, struct err *e);

/* When the file, or its name, was last changed: microseconds since 1970. Errors: as install_read();
 * also when it is not there. */
MUST_USE bool install_changed(const char *path, int64_t *at_us, struct err *e);

#endif
