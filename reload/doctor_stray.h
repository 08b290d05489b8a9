/* doctor_stray.h: is a file left over, by its name? */
#ifndef PGCERT_RELOAD_DOCTOR_STRAY_H
#define PGCERT_RELOAD_DOCTOR_STRAY_H

#include <stdbool.h>

/* As editors, package managers and other tools call what they leave: "server.key.bak", "x~". */
bool doctor_stray_is(const char *name);

/* A temporary file of pgcert's for `file`: "pgcert.pem.new-0123456789abcdef"; or beside it, for
 * what is trusted of clients. */
bool doctor_stray_is_ours(const char *name, const char *file);

#endif
