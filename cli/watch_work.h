/* watch_work.h: the work of `watch`, in a process of its own: what it loads, holds and waits for is
 * gone when it ends, and nothing that hangs there keeps the watching process from its signals.
 */
#ifndef PGCERT_CLI_WATCH_WORK_H
#define PGCERT_CLI_WATCH_WORK_H

#include "cli/app.h"
#include "cli/watch_plan.h"

/* What is to be done; all borrowed. */
struct watch_job {
    struct app *app;
    const struct watch_item *items; /* one for each certificate of the settings */
    const size_t *which; /* of them, which are worked on; the number of certificates: clients */
    size_t count;
};

/* What became of one. Written at once, so that no two of them mix. */
struct watch_word {
    size_t item;
    bool is_busy; /* another run is at work: nothing was done */
    bool is_good;
    bool did, deployed;  /* anything; a file was put in place */
    uint64_t told;       /* the digest of its failure, which was told unless it had been before */
    int64_t proved_at_s; /* the oldest proof of its targets; 0: nothing is served */
    int64_t again_s; /* it is to be looked at after that at the latest; 0: when the proof is old */
};

/* Says a word, all at once. When nobody hears it any more, there is nobody to tell that, either. */
void watch_work_say(int out, const struct watch_word *w);

/* A worker_main; the context is a struct watch_job, and what is said are struct watch_word. */
void watch_work(void *job, int out);

#endif
