/* event.h: what a person cares about, told once: as an entry of the journal that can be selected by
 * certificate, target and kind, or, where standard error is not the journal, as a line. */
#ifndef PGCERT_CLI_EVENT_H
#define PGCERT_CLI_EVENT_H

#include "cli/report.h"

/* The kinds, for the manual: PGCERT_EVENT, MESSAGE_ID, and what it means. False past the last. */
bool event_kind(size_t i, const char **word, const char **id, const char **help);

/* Does the journal read standard output as well as standard error? Then what was done is no line of
 * it: the entries of event_report() say that already. */
bool event_is_line(void);

/* What was done for a certificate, and where: an entry for each. Where standard error is not the
 * journal nothing, for there is a line on standard output. */
void event_report(const struct report *r);

/*
 * A failure, on standard error or in the journal: by its code it was put back, or is not proved, or
 * something else has failed. A temporary one is a warning.
 *
 * Takes:  r       NULL: it is not one certificate's
 *         target  NULL: nor one target's
 *         again   "3 min"; "": that is not said; NULL: the next run of the timer tries it again,
 * where that helps
 */
void event_failed(const struct report *r, const char *target, const struct err *e,
                  const char *again);

/* What a target trusts of clients was deployed or proved; only for the journal, as event_report().
 */
void event_clients(const char *target, bool did_install);

/* A certificate of the private CA is revoked; the same. */
void event_revoked(const char *user, const char *serial);

/* The private CA has made new CRLs; the same. */
void event_crls(void);

#endif
