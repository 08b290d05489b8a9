/* hba.h: what hba.c asks of a kind of server, to change who may log in there. */
#ifndef PGCERT_RELOAD_HBA_H
#define PGCERT_RELOAD_HBA_H

#include "reload/reload.h"

/* What a server says about it. */
struct hba_view {
    char *files[HBA_FILES]; /* absolute */
    bool by_dn;             /* it can compare the whole name of a certificate */
    struct err may_not;     /* ERR_NONE: certificates of clients can be checked; else what to do */
};

void hba_view_done(struct hba_view *v);

/* A session is that of target_type.open(). */
struct target_hba {
    /* ERR_PERMISSION  it may not be seen or reloaded; ERR_CONFIG  the server is elsewhere; and
     * those of sql_query() */
    bool (*look)(void *session, struct hba_view *view, struct err *e);

    /* Would the server load the file as it is on disk now?
     * Takes:  last   the last line of pgcert's block; 0: there is none
     * Gives:  rules  how many it sees in those lines; -1: it cannot tell
     * Errors: ERR_CONFIG  file, line and why not */
    bool (*judge)(void *session, const struct hba_view *view, enum hba_file which, int last,
                  int *rules, struct err *e);

    /* The time by the server's clock, microseconds since 1970. */
    bool (*now)(void *session, int64_t *now_us, struct err *e);

    /* When it last read its files, as far as this session knows; the same unit. */
    bool (*loaded)(void *session, int64_t *at_us, struct err *e);
};

#endif
