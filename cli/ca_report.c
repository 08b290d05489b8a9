/* ca_report.c: how the private CA stands: what ends, and what to do about it. */
#include "cli/ca_report.h"

#include "cli/apart.h"
#include "cli/plan.h"
#include "cli/term.h"
#include "cli/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400)
#define WORD_SIZE 9 /* what is longer gets a line of its own */

/* Who has to do it by hand is told this long before: a key in a safe takes its time. */
#define CEREMONY_S (90 * DAY)

/* ---- judging ---- */

static int64_t
larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t
smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Two lifetimes of what it signs, in which everything is signed anew by its successor; but not for
 * more than a third of its own. */
static int64_t
near_end_s(const struct ca_config *c, const struct ca_look *l)
{
    int64_t leaf_s = larger(c->server_lifetime_s, c->client_lifetime_s);

    return smaller(larger(2 * leaf_s, 30 * DAY), (l->not_after_s - l->not_before_s) / 3);
}

/* Every run makes a CRL that has half of its life left: one with less was forgotten. */
static int64_t
near_crl_end_s(const struct ca_config *c, const struct ca_look *l)
{
    int64_t life_s = l->crl_next_update_s - l->crl_this_update_s;

    return l->has_key ? smaller(life_s, c->crl_lifetime_s) * 2 / 5 : CEREMONY_S;
}

static bool
add(struct ca_report_row *row, char *problem)
{
    bool good = problem != NULL && list_add(&row->problems, problem);

    free(problem);
    return good;
}

/* "in 12 days", "3 h ago" */
static void
relative(char text[static 40], int64_t at_s, int64_t now_s)
{
    char span[CLOCK_SPAN_SIZE];

    clock_span(span, (at_s > now_s ? at_s - now_s : now_s - at_s) * 1000);
    (void)snprintf(text, 40, at_s > now_s ? "in %s" : "%s ago", span);
}

static bool
judge_end(struct ca_report_row *row, const struct ca_config *c, int64_t now_s)
{
    const struct ca_look *l = row->look;
    char when[40];

    relative(when, l->not_after_s, now_s);
    if (l->not_after_s <= now_s) {
        row->has_ended = true;
        return add(row,
                   str_format("the CA '%s' has ended %s, and whatever it has signed is refused; "
                              "it must be replaced (pgcert ca rollover)",
                              l->word, when));
    }
    return l->not_after_s - now_s >= near_end_s(c, l) ||
           add(row, str_format("the CA '%s' ends %s, and all that it signs with it: it must be "
                               "replaced before",
                               l->word, when));
}

/* Where the key is not here somebody has to bring it. */
static char *
remedy(const struct ca_look *l)
{
    int size = (int)(strlen(l->file) - strlen(".crt"));

    if (l->has_key)
        return strdup("make it now by: pgcert ca crl; every pgcert renew does, so is the timer "
                      "running?");
    if (strcmp(l->word, "root") != 0)
        return str_format("its key '%.*s.key' is missing: put it back", size, l->file);
    return strdup("its key is kept elsewhere: bring it back by: pgcert ca import --root-key FILE, "
                  "and take it out again by: pgcert ca export --root-key FILE, which makes a CRL "
                  "that holds as long as the root");
}

/* Whom it hits when the CRL has ended. */
static const char *
consequence(const struct ca_look *l)
{
    if (l->tenant != NULL)
        return "servers that check it let no client of that tenant in";
    return strcmp(l->word, "servers") == 0 ? "clients that check it refuse the server"
                                           : "servers that check it let no client in";
}

static bool
judge_crl(struct ca_report_row *row, const struct ca_config *c, int64_t now_s)
{
    const struct ca_look *l = row->look;
    const char *who = consequence(l);
    own_mem char *what_to_do = remedy(l);
    char when[40];

    if (what_to_do == NULL)
        return false;
    relative(when, l->crl_next_update_s, now_s);
    if (!l->has_crl || l->crl_next_update_s == 0) {
        row->has_ended = true;
        return add(row, str_format("the CRL of the CA '%s' is missing; %s", l->word, what_to_do));
    }
    if (l->crl_next_update_s <= now_s) {
        row->has_ended = true;
        return add(row, str_format("the CRL of the CA '%s' has ended %s: %s; %s", l->word, when,
                                   who, what_to_do));
    }
    /* one that ends with its CA is no trouble of its own */
    if (l->crl_next_update_s - now_s >= near_crl_end_s(c, l) ||
        l->crl_next_update_s >= l->not_after_s)
        return true;
    return add(row, str_format("the CRL of the CA '%s' ends %s, and then %s; %s", l->word, when,
                               who, what_to_do));
}

/* ---- looking ---- */

static bool
look_at_authorities(struct ca_report *r, const struct app *app, struct err *e)
{
    const struct ca_config *c = &app->config.ca;
    own_ca struct ca *ca = ca_peek(c, app->clock, e);
    int64_t now_s = app->clock->now_s(app->clock);

    if (ca == NULL || !ca_show(ca, &r->looks, e))
        return false;
    r->rows = calloc(r->looks.count, sizeof(*r->rows));
    if (r->rows == NULL)
        return err_memory(e);
    for (size_t i = 0; i < r->looks.count; i++) {
        r->rows[i].look = &r->looks.items[i];
        if (!judge_end(&r->rows[i], c, now_s) || !judge_crl(&r->rows[i], c, now_s))
            return err_memory(e);
    }
    return true;
}

/* Those that nobody wants any more are revoked, and no trouble. */
static void
count_bundle(struct ca_report *r, const struct ca_list *issued, const char *directory,
             int64_t now_s)
{
    own_ca_bundle_found struct ca_bundle_found f = {0};
    struct err ignored = {0};

    if (!ca_bundle_read(directory, &f, &ignored) || ca_list_has_revoked(issued, f.serial))
        return;
    r->bundles++;
    if (f.not_after_s <= now_s)
        r->expired++;
    else if (now_s >= plan_renew_at(f.not_before_s, f.not_after_s, (struct option_share){0}))
        r->due++;
}

static bool
count_bundles(struct ca_report *r, const struct app *app, struct err *e)
{
    int64_t now_s = app->clock->now_s(app->clock);
    own_list struct list directories = {0};
    own_ca_list struct ca_list issued = {0};

    if (apart_is(app)) /* bundles have keys: they are their owner's */
        return true;
    if (!ca_bundle_list(&app->config.ca, &directories, e))
        return false;
    if (directories.count > 0 && !ca_list_read(&app->config.ca, "client", now_s, &issued, e))
        return false;
    for (size_t i = 0; i < directories.count; i++)
        count_bundle(r, &issued, directories.items[i], now_s);
    return true;
}

void
ca_report_init(struct ca_report *r, const struct app *app)
{
    struct err e = {0};

    if (!look_at_authorities(r, app, &e) || !count_bundles(r, app, &e))
        r->trouble = e;
}

void
ca_report_init_short(struct ca_report *r, const struct app *app)
{
    struct err e = {0};

    if (!look_at_authorities(r, app, &e))
        r->trouble = e;
}

/* ---- lines ---- */

static enum term_style
style_of(const struct ca_report_row *row)
{
    return row->has_ended ? TERM_BAD : row->problems.count > 0 ? TERM_WARN : TERM_PLAIN;
}

/* "until 2036-11-19 (in 3650 days)" */
static void
print_until(int64_t until_s, int64_t now_s)
{
    char when[CLOCK_TEXT_SIZE], span[40];

    clock_text(when, until_s);
    relative(span, until_s, now_s);
    (void)printf("until %.10s (%s)", when, span);
}

static void
print_row(const struct ca_report_row *row, int64_t now_s)
{
    const struct ca_look *l = row->look;

    (void)printf("  %s%-*s%s", term_on(TERM_DIM), WORD_SIZE, l->word, term_off());
    if (strlen(l->word) > WORD_SIZE)
        (void)printf("\n  %*s", WORD_SIZE, "");
    (void)printf(" %s", term_on(style_of(row)));
    print_until(l->not_after_s, now_s);
    (void)printf(", CRL ");
    if (l->has_crl && l->crl_next_update_s != 0)
        print_until(l->crl_next_update_s, now_s);
    else
        (void)printf("missing");
    (void)printf("%s\n", term_off());
}

static void
print_sentence(const char *label, const char *sentence)
{
    own_list struct list words = {0};

    if (list_add_words(&words, sentence))
        term_words(label, &words);
}

/* The gravest in one word. */
static const char *
verdict(const struct ca_report *r, enum term_style *style)
{
    size_t count = r->rows == NULL ? 0 : r->looks.count;
    const char *word = "good";

    *style = TERM_GOOD;
    for (size_t i = 0; i < count; i++)
        if (r->rows[i].problems.count > 0 && *style == TERM_GOOD) {
            *style = TERM_WARN;
            word = "ends soon";
        }
    for (size_t i = 0; i < count; i++)
        if (r->rows[i].has_ended) {
            *style = TERM_BAD;
            word = "ended";
        }
    if (r->trouble.code == ERR_NONE)
        return word;
    *style = TERM_BAD;
    return "not readable";
}

static void
print_bundles(const struct ca_report *r)
{
    enum term_style style = r->expired > 0 ? TERM_BAD : r->due > 0 ? TERM_WARN : TERM_PLAIN;

    (void)printf("  %s%-9s%s %s%zu, of which %zu due and %zu expired%s%s\n", term_on(TERM_DIM),
                 "bundles", term_off(), term_on(style), r->bundles, r->due, r->expired,
                 r->due + r->expired > 0 ? "; renewed by: pgcert client renew" : "", term_off());
}

/* Servers that check clients by this CA: is what they trust proved? */
static void
print_target(const struct app *app, const char *target)
{
    own_trust_known struct trust_known known = {0};
    char when[40];

    trust_recall(app, target, &known);
    relative(when, known.proved_at_s, app->clock->now_s(app->clock));
    (void)printf("  %s%-9s%s %s%s%s%s\n", term_on(TERM_DIM), target, term_off(),
                 term_on(known.error != NULL ? TERM_BAD : TERM_PLAIN),
                 known.proved_at_s == 0 ? "is not proved to trust this" : "trusts this (proved ",
                 known.proved_at_s == 0 ? "" : when, known.proved_at_s == 0 ? "" : ")");
    (void)printf("%s", term_off());
    if (known.error != NULL)
        print_sentence("trouble", known.error);
}

void
ca_report_print(const struct ca_report *r, const struct app *app)
{
    int64_t now_s = app->clock->now_s(app->clock);
    enum term_style style = TERM_PLAIN;
    const char *word = verdict(r, &style);

    (void)printf("%s%-66s%s%s%s%s\n", term_on(TERM_BOLD), "private CA", term_off(), term_on(style),
                 word, term_off());
    if (r->trouble.code != ERR_NONE) {
        print_sentence("trouble", r->trouble.text);
        return;
    }
    for (size_t i = 0; i < r->looks.count; i++)
        print_row(&r->rows[i], now_s);
    if (r->bundles > 0)
        print_bundles(r);
    for (size_t i = 0; i < app->config.target_count; i++)
        if (reload_wants_clients(app->config.targets[i]))
            print_target(app, app->config.targets[i]->name);
    for (size_t i = 0; i < r->looks.count; i++)
        for (size_t n = 0; n < r->rows[i].problems.count; n++)
            print_sentence("attention", r->rows[i].problems.items[n]);
}

/* ---- JSON ---- */

static struct json_t *
row_json(const struct ca_report_row *row)
{
    const struct ca_look *l = row->look;
    struct json_t *object = json_new_object();
    struct json_t *crl = json_new_object();

    json_put_text(object, "name", l->word);
    json_put_text(object, "tenant", l->tenant);
    json_put_text(object, "subject", l->subject);
    json_put_time(object, "not_after", l->not_after_s);
    json_put_bool(object, "has_key", l->has_key);
    json_put_text(crl, "file", l->crl_file);
    json_put_int(crl, "number", l->crl_number);
    json_put_time(crl, "next_update", l->has_crl ? l->crl_next_update_s : 0);
    json_put(object, "crl", crl);
    json_put_text(object, "state",
                  row->has_ended            ? "ended"
                  : row->problems.count > 0 ? "ends soon"
                                            : "good");
    json_put_list(object, "problems", &row->problems);
    return object;
}

static struct json_t *
target_json(const struct app *app, const char *target)
{
    own_trust_known struct trust_known known = {0};
    struct json_t *object = json_new_object();

    trust_recall(app, target, &known);
    json_put_text(object, "name", target);
    json_put_text(object, "file", known.file);
    json_put_time(object, "proved_at", known.proved_at_s);
    json_put_text(object, "error", known.error);
    return object;
}

struct json_t *
ca_report_json(const struct ca_report *r, const struct app *app)
{
    struct json_t *targets = json_new_array();
    struct json_t *object = json_new_object();
    struct json_t *array = json_new_array();
    struct json_t *bundles = json_new_object();
    bool is_known = r->trouble.code == ERR_NONE;

    for (size_t i = 0; is_known && i < r->looks.count; i++)
        json_add(array, row_json(&r->rows[i]));
    json_put(object, "authorities", array);
    json_put_int(bundles, "count", (int64_t)r->bundles);
    json_put_int(bundles, "due", (int64_t)r->due);
    json_put_int(bundles, "expired", (int64_t)r->expired);
    json_put(object, "bundles", bundles);
    for (size_t i = 0; i < app->config.target_count; i++)
        if (reload_wants_clients(app->config.targets[i]))
            json_add(targets, target_json(app, app->config.targets[i]->name));
    json_put(object, "targets", targets);
    json_put_text(object, "error", is_known ? NULL : r->trouble.text);
    return object;
}

void
ca_report_done(struct ca_report *r)
{
    for (size_t i = 0; r->rows != NULL && i < r->looks.count; i++)
        list_done(&r->rows[i].problems);
    free(r->rows);
    ca_looks_done(&r->looks);
    *r = (struct ca_report){0};
}
