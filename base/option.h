/* option.h: a table of options binds the settings of a section to a struct. */
#ifndef PGCERT_BASE_OPTION_H
#define PGCERT_BASE_OPTION_H

#include "base/conf.h"

/* What a value looks like, and the type of the field it fills. */
/* clang-format off */
enum option_type {
    OPTION_TEXT,      /* char *                anything; NULL when empty */
    OPTION_PATH,      /* char *                an absolute path, or credential:NAME; NULL when empty */
    OPTION_FILE_NAME, /* char *                an absolute path, or a name without '/'; NULL when empty */
    OPTION_URL,       /* char *                https://HOST[:PORT]/...; NULL when empty */
    OPTION_LIST,      /* struct list           words separated by commas or white space */
    OPTION_NAMES,     /* struct list           DNS names, IDN made A-labels (libidn2), lower case,
                                               "*." allowed in front, each once */
    OPTION_ENDPOINTS, /* struct list           HOST[:PORT], [V6]:PORT */
    OPTION_SPAN,      /* int64_t, seconds      30s 10min 12h 30d 10y; a bare number: seconds */
    OPTION_LIFETIME,  /* struct option_share   a span, or a share of the lifetime as 1/3 */
    OPTION_COUNT,     /* int64_t               a whole number from `least` to `most` */
    OPTION_YES_NO,    /* bool                  yes no true false on off */
    OPTION_WORD,      /* int                   index of the value in `words` */
};
/* clang-format on */

/* Either span_s > 0, or part/whole of the lifetime (whole > 0). */
struct option_share {
    int64_t span_s;
    int part, whole;
};

struct option {
    const char *name;
    enum option_type type;
    size_t offset;            /* of the field in the struct */
    const char *standard;     /* the default, as it would be written; NULL: none (zeroed field) */
    const char *help;         /* one line for the manual and `config show` */
    const char *const *words; /* OPTION_WORD: NULL-ended */
    int64_t least, most;      /* OPTION_COUNT */
    bool required;
};

/*
 * Fills a struct from a section.
 *
 * Takes:  s      NULL: only defaults are set
 *         table  ended by a row without name
 *         into   zeroed before; after a failure nothing of it is to be freed
 * Errors: ERR_CONFIG  file, line, section, setting and what is wrong with the value; a required
 *                     setting is missing
 * An empty value makes a text or list empty; for all other types it stands for the default.
 * Settings which the table does not have are left alone: option_check_names() judges them.
 */
MUST_USE bool option_bind(const struct conf_section *s, const struct option *table, void *into,
                          struct err *e);

/* ERR_CONFIG for the first setting of `s` that none of the tables (NULL-ended) knows, with the
 * nearest known word. */
MUST_USE bool option_check_names(const struct conf_section *s, const struct option *const *tables,
                                 struct err *e);

/* Frees what option_bind() allocated and zeroes those fields. A zeroed struct is nothing to free.
 */
void option_done(const struct option *table, void *into);

/* Reads one span ("12h") or share ("1/3"), as in OPTION_LIFETIME. False when it is neither. */
MUST_USE bool option_parse_share(struct option_share *share, const char *text);

/* Splits HOST[:PORT] or [V6][:PORT]; *port is `standard` when not given. False when malformed.
 * The host is the caller's to free. */
MUST_USE bool option_parse_endpoint(char **host, int *port, const char *text, int standard);

#endif
