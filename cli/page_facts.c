/* page_facts.c: certificates, targets, CAs and clients as they stand. */
#include "cli/page_facts.h"

#include "base/log.h"
#include "cli/apart.h"
#include "cli/holders.h"
#include "cli/keep.h"
#include "cli/page_worry.h"

#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400)

/* ---- certificates and targets ---- */

static enum page_answer
same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0 ? ANSWER_YES : ANSWER_NO;
}

/* As it was found just now. */
static void
take_seen(struct page_target *t, const struct report_target *seen)
{
    const char *issued = t->report->plan.generation.sha256;

    t->served_at = &seen->served;
    t->deployed = same(seen->served.deployed_sha256, issued);
    t->served =
        seen->served.is_unprovable ? ANSWER_UNKNOWN : same(seen->served.served_sha256, issued);
    if (seen->e.code == ERR_NONE)
        return;
    t->trouble = seen->e.text;
    t->served = ANSWER_UNKNOWN;
    if (seen->served.deployed_sha256[0] == '\0')
        t->deployed = ANSWER_UNKNOWN;
}

/* A file that is not ours to read has what was proved to be served. */
static enum page_answer
remembered_file(const struct page_target *t, const struct material *m)
{
    if (m != NULL && state_is_unchanged(&t->proof, m))
        return ANSWER_YES;
    if (m == NULL || !state_is_withheld(&t->proof))
        return ANSWER_NO;
    return t->trouble != NULL ? ANSWER_UNKNOWN
                              : same(t->proof.sha256, t->report->plan.generation.sha256);
}

/* As it was left by the last run. */
static void
take_remembered(struct page_target *t, const struct material *m)
{
    const char *issued = t->report->plan.generation.sha256;

    t->deployed = remembered_file(t, m);
    t->served = t->proof.is_unprovable ? ANSWER_UNKNOWN
                : t->trouble != NULL   ? ANSWER_NO
                                       : same(t->proof.sha256, issued);
}

static void
take_targets(struct page_facts *f, struct report *r, bool is_asked)
{
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    struct material m = {0};
    struct err ignored = {0};
    bool is_there = !is_asked && r->plan.generation.number != 0 &&
                    keep_material(r, &key_pem, &chain_pem, &m, &ignored);

    for (size_t i = 0; i < r->target_count; i++) {
        struct report_target *seen = &r->targets[i];
        struct page_target *t = &f->targets[f->target_count++];

        *t = (struct page_target){
            .report = r,
            .name = seen->name,
            .proof = state_proof(&r->state, seen->name),
            .trouble = state_target_error(&r->state, seen->name),
        };
        if (!is_asked) {
            take_remembered(t, is_there ? &m : NULL);
            continue;
        }
        if (!reload_look(config_target(&f->app->config, seen->name), f->app->clock, &seen->served,
                         &seen->e))
            log_debug("%s", seen->e.text); /* it is shown */
        take_seen(t, seen);
    }
}

static bool
take_certificates(struct page_facts *f, const struct page_wish *w, struct err *e)
{
    size_t targets = 0;

    for (size_t i = 0; i < w->count; i++)
        targets += w->selected[i]->deploy.count;
    f->reports = calloc(w->count + 1, sizeof(*f->reports));
    f->targets = calloc(targets + 1, sizeof(*f->targets));
    if (f->reports == NULL || f->targets == NULL)
        return err_memory(e);
    for (size_t i = 0; i < w->count; i++) {
        f->count = i + 1;
        if (!report_init(&f->reports[i], f->app, w->selected[i], e))
            return err_wrap(e, "%s", w->selected[i]->name);
        take_targets(f, &f->reports[i], w->is_asked);
    }
    return true;
}

/* ---- clients ---- */

static int
by_end(const void *a, const void *b)
{
    const struct page_ending *x = a, *y = b;

    return x->last->not_after_s < y->last->not_after_s
               ? -1
               : x->last->not_after_s > y->last->not_after_s;
}

static bool
take_clients(struct page_facts *f, struct err *e)
{
    struct ca_list *list = &f->clients;

    if (!ca_list_read(&f->app->config.ca, "client", f->now_s, list, e))
        return false;
    f->ending = calloc(list->count + 1, sizeof(*f->ending));
    if (f->ending == NULL)
        return err_memory(e);
    holders_sort(list);
    for (size_t i = 0; i < list->count; i++) {
        if (!holders_is_last(list, i))
            continue;
        f->client_count++;
        if (list->items[i].not_after_s - f->now_s <= PAGE_SOON_DAYS * DAY)
            f->ending[f->ending_count++].last = &list->items[i];
    }
    if (f->ending_count > 1)
        qsort(f->ending, f->ending_count, sizeof(*f->ending), by_end);
    return true;
}

/* What cannot be read is told once, by the report. */
static void
take_ca(struct page_facts *f)
{
    struct err e = {0};

    f->has_ca = ca_exists(&f->app->config.ca);
    if (!f->has_ca)
        return;
    ca_report_init(&f->ca, f->app);
    /* the index of another user's is not to be read */
    if (!apart_is(f->app) && !take_clients(f, &e) && f->ca.trouble.code == ERR_NONE)
        f->ca.trouble = e;
}

/* ---- lives ---- */

static const char *
made_name(struct page_facts *f, char *name)
{
    bool good = name != NULL && list_add(&f->made, name);

    free(name);
    if (!good)
        f->has_failed = true;
    return good ? f->made.items[f->made.count - 1] : "";
}

/* Of its targets the worst. */
static enum page_answer
served_everywhere(const struct page_facts *f, const struct report *r)
{
    enum page_answer all = ANSWER_YES;

    for (size_t i = 0; i < f->target_count; i++) {
        const struct page_target *t = &f->targets[i];

        if (t->report != r || t->served == ANSWER_YES)
            continue;
        if (t->served == ANSWER_NO || t->trouble != NULL || t->deployed == ANSWER_NO)
            return ANSWER_NO;
        all = ANSWER_UNKNOWN;
    }
    return all;
}

static const char *
word_of(const struct page_facts *f, const struct report *r, enum page_tone *tone)
{
    enum page_answer served = served_everywhere(f, r);

    *tone = TONE_BAD;
    if (r->plan.generation.number == 0)
        return "not issued";
    if (r->plan.generation.not_after_s <= f->now_s)
        return "ended";
    if (served == ANSWER_NO)
        return "not served";
    *tone = TONE_WARN;
    if (r->plan.is_due || r->plan.is_late)
        return r->plan.is_late ? "renewal late" : "renewal due";
    *tone = TONE_GOOD;
    return r->target_count == 0 ? "issued" : served == ANSWER_UNKNOWN ? "deployed" : "served";
}

static void
add_certificate_life(struct page_facts *f, const struct report *r)
{
    const struct generation *g = &r->plan.generation;
    struct page_life *l = &f->lives[f->life_count++];
    bool is_issued = g->number != 0 && g->issuer != NULL && g->issuer[0] != '\0';

    l->name = r->certificate->name;
    l->kind = made_name(
        f, str_format("certificate by %s", is_issued ? g->issuer : r->certificate->issuer_name));
    l->word = word_of(f, r, &l->tone);
    l->from_s = g->not_before_s;
    l->renew_s = g->number == 0 ? 0 : r->plan.renew_at_s;
    l->until_s = g->not_after_s;
}

/* The CA, and its CRL, which is made anew when half of its life is over. */
static void
add_ca_lives(struct page_facts *f, const struct ca_report_row *row)
{
    const struct ca_look *look = row->look;
    struct page_life *ca = &f->lives[f->life_count++], *crl = &f->lives[f->life_count++];

    *ca = (struct page_life){.name = look->word,
                             .kind = "CA",
                             .word = look->not_after_s <= f->now_s ? "ended" : "good",
                             .tone = look->not_after_s <= f->now_s ? TONE_BAD : TONE_GOOD,
                             .from_s = look->not_before_s,
                             .until_s = look->not_after_s};
    *crl = (struct page_life){
        .name = made_name(f, str_format("CRL of %s", look->word)), .kind = "CRL", .word = "good"};
    if (look->has_crl) {
        crl->from_s = look->crl_this_update_s;
        crl->until_s = look->crl_next_update_s;
        crl->renew_s = look->has_key ? crl->from_s + (crl->until_s - crl->from_s) / 2 : 0;
    }
    if (!look->has_crl || crl->until_s <= f->now_s) {
        crl->word = look->has_crl ? "ended" : "missing";
        crl->tone = TONE_BAD;
    }
    if (row->problems.count > 0 && ca->tone == TONE_GOOD && crl->tone == TONE_GOOD) {
        bool is_of_crl = strstr(row->problems.items[0], "CRL") != NULL;

        (is_of_crl ? crl : ca)->tone = TONE_WARN;
        (is_of_crl ? crl : ca)->word = "ends soon";
    }
}

static int64_t
next_event(const struct page_life *l)
{
    return l->renew_s != 0 ? l->renew_s : l->until_s;
}

/* What is wrong first, then what comes next. */
static int
by_need(const void *a, const void *b)
{
    const struct page_life *x = a, *y = b;

    if (x->tone != y->tone)
        return x->tone > y->tone ? -1 : 1;
    if (next_event(x) != next_event(y))
        return next_event(x) < next_event(y) ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool
take_lives(struct page_facts *f, struct err *e)
{
    size_t cas = f->ca.rows == NULL ? 0 : f->ca.looks.count;

    f->lives = calloc(f->count + 2 * cas + 1, sizeof(*f->lives));
    if (f->lives == NULL)
        return err_memory(e);
    for (size_t i = 0; i < f->count; i++)
        if (f->reports[i].certificate != NULL)
            add_certificate_life(f, &f->reports[i]);
    for (size_t i = 0; i < cas; i++)
        add_ca_lives(f, &f->ca.rows[i]);
    if (f->life_count > 1)
        qsort(f->lives, f->life_count, sizeof(*f->lives), by_need);
    return true;
}

/* ---- all ---- */

bool
page_facts_init(struct page_facts *f, const struct page_wish *wish, struct err *e)
{
    f->now_s = f->app->clock->now_s(f->app->clock);
    if (!take_certificates(f, wish, e))
        return false;
    if (wish->with_ca)
        take_ca(f);
    if (!take_lives(f, e))
        return false;
    page_worry_all(f);
    return !f->has_failed || err_memory(e);
}

void
page_facts_done(struct page_facts *f)
{
    for (size_t i = 0; f->reports != NULL && i < f->count; i++)
        report_done(&f->reports[i]);
    for (size_t i = 0; i < f->worry_count; i++) {
        free(f->worries[i].subject);
        free(f->worries[i].text);
        free(f->worries[i].remedy);
    }
    free(f->reports);
    free(f->targets);
    free(f->ending);
    free(f->lives);
    free(f->worries);
    list_done(&f->made);
    ca_report_done(&f->ca);
    ca_list_done(&f->clients);
    *f = (struct page_facts){0};
}
