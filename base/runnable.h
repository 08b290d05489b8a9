/* runnable.h: is a program such that we may run it? */
#ifndef PGCERT_BASE_RUNNABLE_H
#define PGCERT_BASE_RUNNABLE_H

#include "base/err.h"
#include "base/own.h"

#include <sys/types.h>

/*
 * Judges a program that will be run with a user's rights: nobody but root and that user may be able
 * to change it, or to put another one in its place.
 *
 * Gives:  resolved  its path without symbolic links, the caller's to free
 * Errors: ERR_CONFIG      there is no such file, or it is not a regular one
 *         ERR_PERMISSION  somebody else owns it or may write it, or a directory above it; or a
 *                         link on the way to it is his
 */
MUST_USE bool runnable_check(const char *path, uid_t user, char **resolved, struct err *e);

#endif
