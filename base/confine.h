/* confine.h: what this process may from now on, whatever it will be made to do by others' bytes. */
#ifndef PGCERT_BASE_CONFINE_H
#define PGCERT_BASE_CONFINE_H

#include "base/landlock.h"
#include "base/syscalls.h"

/* All of it is borrowed. */
struct confine {
    struct landlock files;
    enum syscalls what;
};

/*
 * Confines this process and all that it starts, for good: files by Landlock, system calls by
 * seccomp(2), and no program can gain privileges. Whichever of the two the kernel lacks is left
 * out, and said in the debug log.
 *
 * Errors: ERR_SYSTEM  the kernel has it and does not do it; then the process must not go on
 */
MUST_USE bool confine_enter(const struct confine *c, struct err *e);

/* Adds what every program that is linked dynamically and speaks TLS reads: libraries, the system's
 * roots, time zones, users, what resolves names. False when memory ran out. */
MUST_USE bool confine_add_system(struct list *read);

#endif
