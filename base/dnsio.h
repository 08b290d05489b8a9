/* dnsio.h: send many DNS messages at the same time, and wait for their answers (poll(2)). */
#ifndef PGCERT_BASE_DNSIO_H
#define PGCERT_BASE_DNSIO_H

#include "base/address.h"
#include "base/clock.h"
#include "base/dns.h"

#define DNSIO_PATIENCE_MS 5000 /* how long one server is given, with repetitions and TCP */

enum dnsio_outcome {
    DNSIO_PENDING,     /* not asked yet, or still under way when the time was over */
    DNSIO_ANSWERED,    /* whatever the rcode is */
    DNSIO_SILENT,      /* no answer, or none that belongs to the question */
    DNSIO_UNREACHABLE, /* errno_kept says why: refused, no route, ... */
    DNSIO_BROKEN,      /* by TCP: closed the connection, or sent what is no answer */
};

/* One message for one server. The caller owns it; dnsio_task_done() it. */
struct dnsio_task {
    struct address server;
    struct str query;              /* as dns.h builds it */
    int64_t delay_ms;              /* from the start until it is sent */
    struct dnsio_task *instead_of; /* borrowed; when that one has failed, this is sent at once */

    /* What became of it, the last time it was sent. */
    enum dnsio_outcome outcome;
    int errno_kept;
    bool was_ignored;         /* something came that was no answer, or that heard() ignored */
    struct dns_answer answer; /* outcome DNSIO_ANSWERED */
    struct str message;       /* the answer as it came */
};

/* What heard() wants: one of these, or milliseconds of pause (0 and more), after which it is sent
 * again under a new id. */
enum {
    DNSIO_DONE = -1,   /* this is the answer */
    DNSIO_NEXT = -2,   /* there will be no better one: those that stand instead of it may begin */
    DNSIO_IGNORE = -3, /* as if it had not come: go on waiting */
};

/* How to wait. */
struct dnsio_plan {
    struct clock *clock;
    int64_t deadline_ms; /* of clock->steady_ms() */
    int64_t patience_ms; /* after which one task is DNSIO_SILENT */

    /* Hears of each outcome. NULL: every task is sent once; NOERROR and NXDOMAIN are DNSIO_DONE,
     * everything else is DNSIO_NEXT. */
    int64_t (*heard)(void *context, struct dnsio_task *task);

    /* True: no need to wait for the rest. Asked after something was heard. May be NULL. */
    bool (*enough)(void *context);

    /* Called at least once a second while waiting, for a live line. May be NULL. */
    void (*tick)(void *context);
    void *context;
};

/*
 * Sends the tasks and waits until each has its outcome, until enough() is true or the deadline.
 *
 * By UDP from a random port, again after 0.4 and 1.2 s; by TCP when the query is larger than 512
 * bytes, the answer is truncated, the port is closed, or nothing came in 2 s. Only answers from the
 * server's address and port, with the id and question of the query, count (RFC 5452). At most
 * DNSIO_FLIGHTS_MAX are under way at once, the others queue.
 *
 * Errors: ERR_SYSTEM  poll(2) failed, out of memory; what befell one task is in its outcome
 */
#define DNSIO_FLIGHTS_MAX 128
MUST_USE bool dnsio_run(struct dnsio_task *tasks, size_t count, const struct dnsio_plan *plan,
                        struct err *e);

void dnsio_task_done(struct dnsio_task *task);

/* What became of it, for people: "no answer", "connection refused", "REFUSED". Valid until the next
 * call. */
const char *dnsio_outcome_text(const struct dnsio_task *task);

#endif
