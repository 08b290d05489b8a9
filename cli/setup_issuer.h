/* setup_issuer.h: who signs a certificate that setup adds: an [issuer] that is there, or a new one.
 */
#ifndef PGCERT_CLI_SETUP_ISSUER_H
#define PGCERT_CLI_SETUP_ISSUER_H

#include "cli/setup_settings.h"

/*
 * Chooses it, and adds its sections where they are missing: that which was named; with --acme an
 * ACME server; with --certbot-hook certbot's own files, where it has that certificate; else the
 * only one that there is, and where there is none the private CA, for that needs nobody else.
 *
 * Takes:  name    of the certificate
 * Gives:  issuer  its name; the caller's to free
 * Errors: ERR_USAGE   it must be said which, or more of it
 */
MUST_USE bool setup_issuer_choose(const struct config *c, const char *name,
                                  const struct settings_wish *w, struct str *text, char **issuer,
                                  struct err *e);

/* May that become one line of the settings? ERR_USAGE  not: `what` is the flag. */
MUST_USE bool setup_issuer_is_line(const char *what, const char *value, struct err *e);

#endif
