/* lazy.h: libraries that are loaded only when they are needed (dlopen). */
#ifndef PGCERT_BASE_LAZY_H
#define PGCERT_BASE_LAZY_H

#include "base/err.h"

/* One function: its name, and the pointer to be filled. A table ends with a row without name. */
struct lazy_symbol {
    const char *name;
    void *pointer; /* address of a function pointer */
};

/*
 * Loads a shared library once and fills the pointers.
 *
 * Takes:  soname  "libcurl.so.4"
 *         loaded  NULL at first; not NULL: nothing is done
 * Errors: ERR_INTERNAL  the library or a function of it is missing
 */
MUST_USE bool lazy_load(void **loaded, const char *soname, const struct lazy_symbol *symbols,
                        struct err *e);

#define LAZY_FILE_SIZE 64

/* The name of a loaded library's file, links followed, without its directory; "" when that is not
 * known. */
void lazy_file(char name[static LAZY_FILE_SIZE], void *library);

#endif
