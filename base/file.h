/* file.h: read bounded, replace whole, lock. */
#ifndef PGCERT_BASE_FILE_H
#define PGCERT_BASE_FILE_H

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

/*
 * Reads a whole regular file.
 *
 * Takes:  directory  descriptor, or AT_FDCWD
 *         size_max   more bytes than this are an error
 * Gives:  out        the bytes are added to it
 * Errors: ERR_SYSTEM      it cannot be opened or read; errno is kept (ENOENT: it does not exist)
 *         ERR_PERMISSION  not permitted
 *         ERR_INPUT       not a regular file, or too large
 */
MUST_USE bool file_read(int directory, const char *path, size_t size_max, struct str *out,
                        struct err *e);

/* The same, but a file that does not exist is not an error: *found says. */
MUST_USE bool file_read_if_there(int directory, const char *path, size_t size_max, struct str *out,
                                 bool *found, struct err *e);

/* The same where others may put something in its place: a link there is not followed, and no
 * device or pipe is waited for, but they are ERR_INPUT. */
MUST_USE bool file_read_itself(const char *path, size_t size_max, struct str *out, bool *found,
                               struct err *e);

/*
 * Reads a secret: a file that others may not read, or "credential:NAME", which systemd has put into
 * $CREDENTIALS_DIRECTORY (systemd.exec(5)). What it ends in of white space is cut off.
 *
 * Errors: as file_read(); ERR_CONFIG when there is no such credential; ERR_PERMISSION when its mode
 * lets others than owner (and group, where root owns it) read it: 0600, 0400, or root's 0640
 */
MUST_USE bool file_read_secret(const char *path, size_t size_max, struct str *out, struct err *e);

/*
 * Replaces a file, or makes it, whole or not at all: temporary name beside it, mode 0600 from
 * birth, write, mode, fsync, rename, fsync of the directory. No temporary file is left behind.
 *
 * Errors: ERR_CREATE  the temporary file cannot be made; ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool file_replace(int directory, const char *path, const void *bytes, size_t size,
                           mode_t mode, struct err *e);

/* Who may do what with a file. */
struct file_access {
    mode_t mode;
    gid_t group; /* (gid_t)-1: as it comes */
};

/* Gives an open file of ours that group and mode, the group first, so that no other group ever may
 * read it. False with errno: EPERM where we are no member of the group. */
MUST_USE bool file_give(int fd, struct file_access access);

/* Are we a member of that group? */
bool file_has_group(gid_t group);

/* The same as file_replace(), for who is said; before it has its name it is for nobody else. */
MUST_USE bool file_replace_for(const char *path, const struct str *bytes, struct file_access access,
                               struct err *e);

/* Removes a file and syncs the directory; that it is not there is not an error. */
MUST_USE bool file_remove(int directory, const char *path, struct err *e);

/* Removes the temporary files which killed runs of file_replace() have left in a directory. To be
 * called by who alone writes there. */
void file_remove_temporaries(const char *directory);

/*
 * Adds the names of what is in a directory, sorted; nothing where there is none.
 *
 * Takes:  is_wanted  NULL: all but "." and ".."
 * Errors: ERR_SYSTEM, ERR_PERMISSION  it cannot be opened
 */
MUST_USE bool file_list(const char *directory, bool (*is_wanted)(const char *name),
                        struct list *names, struct err *e);

/* Makes a directory and its parents (mode for each new one); existing ones are left as they are. */
MUST_USE bool file_make_directory(const char *path, mode_t mode, struct err *e);

/* fsync of the directory which holds `path`. */
MUST_USE bool file_sync_parent(int directory, const char *path, struct err *e);

/* Writes all of it, over interruptions. False with errno. */
MUST_USE bool file_write_all(int fd, const void *bytes, size_t size);

/*
 * Locks a file (made 0600 when missing) for this process alone, until the descriptor is closed.
 *
 * Takes:  wait_ms  how long to wait for another holder; 0: not at all
 * Gives:  fd       the lock
 * Errors: ERR_BUSY    another process holds it; ERR_CREATE, ERR_PERMISSION, ERR_SYSTEM
 */
MUST_USE bool file_lock(const char *path, int64_t wait_ms, int *fd, struct err *e);

/* The same of a directory that is there: where others write, a file could be theirs. */
MUST_USE bool file_lock_directory(const char *path, int64_t wait_ms, int *fd, struct err *e);

#endif
