/* apart.h: a private CA that belongs to another user than whoever obtains and deploys: to become
 * that user, to ask that user.
 */
#ifndef PGCERT_CLI_APART_H
#define PGCERT_CLI_APART_H

#include "cli/app.h"

/* Is there a directory of the CA that belongs to another user than we are now? Its keys are not
 * ours to use then, also when we are root: nothing is written there by who does not own it. */
bool apart_is(const struct app *app);

/*
 * For what needs the CA's keys: as root we become the owner of its directory for good. Where there
 * is none yet, it is made in the state directory: app_enter_state().
 *
 * Errors: as app_enter_state()
 */
MUST_USE bool apart_enter(struct app *app, struct err *e);

/* Is the state directory somebody else's than we are now: what is remembered of servers there is
 * not ours to change? So it is for the owner of a CA that is apart. */
bool apart_from_state(const struct app *app);

/*
 * Asks the CA's owner to sign for the certificate of the settings with that name.
 *
 * Gives:  chain_pem  appended
 * Errors: ERR_PERMISSION  [ca] socket is not set; and as ca_ask()
 */
MUST_USE bool apart_sign(const struct app *app, const char *name, const struct str *csr_der,
                         struct str *chain_pem, struct err *e);

/*
 * Answers one question: reads it from standard input, and writes the answer to standard output.
 * Signed is what the settings say, and nothing else.
 *
 * Errors: what was answered; as ca_hear(), ca_answer()
 */
MUST_USE bool apart_answer(struct app *app, struct err *e);

#endif
