/* hook_match.h: whose files another client has renewed, and what to add when they are nobody's. */
#ifndef PGCERT_CLI_HOOK_MATCH_H
#define PGCERT_CLI_HOOK_MATCH_H

#include "cli/app.h"
#include "cli/hook.h"

/*
 * Adds the certificates whose issuer has the files of the call: the same ones by their real paths,
 * or copies of them.
 *
 * Errors: ERR_SYSTEM  out of memory
 */
MUST_USE bool hook_match(const struct app *app, const struct hook_call *call, struct list *names,
                         struct err *e);

/* Shows the sections that would make it ours. Always returns false, with ERR_CONFIG. */
bool hook_match_none(const struct app *app, const char *client, const struct hook_call *call,
                     struct err *e);

#endif
