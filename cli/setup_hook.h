/* setup_hook.h: a file by which certbot calls pgcert after every renewal. */
#ifndef PGCERT_CLI_SETUP_HOOK_H
#define PGCERT_CLI_SETUP_HOOK_H

#include "cli/app.h"

#define SETUP_HOOK_CERTBOT "/etc/letsencrypt" /* certbot's own default for --config-dir */

/*
 * Writes renewal-hooks/deploy/pgcert below certbot's directory: an executable file that calls this
 * program by its path, with these settings. One of ours is brought up to date. Where we were root
 * it is root who judges and writes, also after the state directory was entered.
 *
 * Takes:  directory  certbot's
 *         is_dry     show it, write nothing
 *         may        asks; false and `e`: not to be done
 * Errors: ERR_CONFIG      there is no certbot; another file has that name; a path cannot be written
 *                         in a script
 *         ERR_PERMISSION  others than us can change the directory
 *         ERR_CREATE, ERR_SYSTEM; and what `may` said
 */
MUST_USE bool setup_hook_certbot(const struct app *app, const char *directory, bool is_dry,
                                 bool (*may)(const char *question, struct err *e), struct err *e);

#endif
