/* reader.h: read a file with no more rights than whoever decides what its path leads to. */
#ifndef PGCERT_BASE_READER_H
#define PGCERT_BASE_READER_H

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

/*
 * Finds who decides what a path leads to: the owner of the first directory, link or file on its way
 * that is not root's; root, when all of them are.
 *
 * Errors: ERR_PERMISSION  everybody does: something of root's on the way can be changed by others
 *         ERR_SYSTEM      it leads nowhere, or in circles
 */
MUST_USE bool reader_find(const char *path, uid_t *user, struct err *e);

/*
 * Reads a file. As root it is read with the rights of whoever decides what its path leads to, or
 * what it is; so nobody is handed by us what he may not read himself.
 *
 * Takes:  told_by   the settings file that names it
 *         size_max  more bytes than this are an error
 * Gives:  out       the bytes are added to it
 * Errors: as reader_find() and file_read(); ERR_TIMEOUT  the disk does not answer
 */
MUST_USE bool reader_read(const char *told_by, const char *path, size_t size_max, struct str *out,
                          struct err *e);

/*
 * Reads a file that the administrator has named: as file_read(), or file_read_secret(). Who may
 * become others reads it as the one who decides what its path leads to, if that is not root.
 */
MUST_USE bool reader_read_named(const char *path, size_t size_max, struct str *out, struct err *e);
MUST_USE bool reader_read_secret(const char *path, size_t size_max, struct str *out, struct err *e);

#endif
