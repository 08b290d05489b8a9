/* syscalls.h: what this process may still ask the kernel for. The only door to libseccomp. */
#ifndef PGCERT_BASE_SYSCALLS_H
#define PGCERT_BASE_SYSCALLS_H

#include "base/err.h"

/* By what there is to do. */
enum syscalls {
    SYSCALLS_FILES,    /* changes files: no new socket, no program, no new process */
    SYSCALLS_LOCAL,    /* works on this host, also as other users: no new socket but Unix ones, no
                          program */
    SYSCALLS_NETWORK,  /* speaks with other hosts, by IP alone; no program */
    SYSCALLS_PROGRAMS, /* also runs programs of the administrator's, which may be anything */
};

/* Has the kernel filters? */
bool syscalls_kernel_can(void);

/* The same, and is libseccomp here? */
bool syscalls_can(void);

/* The version of libseccomp that runs; loads it. NULL: it cannot be loaded. */
const char *syscalls_library(void);

/*
 * Restricts this process and all that it starts, for good.
 *
 * FILES and NETWORK allow what is in a list. What is not in it, and is not known to be dangerous,
 * fails with ENOSYS, as on an older kernel: a C library that is newer than the list then takes
 * another way, where EPERM would be an answer and SIGSYS the end of a renewal in its middle. What
 * is dangerous (a program, a trace, a mount, a namespace, another user, ...) fails with EPERM.
 * LOCAL and PROGRAMS refuse only these. New sockets are of IP, or also of Unix where programs are
 * run; a terminal cannot be typed at.
 *
 * Nobody is killed: a call that is refused does no harm, and who makes it may go on to say why he
 * failed.
 *
 * no_new_privs is set by this.
 *
 * Errors: ERR_SYSTEM  it can be done and failed; when it cannot, that is true
 * Source: seccomp(2), seccomp_rule_add(3)
 */
MUST_USE bool syscalls_enter(enum syscalls what, struct err *e);

#endif
