/* metrics_ca.c: the private CA, its CRLs and its clients, as samples. */
#include "base/log.h"
#include "cli/apart.h"
#include "cli/ca_report.h"
#include "cli/holders.h"
#include "cli/metrics.h"
#include "cli/trust.h"

#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400)

/* ---- the CAs ---- */

static int64_t
not_before(const struct ca_report_row *row)
{
    return row->look->not_before_s;
}

static int64_t
not_after(const struct ca_report_row *row)
{
    return row->look->not_after_s;
}

/* 0, which is long ago, where there is none: who compares with now sees an end in both. */
static int64_t
crl_end(const struct ca_report_row *row)
{
    return row->look->has_crl ? row->look->crl_next_update_s : 0;
}

static int64_t
crl_begin(const struct ca_report_row *row)
{
    return row->look->has_crl ? row->look->crl_this_update_s : 0;
}

static int64_t
has_key(const struct ca_report_row *row)
{
    return row->look->has_key;
}

static int64_t
needs_attention(const struct ca_report_row *row)
{
    return row->problems.count > 0;
}

/* clang-format off */
static const struct {
    const char *name, *help;
    int64_t (*value)(const struct ca_report_row *row);
} numbers[] = {
    {"pgcert_ca_not_before_timestamp_seconds", "From when the CA is valid.", not_before},
    {"pgcert_ca_not_after_timestamp_seconds", "Until when the CA is valid.", not_after},
    {"pgcert_ca_crl_next_update_timestamp_seconds", "Until when the published CRL of the CA holds, after which servers refuse all its clients; 0: there is none.", crl_end},
    {"pgcert_ca_crl_this_update_timestamp_seconds", "Since when the published CRL of the CA holds; 0: there is none.", crl_begin},
    {"pgcert_ca_has_key", "Whether the key of the CA is here, or in a token.", has_key},
    {"pgcert_ca_needs_attention", "Whether the CA or its CRL has ended or ends soon, as pgcert status judges.", needs_attention},
};
/* clang-format on */

static void
add_authorities(struct exposition *x, const struct ca_report *r)
{
    for (size_t n = 0; n < COUNT(numbers); n++) {
        exposition_begin(x, numbers[n].name, "gauge", numbers[n].help);
        for (size_t i = 0; i < r->looks.count; i++) {
            const struct exposition_label labels[] = {{"ca", r->looks.items[i].word}, {0}};

            exposition_add(x, labels, numbers[n].value(&r->rows[i]));
        }
    }
}

/* ---- clients ---- */

enum count {
    COUNT_VALID,
    COUNT_EXPIRED,
    COUNT_REVOKED,
    COUNT_GONE,
    COUNT_WEEK,
    COUNT_MONTH,
    COUNTS
};

static const char *const states[] = {[COUNT_VALID] = "valid",
                                     [COUNT_EXPIRED] = "expired",
                                     [COUNT_REVOKED] = "revoked",
                                     [COUNT_GONE] = "gone"};

/* Of clients without a tenant, or of those of one. */
struct counted {
    const char *tenant; /* borrowed; NULL: none */
    int64_t of[COUNTS];
};

static void
count_one(struct counted *c, const struct ca_list *list, size_t at, int64_t now_s)
{
    const struct ca_issued *one = &list->items[at];
    int64_t left_s = one->not_after_s - now_s;

    for (size_t i = 0; i < COUNT(states); i++)
        c->of[i] += strcmp(states[i], one->state) == 0;
    if (left_s > 30 * DAY || !holders_is_last(list, at))
        return;
    c->of[COUNT_MONTH]++;
    c->of[COUNT_WEEK] += left_s <= 7 * DAY;
}

/* The list is sorted; the first is of no tenant, also where there is nobody. */
static size_t
count_all(struct counted *all, const struct ca_list *list, int64_t now_s)
{
    size_t count = 1;

    for (size_t i = 0; i < list->count; i++) {
        if (!holders_is_tenant(list->items[i].tenant, all[count - 1].tenant))
            all[count++].tenant = list->items[i].tenant;
        count_one(&all[count - 1], list, i, now_s);
    }
    return count;
}

static void
add_counted(struct exposition *x, const struct counted *c, bool by_state)
{
    own_mem char *tenant = c->tenant == NULL ? NULL : str_format("tenant %s", c->tenant);
    const char *ca = tenant != NULL ? tenant : "clients";

    for (size_t i = 0; by_state && i < COUNT(states); i++) {
        const struct exposition_label labels[] = {{"ca", ca}, {"state", states[i]}, {0}};

        exposition_add(x, labels, c->of[i]);
    }
    if (!by_state) {
        const struct exposition_label week[] = {{"ca", ca}, {"days", "7"}, {0}};
        const struct exposition_label month[] = {{"ca", ca}, {"days", "30"}, {0}};

        exposition_add(x, week, c->of[COUNT_WEEK]);
        exposition_add(x, month, c->of[COUNT_MONTH]);
    }
}

static bool
add_clients(struct exposition *x, const struct app *app)
{
    int64_t now_s = app->clock->now_s(app->clock);
    own_ca_list struct ca_list list = {0};
    own_mem struct counted *all = NULL;
    struct err e = {0};
    size_t count = 0;

    if (!ca_list_read(&app->config.ca, "client", now_s, &list, &e)) {
        log_debug("no metrics of clients: %s", e.text);
        return false;
    }
    all = calloc(list.count + 1, sizeof(*all));
    if (all == NULL)
        return false;
    holders_sort(&list);
    count = count_all(all, &list, now_s);
    exposition_begin(x, "pgcert_client_certificates", "gauge",
                     "Certificates that the CA has issued to clients, by their state.");
    for (size_t i = 0; i < count; i++)
        add_counted(x, &all[i], true);
    exposition_begin(x, "pgcert_clients_expiring", "gauge",
                     "Clients whose last valid certificate ends within so many days.");
    for (size_t i = 0; i < count; i++)
        add_counted(x, &all[i], false);
    return true;
}

/* ---- servers that check clients ---- */

enum of_trust { TRUST_GOOD, TRUST_PROVED, TRUST_ENDING };

static void
add_trust(struct exposition *x, const struct app *app, enum of_trust which)
{
    for (size_t i = 0; i < app->config.target_count; i++) {
        const struct target *t = app->config.targets[i];
        const struct exposition_label labels[] = {{"target", t->name}, {0}};
        own_trust_known struct trust_known known = {0};

        if (!reload_wants_clients(t))
            continue;
        trust_recall(app, t->name, &known);
        if (which == TRUST_GOOD)
            exposition_add(x, labels, known.proved_at_s != 0 && known.error == NULL);
        else if (which == TRUST_ENDING)
            exposition_add(x, labels, (int64_t)known.ending);
        else if (known.proved_at_s != 0)
            exposition_add(x, labels, known.proved_at_s);
    }
}

static void
add_trusts(struct exposition *x, const struct app *app)
{
    exposition_begin(x, "pgcert_target_trust_good", "gauge",
                     "Whether the target is proved to trust the CAs and CRLs for clients as they "
                     "are here.");
    add_trust(x, app, TRUST_GOOD);
    exposition_begin(x, "pgcert_target_trust_proved_timestamp_seconds", "gauge",
                     "When it was last proved what the target trusts of clients.");
    add_trust(x, app, TRUST_PROVED);
    exposition_begin(x, "pgcert_target_sessions_to_end", "gauge",
                     "Revoked certificates whose sessions at the target are still looked for.");
    add_trust(x, app, TRUST_ENDING);
}

void
metrics_ca_add(struct exposition *x, const struct app *app)
{
    own_ca_report struct ca_report r = {0};
    bool is_readable = false;

    if (!ca_exists(&app->config.ca))
        return;
    ca_report_init_short(&r, app);
    is_readable = r.trouble.code == ERR_NONE;
    if (is_readable)
        add_authorities(x, &r);
    /* the index of another user's is not to be read */
    is_readable = (apart_is(app) || add_clients(x, app)) && is_readable;
    add_trusts(x, app);
    exposition_begin(x, "pgcert_ca_readable", "gauge",
                     "Whether the private CA could be looked at.");
    exposition_add(x, NULL, is_readable);
}
