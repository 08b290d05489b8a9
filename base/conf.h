/* conf.h: settings as read: sections, names, values, and where each one came from (libinih). */
#ifndef PGCERT_BASE_CONF_H
#define PGCERT_BASE_CONF_H

#include "base/err.h"
#include "base/str.h"

/* One setting. */
struct conf_value {
    char *name;
    char *text; /* UTF-8, white space and comment cut off; "" is a value too */
    char *file;
    int line; /* from 1 */
};

/* One section: [KIND] or [KIND NAME]. */
struct conf_section {
    char *kind;
    char *name; /* "" for [KIND] */
    char *file; /* where it was first named */
    int line;
    struct conf_value *values; /* each name once: the last one read won */
    size_t value_count;
};

struct conf {
    struct conf_section *sections; /* in order of first appearance */
    size_t section_count;
    struct list files; /* the ones read, in order */
};

#define own_conf __attribute__((cleanup(conf_done)))

/*
 * Reads `path`, then the .conf files of conf.d beside it in order of name (bytes). A section named
 * again is continued; a setting named again replaces the earlier one; an indented line without
 * `name =` continues the value above it.
 *
 * Gives:  c  empty before; also half filled after a failure, so conf_done() it in any case
 * Errors: ERR_CONFIG  with file and line: not `name = value`, a setting before the first section,
 *                     a line too long, not UTF-8, a file too large; `path` does not exist
 *         ERR_SYSTEM, ERR_PERMISSION  a file cannot be read
 */
MUST_USE bool conf_read(struct conf *c, const char *path, struct err *e);

/* The same without `path` itself, which need not be there: the files beside it alone. */
MUST_USE bool conf_read_beside(struct conf *c, const char *path, struct err *e);

/* The same from memory, for tests and fuzzers; `label` stands for the file name. */
MUST_USE bool conf_read_text(struct conf *c, const char *label, const char *text, size_t size,
                             struct err *e);

/*
 * The same for a file of another program in the manner of Python's configobj: settings before the
 * first section are those of [top], the ones of a [[subsection]] those of [sub], and quotes around
 * a value are taken off.
 */
MUST_USE bool conf_read_foreign(struct conf *c, const char *label, const char *text, size_t size,
                                struct err *e);

/* NULL when there is none. */
const struct conf_section *conf_find(const struct conf *c, const char *kind, const char *name);
const struct conf_value *conf_value_find(const struct conf_section *s, const char *name);

void conf_done(struct conf *c);

#endif
