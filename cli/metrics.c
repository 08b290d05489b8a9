/* metrics.c: what certificates, targets and runs came to, as samples; and the file of them. */
#include "cli/metrics.h"

#include "base/log.h"
#include "base/version.h"
#include "cli/history.h"
#include "cli/keep.h"
#include "cli/outfile.h"
#include "cli/trust.h"

#include <stdlib.h>
#include <string.h>

#define NO_TIME 0
#define NO_NUMBER (-1)

/* One certificate. Of times 0 is: there was none. */
struct facts {
    struct report report;
    struct history history;
    int64_t is_issued, not_before_s, not_after_s, renew_at_s;
    int64_t attempt_at_s, next_at_s, refusals;
};

/* One of its targets. */
struct target_facts {
    const char *certificate, *target;            /* borrowed */
    int64_t is_deployed, is_served, proved_at_s; /* is_served NO_NUMBER: nobody can be asked */
};

/* All of them. */
struct gathered {
    const struct app *app;
    struct facts *facts;
    size_t count;
    struct target_facts *targets;
    size_t target_count;
    struct json_t *history;
};

#define own_gathered __attribute__((cleanup(gathered_done)))

static void
gathered_done(struct gathered *g)
{
    for (size_t i = 0; g->facts != NULL && i < g->count; i++)
        report_done(&g->facts[i].report);
    free(g->facts);
    free(g->targets);
    json_drop(&g->history);
}

/* ---- facts ---- */

/* The file that was last proved has the issued one; where it is not ours to read, it was proved. */
static bool
is_deployed(const struct report *r, const char *target, const struct proof *proof,
            const struct material *m)
{
    return m != NULL && (state_is_unchanged(proof, m) ||
                         (state_is_withheld(proof) && report_is_proved(r, target)));
}

static void
take_target(struct gathered *g, const struct report *r, const char *target,
            const struct material *m)
{
    struct proof proof = state_proof(&r->state, target);

    g->targets[g->target_count++] = (struct target_facts){
        .certificate = r->certificate->name,
        .target = target,
        .is_deployed = is_deployed(r, target, &proof, m),
        .is_served = proof.is_unprovable ? NO_NUMBER : report_is_proved(r, target),
        .proved_at_s = proof.is_unprovable ? 0 : proof.at_s,
    };
}

static void
take_targets(struct gathered *g, const struct report *r)
{
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    struct material m = {0};
    struct err ignored = {0};
    bool is_there =
        r->plan.generation.number != 0 && keep_material(r, &key_pem, &chain_pem, &m, &ignored);

    for (size_t i = 0; i < r->target_count; i++)
        take_target(g, r, r->targets[i].name, is_there ? &m : NULL);
}

/* What is damaged was told by the run; here it is: not issued. */
static void
take_certificate(struct gathered *g, struct facts *f, const struct certificate *c)
{
    struct report *r = &f->report;
    const struct generation *now = &r->plan.generation;
    struct attempt last = {0};
    struct err ignored = {0};

    f->history = history_of(g->history, c->name);
    if (!report_init(r, g->app, c, &ignored)) {
        log_debug("no metrics of '%s': %s", c->name, ignored.text);
        return;
    }
    last = state_attempt(&r->state);
    f->is_issued = now->number != 0;
    f->not_before_s = now->not_before_s;
    f->not_after_s = now->not_after_s;
    f->renew_at_s = r->plan.renew_at_s;
    f->attempt_at_s = last.at_s;
    f->next_at_s = last.next_s;
    f->refusals = last.failures;
    take_targets(g, r);
}

static bool
gather(struct gathered *g, const struct history_run *run)
{
    const struct config *c = &g->app->config;
    size_t targets = 0;

    for (size_t i = 0; i < c->certificate_count; i++)
        targets += c->certificates[i].deploy.count;
    g->history = history_load(g->app, run);
    g->facts = calloc(c->certificate_count + 1, sizeof(*g->facts));
    g->targets = calloc(targets + 1, sizeof(*g->targets));
    if (g->history == NULL || g->facts == NULL || g->targets == NULL)
        return false;
    for (; g->count < c->certificate_count; g->count++)
        take_certificate(g, &g->facts[g->count], &c->certificates[g->count]);
    return true;
}

/* ---- samples of certificates ---- */

/* A number of a struct. */
struct number {
    const char *name, *type, *help;
    size_t offset;
    int64_t none; /* what has no sample: NO_NUMBER, or of times NO_TIME */
};

static bool
find_number(const struct number *n, const void *of, int64_t *value)
{
    memcpy(value, (const char *)of + n->offset, sizeof(*value));
    return *value != n->none;
}

/* clang-format off */
static const struct number certificate_numbers[] = {
    {"pgcert_certificate_issued", "gauge", "Whether there is a certificate.", offsetof(struct facts, is_issued), NO_NUMBER},
    {"pgcert_certificate_not_before_timestamp_seconds", "gauge", "From when the issued certificate is valid.", offsetof(struct facts, not_before_s), NO_TIME},
    {"pgcert_certificate_not_after_timestamp_seconds", "gauge", "Until when the issued certificate is valid.", offsetof(struct facts, not_after_s), NO_TIME},
    {"pgcert_certificate_renew_at_timestamp_seconds", "gauge", "When the issued certificate is to be renewed.", offsetof(struct facts, renew_at_s), NO_TIME},
    {"pgcert_certificate_last_run_timestamp_seconds", "gauge", "When a run last had to do with the certificate.", offsetof(struct facts, history.run_at_s), NO_TIME},
    {"pgcert_certificate_last_success_timestamp_seconds", "gauge", "When a run last brought the certificate to be issued, deployed and served.", offsetof(struct facts, history.good_at_s), NO_TIME},
    {"pgcert_certificate_runs_total", "counter", "Runs that had to do with the certificate.", offsetof(struct facts, history.runs), NO_NUMBER},
    {"pgcert_certificate_failed_runs_total", "counter", "Runs that failed for the certificate.", offsetof(struct facts, history.failures), NO_NUMBER},
    {"pgcert_certificate_failures_in_a_row", "gauge", "Runs that failed for the certificate since the last success.", offsetof(struct facts, history.in_a_row), NO_NUMBER},
    {"pgcert_certificate_last_attempt_timestamp_seconds", "gauge", "When the issuer was last asked for the certificate.", offsetof(struct facts, attempt_at_s), NO_TIME},
    {"pgcert_certificate_next_attempt_timestamp_seconds", "gauge", "Before when the issuer is not asked again after a failure.", offsetof(struct facts, next_at_s), NO_TIME},
    {"pgcert_certificate_issuer_failures_in_a_row", "gauge", "Failures in a row that cost something at the issuer.", offsetof(struct facts, refusals), NO_NUMBER},
};

static const struct number target_numbers[] = {
    {"pgcert_target_deployed", "gauge", "Whether the target's file holds the issued certificate.", offsetof(struct target_facts, is_deployed), NO_NUMBER},
    {"pgcert_target_served", "gauge", "Whether the target was proved to serve the issued certificate, and nothing has failed there since.", offsetof(struct target_facts, is_served), NO_NUMBER},
    {"pgcert_target_proved_timestamp_seconds", "gauge", "When it was last proved what the target serves.", offsetof(struct target_facts, proved_at_s), NO_TIME},
};

/* By exit status (see pgcert(1)); the last row is all others. */
static const struct {
    const char *word;
    int64_t status, other;
} classes[] = {
    {"unproved",  81,  0}, {"put_back",   80, 0}, {"config",  78, 0}, {"permission", 77, 0},
    {"refused",   69,  0}, {"protocol",   76, 0}, {"input",   65, 0}, {"io",         74, 73},
    {"temporary", 75,  0}, {"internal",   70, 0},
};
/* clang-format on */

static void
add_errors(struct exposition *x, const struct gathered *g)
{
    exposition_begin(x, "pgcert_certificate_error", "gauge",
                     "Whether the last run failed for the certificate, by the class of the error.");
    for (size_t i = 0; i < g->count; i++)
        for (size_t n = 0; n < COUNT(classes); n++) {
            const struct history *h = &g->facts[i].history;
            const struct exposition_label labels[] = {
                {"certificate", g->app->config.certificates[i].name},
                {"class", classes[n].word},
                {0}};

            exposition_add(x, labels,
                           h->status != 0 &&
                               (h->status == classes[n].status || h->status == classes[n].other));
        }
}

/* Who has signed it, else who is to. */
static void
add_infos(struct exposition *x, const struct gathered *g)
{
    exposition_begin(x, "pgcert_certificate_info", "gauge",
                     "Who has signed the certificate, and the kind of its key; always 1.");
    for (size_t i = 0; i < g->count; i++) {
        const struct certificate *c = &g->app->config.certificates[i];
        const struct generation *now = &g->facts[i].report.plan.generation;
        bool is_issued = now->number != 0;
        const struct exposition_label labels[] = {
            {"certificate", c->name},
            {"issuer", is_issued ? now->issuer : c->issuer_name},
            {"key_type", is_issued ? now->key_type : key_type_words[c->key_type]},
            {0}};

        exposition_add(x, labels, 1);
    }
}

static void
add_certificates(struct exposition *x, const struct gathered *g)
{
    add_infos(x, g);
    for (size_t n = 0; n < COUNT(certificate_numbers); n++) {
        const struct number *number = &certificate_numbers[n];

        exposition_begin(x, number->name, number->type, number->help);
        for (size_t i = 0; i < g->count; i++) {
            const struct exposition_label labels[] = {
                {"certificate", g->app->config.certificates[i].name}, {0}};
            int64_t value = 0;

            if (find_number(number, &g->facts[i], &value))
                exposition_add(x, labels, value);
        }
    }
    add_errors(x, g);
}

/* The same target twice in `deploy` would be the same sample twice, and spoil the whole file. */
static bool
is_repeated(const struct gathered *g, size_t at)
{
    for (size_t i = at; i-- > 0 && g->targets[i].certificate == g->targets[at].certificate;)
        if (strcmp(g->targets[i].target, g->targets[at].target) == 0)
            return true;
    return false;
}

static void
add_targets(struct exposition *x, const struct gathered *g)
{
    for (size_t n = 0; n < COUNT(target_numbers); n++) {
        const struct number *number = &target_numbers[n];

        exposition_begin(x, number->name, number->type, number->help);
        for (size_t i = 0; i < g->target_count; i++) {
            const struct target_facts *t = &g->targets[i];
            const struct exposition_label labels[] = {
                {"certificate", t->certificate}, {"target", t->target}, {0}};
            int64_t value = 0;

            if (find_number(number, t, &value) && !is_repeated(g, i))
                exposition_add(x, labels, value);
        }
    }
}

/* ---- samples of runs ---- */

static void
add_version(struct exposition *x)
{
    const struct exposition_label labels[] = {{"version", PGCERT_VERSION}, {0}};

    exposition_begin(x, "pgcert_build_info", "gauge", "The version of pgcert; always 1.");
    exposition_add(x, labels, 1);
}

enum of_run { RUN_AT, RUN_TOOK, RUN_STATUS };

static void
add_runs(struct exposition *x, const struct gathered *g, enum of_run which)
{
    struct history_run run = {0};
    void *cursor = NULL;

    while (history_each(g->history, &cursor, &run)) {
        const struct exposition_label labels[] = {{"command", run.command}, {0}};

        if (which == RUN_TOOK)
            exposition_add_ms(x, labels, run.took_ms);
        else
            exposition_add(x, labels, which == RUN_AT ? run.at_s : run.status);
    }
}

static void
add_all_runs(struct exposition *x, const struct gathered *g)
{
    exposition_begin(x, "pgcert_run_timestamp_seconds", "gauge",
                     "When the command last came to its end.");
    add_runs(x, g, RUN_AT);
    exposition_begin(x, "pgcert_run_duration_seconds", "gauge",
                     "How long the last run of the command took.");
    add_runs(x, g, RUN_TOOK);
    exposition_begin(x, "pgcert_run_exit_status", "gauge",
                     "The exit status of the last run of the command.");
    add_runs(x, g, RUN_STATUS);
}

/* ---- the file ---- */

static bool
write_all(struct app *app, const struct history_run *run, struct err *e)
{
    own_gathered struct gathered g = {.app = app};
    own_exposition struct exposition x = {0};

    if (!gather(&g, run))
        return err_memory(e);
    add_version(&x);
    add_all_runs(&x, &g);
    add_certificates(&x, &g);
    add_targets(&x, &g);
    metrics_ca_add(&x, app);
    if (x.has_failed)
        return err_memory(e);
    return history_save(app, g.history, e) &&
           outfile_write(app->config.settings.metrics_file, &x.text, e);
}

void
metrics_write(struct app *app, const char *command, enum err_code code)
{
    struct history_run run = {.command = command,
                              .at_s = app->clock->now_s(app->clock),
                              .took_ms = app->clock->steady_ms(app->clock) - app->started_ms,
                              .status = app_exit_status(code)};
    struct err e = {0};

    /* what they count is kept by who obtains */
    if ((app->parts & APP_OBTAIN) == 0)
        return;
    if (app->config.settings.metrics_file != NULL && !write_all(app, &run, &e))
        log_say(LOG_LEVEL_WARNING, "[pgcert] metrics_file: the metrics are not written: %s",
                e.text);
}
