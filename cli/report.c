/* report.c: certificates as lines and as JSON. */
#include "cli/report.h"

#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With more life left than that, the hour does not matter. */
#define DAY_COUNTS_S (10 * 24 * 3600)

bool
report_init(struct report *r, const struct app *app, const struct certificate *c, struct err *e)
{
    r->certificate = c;
    r->targets = calloc(c->deploy.count + 1, sizeof(*r->targets));
    if (r->targets == NULL)
        return err_memory(e);
    r->target_count = c->deploy.count;
    for (size_t i = 0; i < r->target_count; i++)
        r->targets[i].name = c->deploy.items[i];
    if (!state_load(&r->state, app->config.settings.state, c->name, e))
        return false;
    plan_make(&r->plan, c, &r->state, app->clock->now_s(app->clock));
    return true;
}

void
report_trouble(struct report *r, const struct err *e)
{
    if (r->trouble.code == ERR_NONE || app_graver(e->code, r->trouble.code) != r->trouble.code)
        r->trouble = *e;
}

bool
report_is_proved(const struct report *r, const char *target)
{
    const char *issued = r->plan.generation.sha256;
    struct proof proof = state_proof(&r->state, target);

    return issued != NULL && proof.sha256 != NULL && strcmp(proof.sha256, issued) == 0 &&
           state_target_error(&r->state, target) == NULL;
}

void
report_did(struct report *r, const char *what)
{
    if (!list_has(&r->did, what) && !list_add(&r->did, what))
        return; /* out of memory: the word is missing in a summary, nothing else */
}

/* ---- JSON ---- */

static const char *
or_null(const char *text)
{
    return text == NULL || *text == '\0' ? NULL : text;
}

static struct json_t *
endpoint_json(const struct endpoint *p)
{
    struct json_t *object = json_new_object();

    json_put_text(object, "address", p->address);
    json_put_text(object, "sha256", or_null(p->sha256));
    json_put_text(object, "error", p->error);
    return object;
}

static struct json_t *
target_json(const struct report *r, const struct report_target *t)
{
    struct json_t *object = json_new_object();
    struct json_t *endpoints = json_new_array();
    struct proof proof = state_proof(&r->state, t->name);

    json_put_text(object, "name", t->name);
    json_put_text(object, "file", t->served.file);
    json_put_text(object, "deployed_sha256", or_null(t->served.deployed_sha256));
    json_put_text(object, "served_sha256", or_null(t->served.served_sha256));
    json_put_time(object, "proved_at", proof.is_unprovable ? 0 : proof.at_s);
    if (proof.is_unprovable)
        json_put_time(object, "reloaded_at", proof.at_s);
    for (size_t i = 0; i < t->served.endpoint_count; i++)
        json_add(endpoints, endpoint_json(&t->served.endpoints[i]));
    json_put(object, "endpoints", endpoints);
    json_put_text(object, "error",
                  t->e.code == ERR_NONE ? state_target_error(&r->state, t->name) : t->e.text);
    return object;
}

static struct json_t *
issued_json(const struct generation *g)
{
    struct json_t *object = json_new_object();

    json_put_text(object, "sha256", g->sha256);
    json_put_text(object, "serial", g->serial);
    json_put_time(object, "not_before", g->not_before_s);
    json_put_time(object, "not_after", g->not_after_s);
    return object;
}

static struct json_t *
attempt_json(const struct state *s)
{
    struct json_t *object = json_new_object();
    struct attempt last = state_attempt(s);

    json_put_time(object, "at", last.at_s);
    json_put_text(object, "error", last.error);
    json_put_int(object, "failures", last.failures);
    json_put_time(object, "since", last.since_s);
    json_put_time(object, "next_at", last.next_s);
    return object;
}

/* Who has signed it, which may be another one than the settings name. */
static const char *
issuer_name(const struct report *r)
{
    const struct generation *g = &r->plan.generation;

    return g->number != 0 && g->issuer != NULL && g->issuer[0] != '\0'
               ? g->issuer
               : r->certificate->issuer_name;
}

/* Its word for `type`. */
static const char *
issuer_type(const struct report *r)
{
    const struct issuer *usual = r->certificate->issuer, *other = usual->stand_in;
    bool is_other = other != NULL && strcmp(issuer_name(r), other->name) == 0;

    return config_issuer_types[is_other ? other->type : usual->type];
}

/* null when the issuer gave no advice. */
static struct json_t *
advice_json(const struct report *r)
{
    struct advice advice = state_advice(&r->state, r->plan.generation.sha256);
    struct json_t *object = NULL;

    if (advice.moment_s == 0)
        return NULL;
    object = json_new_object();
    json_put_time(object, "start", advice.start_s);
    json_put_time(object, "end", advice.end_s);
    json_put_time(object, "moment", advice.moment_s);
    json_put_text(object, "explanation", advice.explanation);
    return object;
}

struct json_t *
report_json(const struct report *r, bool after_run)
{
    const struct generation *g = &r->plan.generation;
    struct json_t *object = json_new_object();
    struct json_t *advice = advice_json(r);
    struct json_t *targets = json_new_array();

    json_put_text(object, "name", r->certificate->name);
    json_put_list(object, "names", &r->certificate->names);
    json_put_text(object, "issuer", issuer_name(r));
    json_put_text(object, "issuer_type", issuer_type(r));
    json_put_int(object, "generation", g->number);
    if (g->number != 0)
        json_put(object, "issued", issued_json(g));
    else
        json_put_text(object, "issued", NULL);
    json_put_time(object, "renew_at", r->plan.renew_at_s);
    json_put_text(object, "renew_reason", r->plan.reason);
    if (advice != NULL)
        json_put(object, "renewal_info", advice);
    else
        json_put_text(object, "renewal_info", NULL);
    json_put(object, "last_attempt", attempt_json(&r->state));
    for (size_t i = 0; i < r->target_count; i++)
        json_add(targets, target_json(r, &r->targets[i]));
    json_put(object, "targets", targets);
    if (after_run) {
        json_put_list(object, "did", &r->did);
        json_put_int(object, "exit", app_exit_status(r->trouble.code));
        json_put_text(object, "error", r->trouble.code == ERR_NONE ? NULL : r->trouble.text);
    }
    return object;
}

void
report_print_json(struct json_t *certificates, struct json_t *private_ca)
{
    own_json struct json_t *object = json_new_object();

    json_put(object, "certificates", certificates);
    if (private_ca != NULL)
        json_put(object, "private_ca", private_ca);
    app_print_json(object);
}

/* ---- lines ---- */

/* "in 29 days", "3 h ago" */
static void
relative(char text[static 40], int64_t at_s, int64_t now_s)
{
    char span[CLOCK_SPAN_SIZE];
    int64_t ms = (at_s - now_s) * 1000;

    clock_span(span, ms < 0 ? -ms : ms);
    (void)snprintf(text, 40, ms < 0 ? "%s ago" : "in %s", span);
}

/* Has it the issued one, as far as that can be known? */
static bool
has_issued(const struct report *r, const struct report_target *t)
{
    const struct served *s = &t->served;

    return r->plan.generation.sha256 != NULL && t->e.code == ERR_NONE &&
           strcmp(s->is_unprovable ? s->deployed_sha256 : s->served_sha256,
                  r->plan.generation.sha256) == 0;
}

/* One word for the head line. */
static const char *
verdict(const struct report *r, enum term_style *style)
{
    bool all_served = r->target_count > 0;
    const char *word = "served";

    for (size_t i = 0; i < r->target_count; i++) {
        all_served = all_served && has_issued(r, &r->targets[i]);
        if (r->targets[i].served.is_unprovable)
            word = "deployed";
    }
    *style = TERM_BAD;
    if (r->plan.generation.number == 0)
        return "not issued";
    if (!all_served && r->target_count > 0)
        return "not served";
    *style = r->plan.is_due || r->plan.is_late ? TERM_WARN : TERM_GOOD;
    if (r->plan.is_due || r->plan.is_late)
        return r->plan.is_late ? "renewal late" : "renewal due";
    return all_served ? word : "issued";
}

/* A sentence after a label, broken between words. */
static void
print_sentence(const char *label, const char *sentence)
{
    own_list struct list words = {0};

    if (list_add_words(&words, sentence))
        term_words(label, &words);
}

/* Is it another tool that renews it? */
static bool
is_elsewhere(const struct report *r)
{
    return strcmp(r->plan.reason, "files") == 0;
}

static void
print_dates(const struct report *r, int64_t now_s)
{
    const struct generation *g = &r->plan.generation;
    char at[CLOCK_TEXT_SIZE], span[40];

    clock_minute(at, g->not_after_s);
    relative(span, g->not_after_s, now_s);
    (void)printf("  %s%-9s%s until %s UTC (%s)\n", term_on(TERM_DIM), "valid", term_off(), at,
                 span);
    clock_minute(at, r->plan.renew_at_s);
    relative(span, r->plan.renew_at_s, now_s);
    if (r->plan.is_due)
        (void)printf("  %s%-9s%s at the next run: %s\n", term_on(TERM_DIM), "renews", term_off(),
                     plan_why(&r->plan));
    else if (is_elsewhere(r))
        (void)printf("  %s%-9s%s by another tool, expected before %s UTC (%s)\n", term_on(TERM_DIM),
                     "renews", term_off(), at, span);
    else
        (void)printf("  %s%-9s%s at %s UTC (%s)%s\n", term_on(TERM_DIM), "renews", term_off(), at,
                     span, r->plan.is_held ? ": renew_at_most_every" : "");
}

/* When the issuer would like it to be renewed. */
static void
print_advice(const struct report *r)
{
    struct advice advice = state_advice(&r->state, r->plan.generation.sha256);
    char start[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE];

    if (advice.moment_s == 0)
        return;
    clock_minute(start, advice.start_s);
    clock_minute(end, advice.end_s);
    (void)printf("  %s%-9s%s from %s until %s UTC\n", term_on(TERM_DIM), "advised", term_off(),
                 start, end);
    if (advice.explanation != NULL)
        print_sentence("because", advice.explanation);
}

/* Issued, deployed and served in a few words. */
static const char *
comparison(const struct report *r, const struct served *s)
{
    const char *issued = r->plan.generation.sha256;

    if (s->is_unprovable)
        return issued != NULL && strcmp(s->deployed_sha256, issued) == 0
                   ? "has it, and was told; nothing can prove what it serves (set prove)"
                   : "has another certificate than the one issued; what it serves is not proved";
    if (strcmp(s->served_sha256, s->deployed_sha256) != 0)
        return "does NOT serve what is deployed, on";
    return issued != NULL && strcmp(s->served_sha256, issued) == 0
               ? "serves it on"
               : "serves another certificate than the one issued, on";
}

static void
print_target(const struct report *r, const struct report_target *t, int64_t now_s)
{
    struct proof proof = state_proof(&r->state, t->name);
    own_list struct list words = {0};
    char span[40], proved[60];

    if (t->e.code != ERR_NONE) {
        print_sentence(t->name, t->e.text);
        return;
    }
    if (!list_add_words(&words, comparison(r, &t->served)))
        return;
    for (size_t i = 0; i < t->served.endpoint_count; i++)
        if (!list_add(&words, t->served.endpoints[i].address))
            return;
    relative(span, proof.at_s, now_s);
    (void)snprintf(proved, sizeof(proved), "(%s %s)", proof.is_unprovable ? "told" : "proved",
                   span);
    if (proof.at_s != 0 && !list_add_words(&words, proved))
        return;
    term_words(t->name, &words);
}

/* What went wrong, since when, and when it is tried again. */
static void
print_failure(const struct state *s, int64_t now_s)
{
    struct attempt last = state_attempt(s);
    char at[CLOCK_TEXT_SIZE], span[40];

    if (last.error == NULL)
        return;
    print_sentence("last try", last.error);
    if (last.since_s != 0) {
        clock_minute(at, last.since_s);
        (void)printf("  %s%-9s%s since %s UTC", term_on(TERM_DIM), "fails", term_off(), at);
        if (last.failures > 0)
            (void)printf(", %lld time%s at the issuer", (long long)last.failures,
                         last.failures == 1 ? "" : "s");
        (void)printf("\n");
    }
    clock_minute(at, last.next_s);
    relative(span, last.next_s, now_s);
    if (last.next_s > now_s)
        (void)printf("  %s%-9s%s not before %s UTC (%s)\n", term_on(TERM_DIM), "next try",
                     term_off(), at, span);
    else
        (void)printf("  %s%-9s%s at the next run\n", term_on(TERM_DIM), "next try", term_off());
}

void
report_print(const struct report *r, int64_t now_s)
{
    const struct generation *g = &r->plan.generation;
    enum term_style style = TERM_PLAIN;
    const char *word = verdict(r, &style);

    (void)printf("%s%-66.66s%s%s%s%s\n", term_on(TERM_BOLD), r->certificate->name, term_off(),
                 term_on(style), word, term_off());
    term_words("names", &r->certificate->names);
    (void)printf("  %s%-9s%s %s%s", term_on(TERM_DIM), "issuer", term_off(), issuer_name(r),
                 strcmp(issuer_type(r), "files") == 0 ? " (files of another tool)" : "");
    if (g->number != 0) {
        (void)printf(", generation %lld, %s\n", (long long)g->number, g->key_type);
        print_dates(r, now_s);
        print_advice(r);
    } else {
        (void)printf("\n");
    }
    for (size_t i = 0; i < r->target_count; i++)
        print_target(r, &r->targets[i], now_s);
    print_failure(&r->state, now_s);
}

/* "renewed, deployed, proved" */
static void
print_did(const struct report *r)
{
    for (size_t i = 0; i < r->did.count; i++)
        (void)printf("%s%s", i > 0 ? ", " : "", r->did.items[i]);
    if (r->did.count == 0)
        (void)printf("nothing to do");
}

void
report_print_line(const struct report *r, int64_t now_s)
{
    const struct generation *g = &r->plan.generation;
    char until[CLOCK_TEXT_SIZE], span[40];
    bool bad = r->trouble.code != ERR_NONE;

    (void)printf("%s%s%s: ", term_on(TERM_BOLD), r->certificate->name, term_off());
    if (bad)
        (void)printf("%sfailed%s%s", term_on(TERM_BAD), term_off(),
                     r->did.count > 0 ? " after: " : "");
    if (!bad || r->did.count > 0)
        print_did(r);
    if (g->number != 0) {
        clock_minute(until, g->not_after_s);
        if (g->not_after_s - now_s > DAY_COUNTS_S)
            until[10] = '\0'; /* the date is enough */
        relative(span, r->plan.renew_at_s, now_s);
        (void)printf("; until %s, renews %s\n", until,
                     r->plan.is_due    ? "at the next run"
                     : is_elsewhere(r) ? "by another tool"
                                       : span);
    } else {
        (void)printf("; there is no certificate yet\n");
    }
    (void)fflush(stdout);
}

void
report_done(struct report *r)
{
    for (size_t i = 0; i < r->target_count; i++)
        served_done(&r->targets[i].served);
    free(r->targets);
    state_done(&r->state);
    plan_done(&r->plan);
    list_done(&r->did);
    *r = (struct report){0};
}
