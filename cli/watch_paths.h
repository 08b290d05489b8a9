/* watch_paths.h: the files of a certificate that may change without us. */
#ifndef PGCERT_CLI_WATCH_PATHS_H
#define PGCERT_CLI_WATCH_PATHS_H

#include "cli/config.h"
#include "inotify/watch.h"

struct watch_paths {
    struct list texts;
    struct watch_path *items; /* their paths are those texts */
    size_t count;
};

#define own_watch_paths __attribute__((cleanup(watch_paths_done)))

/*
 * Lists them: its generations in the store; where its issuer is files that another tool renews,
 * those; and what was deployed for it, with the sign that the server there has started.
 *
 * Gives:  out     empty before; none where nothing is to be done for it but to obtain it
 * Errors: ERR_INPUT  what is remembered of it is damaged; ERR_SYSTEM
 */
MUST_USE bool watch_paths_list(const struct config *config, const struct certificate *c,
                               struct watch_paths *out, struct err *e);

/* Is its issuer files that another tool renews? */
bool watch_paths_is_files(const struct certificate *c);

/*
 * Do key and chain of such an issuer belong together? While another tool writes them, they do not.
 * True for every other one, and where they cannot be read: that is found out by whoever reads them.
 */
bool watch_paths_match(const struct certificate *c);

/* Adds one; text NULL: out of memory. The path is copied. ERR_SYSTEM. */
MUST_USE bool watch_paths_add(struct watch_paths *p, const char *text, watch_filter *is_wanted,
                              struct err *e);

/* Adds a file that was deployed, and the sign that the server there has started. ERR_SYSTEM. */
MUST_USE bool watch_paths_add_deployed(struct watch_paths *p, const char *file, struct err *e);

void watch_paths_done(struct watch_paths *p);

#endif
