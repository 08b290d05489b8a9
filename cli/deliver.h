/* deliver.h: bring the targets of a certificate to what is issued, in order, all of them or none.
 */
#ifndef PGCERT_CLI_DELIVER_H
#define PGCERT_CLI_DELIVER_H

#include "cli/report.h"

/*
 * Deploys to each target, unless its proof is recent: standbys first, then primaries, then other
 * servers; the one that refused it last time goes first of all.
 *
 * A server that refuses it ends this, and those that took it in this run get back what they had, so
 * that clients meet one certificate or the other, not both. One that is down refuses nothing: it
 * stops no other, and gets it when it is back.
 *
 * Gives:  in the report  what was done, and the error of each target; all was told, and is
 *                        remembered for the next run
 */
void deliver_all(struct app *app, struct report *r, const struct material *m);

/* For who may not ask the targets: what was proved last stands for what is served. */
void deliver_recall(struct report *r);

/* Tells why a target was not brought to what is issued, and counts it in the report. */
void deliver_tell(struct report *r, const struct report_target *t);

#endif
