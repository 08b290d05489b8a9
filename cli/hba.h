/* hba.h: pg_hba.conf and pg_ident.conf for the clients of the private CA. */
#ifndef PGCERT_CLI_HBA_H
#define PGCERT_CLI_HBA_H

#include "cli/app.h"

/* What `client show --hba` was told. */
struct hba_question {
    int user_count;
    char **users;
    const char *tenant;   /* whose users they are; NULL: of none */
    const char *database; /* NULL: that of each bundle */
    const char *source;   /* addresses, ranges, words; NULL: all */
};

/*
 * Prints the lines of these users.
 *
 * Errors: ERR_USAGE  --source is none; a user has no bundle, and there is no --database
 *         ERR_INPUT  the private CA has issued nothing to a user; a name cannot stand there
 *         ERR_CONFIG, ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool hba_show(const struct app *app, const struct hba_question *q, struct err *e);

/* What `setup --mutual-tls` was told. */
struct hba_setup {
    const char *source; /* as above; NULL: as it is in the files, or all */
    bool is_dry;
    bool (*may)(const char *question, struct err *e); /* asks; false and `e`: not to be done */
};

/*
 * Brings the servers of these certificates to the clients whose bundles are kept and not revoked:
 * shows the lines, asks, writes, reloads.
 *
 * Takes:  names  of certificates; one that is not in the settings (in a dry run) has no server yet
 * Errors: those of reload_hba() and of `may`
 */
MUST_USE bool hba_set_up(struct app *app, int count, char **names, const struct hba_setup *how,
                         struct err *e);

/* Says by which command pg_hba.conf follows what was just done; only to people. */
void hba_hint(const struct app *app);

#endif
