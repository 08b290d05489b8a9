/* carrier_work.h: what the carrier does: confine itself, then errand after errand. */
#ifndef PGCERT_CLI_CARRIER_WORK_H
#define PGCERT_CLI_CARRIER_WORK_H

#include "base/child.h"
#include "cli/app.h"

/* What it gets from the process that forks it; all borrowed. */
struct carrier_work {
    struct app *app;
    int *channels; /* one for each errand at a time; sorted when it begins */
    size_t count;
    const struct list *deployed; /* files of keys that servers have */
};

/* Its life, as child_start_beside() wants it: until nobody is there to ask any more. */
void carrier_work(void *argument, struct child *self, int control);

/* Lets go of the issuers at the end, which remembers what is known of them. */
bool carrier_work_end(void *argument, const struct str *question, struct str *answer,
                      struct err *e);

#endif
