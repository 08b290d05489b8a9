/* handover.h: what we have obtained another user deploys ([pgcert] deploy_group): has he? */
#ifndef PGCERT_CLI_HANDOVER_H
#define PGCERT_CLI_HANDOVER_H

#include "cli/report.h"

/*
 * Waits until every target is proved to serve what is issued, by what the other user has written
 * down; at most [pgcert] lock_wait, and not at all when it is so already. Nobody is asked.
 *
 * Gives:  in the report  what was proved; ERR_BUSY of each target that is not, or ERR_UNPROVED when
 * it has not been for a day; it was told
 */
void handover_wait(struct app *app, struct report *r);

#endif
