/* publish.c: whoever finds nobody at it carries out what all are waiting for. */
#include "acme/publish.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define AWAY_AFTER 3  /* temporary failures in a row */
#define GATHER_MS 300 /* that the first of several orders waits for the others */

/* What one order wants. It lives on that order's stack. */
struct publish_wish {
    const struct dns_txt *records; /* borrowed */
    size_t count;
    bool is_removal;
    bool is_done, is_good;
    struct err e; /* when it is not good */
    struct publish_wish *next;
};

void
publish_expect(struct dns *d)
{
    d->board.expected++;
}

/* The last one ends the waiting. */
static void
arrive(struct publish_board *b, size_t *missing)
{
    (*missing)--;
    if (*missing == 0)
        fiber_wake(&b->gathering);
}

void
publish_forgo(struct dns *d)
{
    arrive(&d->board, &d->board.expected);
}

/* Until all that are expected are here. */
static void
gather(struct publish_board *b, const size_t *missing)
{
    if (*missing > 0 && fiber_is_inside())
        (void)fiber_wait(&b->gathering, GATHER_MS);
}

static bool
call(struct dns *d, bool is_removal, const struct dns_txt *records, size_t count, struct err *e)
{
    own_lock struct fiber_lock *held = fiber_lock(&d->lock);

    return is_removal ? d->provider->remove(d, records, count, e)
                      : d->provider->publish(d, records, count, e);
}

static void
finish(struct publish_wish *w, bool good, const struct err *e)
{
    w->is_done = true;
    w->is_good = good;
    if (!good)
        w->e = *e;
}

/* Each one for itself. When several in a row fail for now, the provider is away, and the rest need
 * not wait to hear that. */
static void
call_singly(struct dns *d, struct publish_wish *const *wishes, size_t count)
{
    size_t in_a_row = 0;
    struct err e = {0};

    for (size_t i = 0; i < count; i++) {
        struct publish_wish *w = wishes[i];
        bool good = false;

        if (in_a_row < AWAY_AFTER) {
            good = call(d, w->is_removal, w->records, w->count, &e);
            in_a_row = good || !err_is_temporary(&e) ? 0 : in_a_row + 1;
        }
        finish(w, good, &e);
    }
}

/* All of them with one call. */
static void
call_jointly(struct dns *d, struct publish_wish *const *wishes, size_t count, size_t record_count)
{
    own_mem struct dns_txt *records = calloc(record_count + 1, sizeof(*records));
    size_t n = 0;
    bool good = false;
    struct err e = {0};

    for (size_t i = 0; records != NULL && i < count; i++) {
        memcpy(records + n, wishes[i]->records, wishes[i]->count * sizeof(*records));
        n += wishes[i]->count;
    }
    good = records != NULL && call(d, wishes[0]->is_removal, records, n, &e);
    if (!good) {
        log_debug("[dns %s]: each of %zu orders for itself: %s", d->name, count, e.text);
        call_singly(d, wishes, count);
        return;
    }
    log_debug("[dns %s]: %zu records of %zu orders %s", d->name, n, count,
              wishes[0]->is_removal ? "removed" : "published");
    for (size_t i = 0; i < count; i++)
        finish(wishes[i], true, &e);
}

/* Takes the first and all of its kind off the board, and carries them out. */
static void
carry_out(struct dns *d)
{
    struct publish_wish *wishes[FIBERS_MAX];
    struct publish_wish **at = &d->board.first;
    bool is_removal = d->board.first->is_removal;
    size_t count = 0, record_count = 0;

    while (*at != NULL && count < FIBERS_MAX) {
        struct publish_wish *w = *at;

        if (w->is_removal != is_removal) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        wishes[count++] = w;
        record_count += w->count;
    }
    if (count == 1)
        call_singly(d, wishes, 1);
    else
        call_jointly(d, wishes, count, record_count);
}

/* Puts it on the board, and waits until somebody, perhaps this one, has carried it out. */
static bool
wish(struct dns *d, struct publish_wish *w, struct err *e)
{
    struct publish_board *b = &d->board;
    struct publish_wish **end = &b->first;

    while (*end != NULL)
        end = &(*end)->next;
    *end = w;
    while (!w->is_done) {
        if (b->is_busy) {
            (void)fiber_wait(&b->waiting, -1);
            continue;
        }
        b->is_busy = true;
        gather(b, b->first->is_removal ? &b->published : &b->expected);
        carry_out(d);
        b->is_busy = false;
        fiber_wake_all(&b->waiting);
    }
    if (!w->is_good)
        *e = w->e;
    return w->is_good;
}

bool
publish_records(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    struct publish_wish w = {.records = records, .count = count};

    d->board.published++;
    return wish(d, &w, e);
}

bool
publish_remove(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    struct publish_wish w = {.records = records, .count = count, .is_removal = true};

    if (d->board.published > 0) /* what an earlier run has left was not published by this one */
        arrive(&d->board, &d->board.published);
    return wish(d, &w, e);
}
