/* page_worry.c: what is wrong, since when, and what to do. */
#include "cli/page_worry.h"

#include "cli/trust.h"

#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400)

/* A run twice a day has made up for what is due long before. */
#define OVERDUE_S DAY

/* Texts are taken; one that is NULL where it must be there is memory that ran out. */
static void
add(struct page_facts *f, struct page_worry worry)
{
    struct page_worry *more = reallocarray(f->worries, f->worry_count + 1, sizeof(*f->worries));

    if (more != NULL)
        f->worries = more;
    if (more == NULL || worry.subject == NULL || worry.text == NULL) {
        free(worry.subject);
        free(worry.text);
        free(worry.remedy);
        f->has_failed = true;
        return;
    }
    f->worries[f->worry_count++] = worry;
}

/* ---- certificates ---- */

static char *
next_try(const struct page_facts *f, const struct report *r)
{
    struct attempt last = state_attempt(&r->state);
    char at[CLOCK_TEXT_SIZE];

    clock_minute(at, last.next_s);
    if (last.next_s > f->now_s)
        return str_format("it is tried again at %s UTC; sooner, when you have mended it, by: "
                          "pgcert renew --force %s",
                          at, r->certificate->name);
    return str_format("the next run tries again; at once by: pgcert renew %s",
                      r->certificate->name);
}

/* There is nothing to serve, or soon will not be. */
static enum page_tone
gravity(const struct page_facts *f, const struct report *r)
{
    const struct generation *g = &r->plan.generation;

    if (g->number == 0 || g->not_after_s - f->now_s < (g->not_after_s - r->plan.renew_at_s) / 2)
        return TONE_BAD;
    return TONE_WARN;
}

static void
judge_attempt(struct page_facts *f, const struct report *r)
{
    struct attempt last = state_attempt(&r->state);

    if (last.error != NULL)
        add(f, (struct page_worry){
                   .tone = gravity(f, r),
                   .subject = strdup(r->certificate->name),
                   .text = str_format("could not be %s: %s",
                                      r->plan.generation.number == 0 ? "obtained" : "renewed",
                                      last.error),
                   .remedy = next_try(f, r),
                   .since_s = last.since_s != 0 ? last.since_s : last.at_s});
    else if (r->plan.generation.number == 0)
        add(f, (struct page_worry){
                   .tone = TONE_BAD,
                   .subject = strdup(r->certificate->name),
                   .text = strdup("there is no certificate yet"),
                   .remedy = str_format("get it by: pgcert renew %s", r->certificate->name)});
}

static void
judge_time(struct page_facts *f, const struct report *r)
{
    const struct generation *g = &r->plan.generation;
    const char *name = r->certificate->name;

    if (g->number == 0)
        return;
    if (g->not_after_s <= f->now_s)
        add(f, (struct page_worry){.tone = TONE_BAD,
                                   .subject = strdup(name),
                                   .text = strdup("the certificate has ended, and whoever checks "
                                                  "it refuses the server"),
                                   .remedy = str_format("renew it now by: pgcert renew %s", name),
                                   .since_s = g->not_after_s});
    else if (r->plan.is_late)
        add(f, (struct page_worry){
                   .tone = TONE_WARN,
                   .subject = strdup(name),
                   .text = strdup("another tool should have renewed it by now, and its files have "
                                  "not changed"),
                   .remedy = strdup("look at the timer and the log of that tool"),
                   .since_s = r->plan.renew_at_s});
    else if (r->plan.is_due && f->now_s - r->plan.renew_at_s > OVERDUE_S &&
             state_attempt(&r->state).error == NULL)
        add(f, (struct page_worry){.tone = gravity(f, r),
                                   .subject = strdup(name),
                                   .text = strdup("its renewal is due, and nothing has tried it"),
                                   .remedy = str_format("does the timer run? systemctl status "
                                                        "pgcert-renew.timer; by hand: pgcert renew "
                                                        "%s",
                                                        name),
                                   .since_s = r->plan.renew_at_s});
}

/* ---- targets ---- */

static const char *
trouble_of(const struct page_target *t)
{
    if (t->trouble != NULL)
        return t->trouble;
    if (t->deployed == ANSWER_NO && t->served == ANSWER_YES)
        return "serves what is issued, but its file holds another certificate, which the next "
               "restart would serve";
    if (t->deployed == ANSWER_NO)
        return "does not have the issued certificate";
    return "does not serve the certificate in its file";
}

static void
judge_target(struct page_facts *f, const struct page_target *t)
{
    const char *name = t->report->certificate->name;

    if (t->report->plan.generation.number == 0 ||
        (t->trouble == NULL && t->deployed != ANSWER_NO && t->served != ANSWER_NO))
        return;
    add(f, (struct page_worry){
               .tone = TONE_BAD,
               .subject = str_format("%s on %s", name, t->name),
               .text = strdup(trouble_of(t)),
               .remedy = t->proof.at_s == 0
                             ? str_format("try: pgcert deploy %s", name)
                             : str_format("try: pgcert deploy %s; then all that may be wrong "
                                          "there: pgcert doctor",
                                          name),
               .since = t->proof.is_unprovable ? "last told" : "last proved",
               .since_s = t->proof.at_s,
           });
}

/* ---- the private CA ---- */

/* Its sentence says what to do after the first ';'. */
static void
add_ca_problem(struct page_facts *f, const struct ca_report_row *row, const char *problem)
{
    const struct ca_look *l = row->look;
    const char *rest = strstr(problem, "; ");
    int64_t ended_s = l->not_after_s <= f->now_s ? l->not_after_s : l->crl_next_update_s;

    add(f, (struct page_worry){
               .tone = row->has_ended ? TONE_BAD : TONE_WARN,
               .subject = strdup("private CA"),
               .text = rest == NULL ? strdup(problem) : strndup(problem, (size_t)(rest - problem)),
               .remedy = rest == NULL ? NULL : strdup(rest + 2),
               .since_s = row->has_ended && ended_s <= f->now_s ? ended_s : 0,
           });
}

static void
judge_bundles(struct page_facts *f)
{
    const struct ca_report *r = &f->ca;

    if (r->due + r->expired == 0)
        return;
    add(f, (struct page_worry){
               .tone = r->expired > 0 ? TONE_BAD : TONE_WARN,
               .subject = strdup("clients"),
               .text = r->due == 0 ? str_format("bundles for clients that have ended: %zu of %zu",
                                                r->expired, r->bundles)
                                   : str_format("bundles for clients that must be renewed soon: "
                                                "%zu of %zu; that have ended: %zu",
                                                r->due, r->bundles, r->expired),
               .remedy = strdup("renew them by: pgcert client renew, and hand them on")});
}

static void
judge_ca(struct page_facts *f)
{
    size_t count = f->ca.rows == NULL ? 0 : f->ca.looks.count;

    if (f->ca.trouble.code != ERR_NONE)
        add(f, (struct page_worry){.tone = TONE_WARN,
                                   .subject = strdup("private CA"),
                                   .text = strdup(f->ca.trouble.text)});
    for (size_t i = 0; i < count; i++)
        for (size_t n = 0; n < f->ca.rows[i].problems.count; n++)
            add_ca_problem(f, &f->ca.rows[i], f->ca.rows[i].problems.items[n]);
    judge_bundles(f);
}

static void
judge_trust(struct page_facts *f)
{
    for (size_t i = 0; i < f->app->config.target_count; i++) {
        const struct target *t = f->app->config.targets[i];
        own_trust_known struct trust_known known = {0};

        if (!reload_wants_clients(t))
            continue;
        trust_recall(f->app, t->name, &known);
        if (known.error != NULL)
            add(f, (struct page_worry){.tone = TONE_BAD,
                                       .subject = str_format("clients on %s", t->name),
                                       .text = strdup(known.error),
                                       .remedy = strdup("the next run tries again; at once by: "
                                                        "pgcert renew"),
                                       .since = "last proved",
                                       .since_s = known.proved_at_s});
    }
}

static int
by_tone(const void *a, const void *b)
{
    const struct page_worry *x = a, *y = b;

    if (x->tone != y->tone)
        return x->tone > y->tone ? -1 : 1;
    return strcmp(x->subject, y->subject);
}

void
page_worry_all(struct page_facts *f)
{
    for (size_t i = 0; i < f->count; i++) {
        judge_attempt(f, &f->reports[i]);
        judge_time(f, &f->reports[i]);
    }
    for (size_t i = 0; i < f->target_count; i++)
        judge_target(f, &f->targets[i]);
    if (f->has_ca) {
        judge_ca(f);
        judge_trust(f);
    }
    if (f->worry_count > 1)
        qsort(f->worries, f->worry_count, sizeof(*f->worries), by_tone);
}
