/* trust.h: what servers trust of clients: CAs and CRLs of the private CA, kept where they belong.
 */
#ifndef PGCERT_CLI_TRUST_H
#define PGCERT_CLI_TRUST_H

#include "cli/app.h"
#include "cli/rollover.h"

/* What was done for one target. */
struct trust_done {
    const char *target; /* borrowed; NULL: `e` is of the private CA, which could not sign */
    const char *file;   /* borrowed; NULL: not known */
    bool did_install, did_prove;
    const struct client_sessions *ended; /* borrowed */
    const struct err *e;                 /* ERR_NONE: all is well */
};

/* Called for each target for which something was done; when one of them has failed, also for what
 * the private CA could not do. */
typedef void trust_tell(void *to, const struct trust_done *done);

/* Is there a target with mutual_tls? */
bool trust_is_wanted(const struct app *app);

/*
 * Brings every target with mutual_tls to the CAs and CRLs of the private CA, unless all of it is
 * known to be in force, and ends the sessions that are to end there, which are looked for until
 * nobody can be in a handshake of before any more. A failure of one does not stop the others; it is
 * remembered. Nor does a CRL that cannot be made: the one of before is deployed then. The state
 * directory is locked by the caller.
 *
 * Takes:  ca     open; NULL: it is opened here, and closed before servers are told
 *         again  where nothing has changed, prove it again
 * Errors: the gravest one's; those of targets went to `tell`, and `e` has no text then; what
 *         ca_refresh() failed with
 */
MUST_USE bool trust_keep(struct app *app, struct ca *ca, bool again, trust_tell *tell, void *to,
                         struct err *e);

/* trust_tell for people: a line on standard output, an error on standard error. `to` is the app. */
void trust_print(void *to, const struct trust_done *done);

/* Of that the lines on standard output alone: what was proved, and whose session is ended. */
void trust_print_lines(const struct app *app, const struct trust_done *done);

/*
 * Gives what setup installs at a target with mutual_tls. A private CA is made where there is none.
 *
 * Gives:  given  empty before; stays so for a target without mutual_tls
 * Errors: as ca_init() and ca_trust_clients()
 */
MUST_USE bool trust_for_setup(struct app *app, const struct target *t,
                              struct ca_client_trust *given, struct err *e);

/* Remembers that setup has proved it at the target. */
MUST_USE bool trust_note_setup(struct app *app, const struct target *t, const char *file,
                               struct err *e);

/* What the last run knew of a target; strings are owned. */
struct trust_known {
    char *file;
    int64_t proved_at_s; /* 0: it is not proved */
    char *error;         /* NULL: none */
    size_t ending;       /* certificates whose sessions are to end there */
};

#define own_trust_known __attribute__((cleanup(trust_known_done)))

/* All empty where nothing is known. */
void trust_recall(const struct app *app, const char *target, struct trust_known *known);
void trust_known_done(struct trust_known *known);

/* What a rollover of the CAs must know, by the targets with mutual_tls. */
extern const struct rollover_evidence trust_evidence;

/*
 * Remembers for every target with mutual_tls that the sessions which were opened with these
 * certificates are to end: the next trust_keep() does that, and so on until it has been done.
 *
 * Takes:  serials  hexadecimal
 * Errors: ERR_SYSTEM, ERR_CREATE, ERR_PERMISSION
 */
MUST_USE bool trust_note_ending(struct app *app, const struct list *serials, struct err *e);

#endif
