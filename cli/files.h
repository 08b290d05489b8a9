/* files.h: key and chain that another tool renews: what an [issuer NAME] of type files reads. */
#ifndef PGCERT_CLI_FILES_H
#define PGCERT_CLI_FILES_H

#include "base/option.h"

/* [issuer NAME] with type = files. `{0}` is no such issuer. */
struct files {
    char *chain_file, *key_file, *trust_file;
    const char *told_by, *key_told_by; /* the settings files that name chain and key; borrowed */
    bool is_ahead; /* what follows was read before we became another user, who may not */
    struct str key_pem, chain_pem;
    struct err ahead; /* why they could not be read; ERR_NONE: they were */
};

extern const struct option files_options[];

/* Checks what the table cannot say. ERR_CONFIG. */
MUST_USE bool files_check_config(const struct files *f, const char *issuer, struct err *e);

/*
 * Reads a key and a chain that belong together, as PEM of one form, whatever the files have beside
 * them; never the key of one renewal and the chain of another.
 *
 * Gives:  both are appended
 * Errors: ERR_BUSY        they do not belong together, or change: they are being written
 *         ERR_INPUT       damaged, encrypted, too large, not a regular file
 *         ERR_SYSTEM      not there; ERR_PERMISSION
 */
MUST_USE bool files_read(const struct files *f, struct str *key_pem, struct str *chain_pem,
                         struct err *e);

/* Reads them now for all later calls of files_read(): we become another user soon. */
void files_read_ahead(struct files *f);

/* Forgets what was read ahead: who goes on for long must not take it for what the files hold. */
void files_forget_ahead(struct files *f);

/* Are they closed to the user that we are now, whatever was read ahead? */
bool files_are_shut(const struct files *f);

/* Is that why they could not be read: they are root's, and we are not? */
bool files_are_closed(const struct files *f, const struct err *e);

void files_done(struct files *f);

#endif
