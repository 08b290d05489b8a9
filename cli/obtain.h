/* obtain.h: get a certificate from its issuer, or from the one that stands in for it. */
#ifndef PGCERT_CLI_OBTAIN_H
#define PGCERT_CLI_OBTAIN_H

#include "cli/report.h"

/*
 * Obtains a generation: order, check, store. The report's plan is of the new one then.
 *
 * When the issuer fails and it matters by now (see obtain_needs_fallback()), its `fallback` is
 * tried in the same run.
 *
 * Takes:  force  though too soon after a failure
 * Errors: what acme_issue() has; ERR_INPUT  what came is not acceptable; ERR_BUSY  too soon
 */
MUST_USE bool obtain_run(struct app *app, bool force, struct report *r, struct err *e);

/*
 * Checks key and chain of an issuer, and stores them as the wanted generation.
 *
 * Errors: ERR_INPUT  they are not acceptable: is_answer; what store_add() has
 */
MUST_USE bool obtain_accept(struct app *app, struct report *r, const struct issuer *issuer,
                            const struct str *key_pem, const struct str *chain_pem, struct err *e);

/*
 * Runs a whole order at the issuer's `rehearsal` directory, and checks what came; stores nothing.
 *
 * Errors: ERR_CONFIG  the issuer has none; what acme_issue() has; ERR_INPUT
 */
MUST_USE bool obtain_rehearse(struct app *app, struct report *r, struct err *e);

/*
 * Has an issuer failed for long enough that another one is better than none?
 *
 * Clients may trust only the roots of the usual issuer, so it is not given up at the first failure:
 * after three in a row that it has answered (ten minutes and more), or when less than half of the
 * time is left in which it is to be renewed, or when there is no certificate that is valid.
 *
 * Takes:  failures      in a row, with the last one
 *         renew_at_s    when it was to be renewed by its lifetime, not_after_s: when it ends; both
 * 0: there is none
 */
bool obtain_needs_fallback(int64_t failures, int64_t renew_at_s, int64_t not_after_s,
                           int64_t now_s);

#endif
