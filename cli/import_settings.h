/* import_settings.h: settings for what was found of another client. */
#ifndef PGCERT_CLI_IMPORT_SETTINGS_H
#define PGCERT_CLI_IMPORT_SETTINGS_H

#include "cli/app.h"
#include "cli/import.h"

/* What was asked for; borrowed. */
struct import_wish {
    const char *dns; /* the [dns NAME] that proves all; NULL: the client's own, or the only one */
    const char *deploy; /* the [target NAME] that serves it; NULL: none */
    bool is_dry;        /* write nothing; only the settings in memory have it then */
};

/* Reads the settings, or what is beside the file while that is not there yet. As config_read(). */
MUST_USE bool import_settings_read(struct app *app, struct err *e);

/*
 * Writes sections for a certificate that the settings do not have, with the issuer and the dns
 * where no such ones are there; the settings are read again then.
 *
 * Gives:  c->issuer, c->did
 *         text  what was written, or would be; empty: nothing
 *         path  where; free() it
 * Errors: ERR_CONFIG  how its names are proved is not known; the settings have it from elsewhere;
 *                     there is such a file
 *         ERR_INPUT   a value cannot be a setting
 *         what settings_try() has
 */
MUST_USE bool import_settings(struct app *app, const struct import *im,
                              struct import_certificate *c, const struct import_wish *w,
                              struct str *text, char **path, struct err *e);

/* The file of a provider's secret; free() it. NULL: out of memory. */
MUST_USE char *import_secret_path(const struct app *app, const char *client,
                                  const struct import_dns *d, size_t i);

#endif
