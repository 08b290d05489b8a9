/* setup_settings.h: the settings which setup adds to those that are there. */
#ifndef PGCERT_CLI_SETUP_SETTINGS_H
#define PGCERT_CLI_SETUP_SETTINGS_H

#include "cli/app.h"

/* What setup was told; borrowed. */
struct settings_wish {
    const char *issuer, *target;      /* names; NULL: not said */
    const char *acme, *contact, *dns; /* an ACME server to be written; NULL: none */
    const char *names;                /* more of them for the certificate; NULL: none */
    const char *certbot;              /* its directory, when its files are wanted; else NULL */
    bool mutual_tls;
    bool is_dry;                                      /* show them, write nothing */
    bool (*may)(const char *question, struct err *e); /* asks; false and `e`: not to be done */
};

/* Is there no settings file? */
bool settings_lack(const struct app *app);

/* Where settings of that name are to be written: the settings file itself when it is missing; else
 * conf.d/NAME.conf beside it, "wildcard." for "*."; free() it. NULL: no name for a file. */
MUST_USE char *settings_path(const struct app *app, const char *name);

/*
 * Writes a new file of settings and reads them all again; it is removed when they are not good.
 *
 * Errors: ERR_CONFIG  the file exists; the settings are wrong then, and have to be read again
 *         ERR_PERMISSION, ERR_SYSTEM, ERR_CREATE
 */
MUST_USE bool settings_try(struct app *app, const char *path, const struct str *text,
                           struct err *e);

/*
 * Writes sections for a certificate that the settings do not have, with the target and the issuer
 * where these are missing, into a new file; the settings are read again then.
 *
 * Errors: ERR_USAGE   it must be said which issuer or target; it is not wanted
 *         ERR_CONFIG  there is no server to be found; the file exists; the settings are wrong then
 *         ERR_PERMISSION, ERR_SYSTEM, ERR_CREATE
 */
MUST_USE bool settings_add_certificate(struct app *app, const char *name,
                                       const struct settings_wish *w, struct err *e);

/*
 * Writes mutual_tls for the targets of a certificate that do not have it; in a dry run one that is
 * not in the settings has none.
 *
 * Gives:  added  whether there was one
 * Errors: as settings_add_certificate()
 */
MUST_USE bool settings_add_mutual_tls(struct app *app, const char *name,
                                      const struct settings_wish *w, bool *added, struct err *e);

#endif
