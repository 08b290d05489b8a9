/* budget.h: how often an issuer may be bothered with what fails.
 *
 * After 1, 2, 3, 4 and more failures in a row that cost something at the issuer, the next try is
 * not before 1 min, 10 min, 100 min, a day. That is three in the first hour: below the five failed
 * validations per name and hour that public issuers allow. What went wrong before the issuer was
 * asked, or beside it (our disk, our settings, our name server), costs nothing there, and the next
 * run may try at once.
 */
#ifndef PGCERT_CLI_BUDGET_H
#define PGCERT_CLI_BUDGET_H

#include "cli/config.h"
#include "cli/state.h"

/* How long to wait after so many failures in a row; 0 after none. */
int64_t budget_step(int64_t failures);

/* Failures in a row at its issuer as the settings name it now. */
int64_t budget_failures(const struct state *s, const struct certificate *one);

/* When the next try is: the step and up to a tenth more, by a random number; or the server's advice
 * (0: none), when that is later. */
int64_t budget_next(int64_t now_s, int64_t failures, int64_t advice_s, uint64_t random);

/*
 * May it be tried now? Yes, too, after a first failure when the settings of the certificate, its
 * issuer or its DNS have changed since, unless the server itself asked for patience; and always
 * when the issuer is at another address.
 *
 * Errors: ERR_BUSY  with retry_at_s: not yet; since when it fails, and why
 */
MUST_USE bool budget_allows(const struct state *s, const struct config *c,
                            const struct certificate *one, int64_t now_s, struct err *e);

/*
 * Remembers a failure; it must be saved.
 *
 * Takes:  is_charged  it cost something at the issuer
 * Gives:  e           retry_at_s, or a sentence that says when the next try is
 */
void budget_charge(struct state *s, const struct config *c, const struct certificate *one,
                   int64_t now_s, bool is_charged, struct err *e);

#endif
