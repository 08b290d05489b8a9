/* pidfile.h: signals for a process that is known by its number; what targets share. */
#ifndef PGCERT_RELOAD_TARGET_PIDFILE_H
#define PGCERT_RELOAD_TARGET_PIDFILE_H

#include "base/err.h"

#include <sys/types.h>

/*
 * Whose right is a signal sent by, whose number is in that file? By his who can write there: root's
 * own files are root's, and any other user reaches his own processes and no others.
 *
 * Gives:  user  ourselves, unless we are root
 * Errors: ERR_NETWORK     there is no such file
 *         ERR_CONFIG      it is a symbolic link
 *         ERR_PERMISSION  a directory of root's, and somebody else could lead us elsewhere
 *         ERR_SYSTEM
 */
MUST_USE bool pidfile_user(const char *path, uid_t *user, struct err *e);

/* Reads the number in a file. Errors: ERR_NETWORK  there is no such file; ERR_CONFIG  something
 * else is in it; ERR_PERMISSION, ERR_SYSTEM */
MUST_USE bool pidfile_read(const char *path, pid_t *pid, struct err *e);

/* Holds a process, so that the one which is looked at next is the one that gets the signal; the
 * descriptor is the caller's. Errors: ERR_NETWORK  it does not run; ERR_SYSTEM, ERR_PERMISSION */
MUST_USE bool pidfile_hold(pid_t pid, int *process, struct err *e);

/*
 * Is that the program which is wanted? The kernel cuts names at 15 bytes.
 *
 * Takes:  name  NULL: any is
 * Errors: ERR_NETWORK  it does not run; ERR_CONFIG  it is another one
 */
MUST_USE bool pidfile_has_name(pid_t pid, const char *name, struct err *e);

/* Sends a signal to one that is held. Errors: ERR_NETWORK  it has ended; ERR_PERMISSION, ERR_SYSTEM
 */
MUST_USE bool pidfile_send(int process, int signal, struct err *e);

#endif
