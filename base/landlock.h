/* landlock.h: which files this process may open from now on, by the kernel's Landlock. */
#ifndef PGCERT_BASE_LANDLOCK_H
#define PGCERT_BASE_LANDLOCK_H

#include "base/err.h"
#include "base/str.h"

/* What is allowed; everything else is not. Paths are absolute, links in them are followed, and what
 * is not there is left out. */
struct landlock {
    const struct list *read;   /* may be read and run, with what is beneath */
    const struct list *write;  /* may be read and changed, with what is beneath */
    const struct list *hidden; /* is neither, whatever it is beneath; also what will be there */
    bool may_listen;           /* at a TCP port; connecting is not restricted */
};

/* The version of the kernel's interface; 0: it has none. */
int landlock_abi(void);

/*
 * Restricts this process and all that it starts, for good. Directories may be listed, wherever
 * they are. The devices that programs take for granted (/dev/null, /dev/urandom, /dev/tty, ...) may
 * be read and written, and no others: what a disk holds can be read from it as well. From ABI 6 on,
 * nobody outside can be sent a signal, nor be reached by an abstract socket; nobody outside can be
 * traced.
 *
 * no_new_privs is set by this.
 *
 * Errors: ERR_SYSTEM  the kernel has Landlock and does not do it; when it has none, that is true
 * Source: docs.kernel.org/userspace-api/landlock.html
 */
MUST_USE bool landlock_enter(const struct landlock *l, struct err *e);

#endif
