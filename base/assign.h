/* assign.h: the assignments of a shell script that holds settings, read and never run. */
#ifndef PGCERT_BASE_ASSIGN_H
#define PGCERT_BASE_ASSIGN_H

#include "base/err.h"
#include "base/str.h"

#define ASSIGN_FILE_MAX ((size_t)256 * 1024) /* bytes of a file we are willing to read */

/* One NAME=value. Values may be secrets: they are wiped when freed. */
struct assign {
    char *name;
    char *value;
};

struct assigns {
    struct assign *items; /* each name once: the last one won */
    size_t count;
    int odd_line; /* the first one that is more than an assignment of text; 0: there is none */
};

#define own_assigns __attribute__((cleanup(assign_done)))

/*
 * Reads lines `NAME=value`, `export NAME=value`, with the quotes and backslashes of the shell
 * (POSIX.1-2017, Shell Command Language, section 2.2), and with $NAME and ${NAME} of what is
 * assigned already. Whatever else there is, a command above all, is passed over.
 *
 * Gives:  a  added to what is in it
 * Errors: ERR_INPUT  too large, a NUL in it, too many assignments; ERR_SYSTEM
 */
MUST_USE bool assign_read(struct assigns *a, const char *text, size_t size, struct err *e);

/* NULL when it is not there. */
const char *assign_find(const struct assigns *a, const char *name);

/* Sets one; false when memory ran out. */
MUST_USE bool assign_put(struct assigns *a, const char *name, const char *value);

/* Around what it wraps. */
#define ASSIGN_WRAP_BEGIN "__ACME_BASE64__START_"
#define ASSIGN_WRAP_END "__ACME_BASE64__END_"

/* Appends what acme.sh means by a value: it wraps in base64 what the shell could mistake. False: it
 * is wrapped, and damaged or holds a NUL; or memory ran out. */
MUST_USE bool assign_unwrap(const char *value, struct str *out);

/*
 * Fills in a text: each {NAME} becomes its value.
 *
 * Gives:  out      appended to
 *         missing  a NAME without value, where it stopped; free() it. NULL: there is none
 * Returns false when memory ran out.
 */
MUST_USE bool assign_fill(const char *text, const struct assigns *a, struct str *out,
                          char **missing);

void assign_done(struct assigns *a);

#endif
