/* poll.h: ask the issuer when it would like a certificate to be renewed (RFC 9773). */
#ifndef PGCERT_CLI_POLL_H
#define PGCERT_CLI_POLL_H

#include "cli/report.h"

/* When to ask again: by the server's advice (0: none, then after 6 hours), but not before a minute
 * and not later than in a day. */
int64_t poll_again(int64_t now_s, int64_t advice_s);

/* The new advice after an answer: the moment that was chosen before stays as long as the window
 * does; else one is chosen in the new window by a random number. */
struct advice poll_choose(const struct advice *before, const struct acme_window *w, int64_t now_s,
                          uint64_t random);

/* Is it time to ask? */
bool poll_is_due(const struct app *app, const struct report *r);

/*
 * Asks, when that is due and the issuer has something to say; the report's plan is made anew by the
 * answer. That nobody answers is no failure: the lifetime still says when.
 *
 * Errors: ERR_INPUT, ERR_SYSTEM  what is ours cannot be read or written
 */
MUST_USE bool poll_renewal(struct app *app, struct report *r, struct err *e);

#endif
