/* finding.h: what was found to be wrong, and how it is mended: a list of findings. */
#ifndef PGCERT_BASE_FINDING_H
#define PGCERT_BASE_FINDING_H

#include "base/err.h"

#include <stddef.h>

enum finding_kind {
    FINDING_BAD,     /* it fails already, or will */
    FINDING_WARNING, /* it may, or will if nobody does anything */
    FINDING_UNSEEN,  /* it could not be looked at */
    FINDING_NOTE,    /* worth knowing; nothing fails */
    FINDING_KINDS,
};

/* "bad" "warning" "unseen" "note". */
extern const char *const finding_words[FINDING_KINDS];

/* One of them. All but `check` is owned. */
struct finding {
    enum finding_kind kind;
    const char *check; /* the name of the check, borrowed */
    char *subject;     /* a file, a target, a name: what it is about */
    char *text;        /* one sentence */
    char *remedy;      /* what to do; NULL: nothing is known */
};

/* `{0}` is empty. That memory ran out is remembered, so that not every caller has to look. */
struct findings {
    struct finding *items;
    size_t count;
    const char *check;    /* the one that is at work */
    bool is_short;        /* memory ran out: there would be more */
    enum err_code unseen; /* why something could not be looked at; ERR_NONE: all could */
};

#define own_findings __attribute__((cleanup(findings_done)))

/* Adds one without a remedy. Control characters of foreign texts become '?'. */
void finding_add(struct findings *f, enum finding_kind kind, const char *subject,
                 const char *format, ...) PRINTF(4, 5);

/* What to do about the one that was added last. */
void finding_remedy(struct findings *f, const char *format, ...) PRINTF(2, 3);

/* Adds FINDING_UNSEEN with the error's text and remembers the code of the first. False: that was
 * said already, or memory ran out, and the one that was added last is another. */
bool finding_unseen(struct findings *f, const char *subject, const struct err *e);

/* May a path stand between single quotes in a command that somebody is to paste? Others may have
 * chosen its name: with a quote, a backslash or a control character in it no remedy has it. */
bool finding_is_quotable(const char *path);

/* How many of that kind. */
size_t finding_count(const struct findings *f, enum finding_kind kind);

/* Frees and zeroes. */
void findings_done(struct findings *f);

#endif
