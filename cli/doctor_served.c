/* doctor_served.c: issued, deployed, served: are they one certificate? */
#include "cli/doctor.h"
#include "cli/report.h"

#include <string.h>

#define OVERDUE_S ((int64_t)36 * 3600) /* the timer runs twice a day */

/* ---- issued ---- */

static void
find_overdue(const struct report *r, int64_t now_s, struct findings *f)
{
    const struct generation *g = &r->plan.generation;
    struct attempt last = state_attempt(&r->state);
    const char *name = r->certificate->name;
    char when[CLOCK_TEXT_SIZE];

    if (last.error != NULL) {
        clock_minute(when, last.at_s);
        finding_add(f, g->not_after_s <= now_s ? FINDING_BAD : FINDING_WARNING, name,
                    "it could not be renewed at %s UTC: %s", when, last.error);
        finding_remedy(f, "mend that, and: pgcert renew %s", name);
        return;
    }
    if (!r->plan.is_due || r->plan.renew_at_s == 0 || r->plan.renew_at_s + OVERDUE_S > now_s)
        return;
    clock_minute(when, r->plan.renew_at_s);
    finding_add(f, FINDING_BAD, name, "it was to be renewed at %s UTC, and nothing has tried",
                when);
    finding_remedy(f, "is the timer running? now: pgcert renew %s", name);
}

static bool
find_issued(const struct report *r, int64_t now_s, struct findings *f)
{
    const struct generation *g = &r->plan.generation;
    const char *name = r->certificate->name;
    char when[CLOCK_TEXT_SIZE];

    find_overdue(r, now_s, f);
    if (g->number == 0) {
        finding_add(f, FINDING_BAD, name, "nothing is issued yet");
        finding_remedy(f, "pgcert renew %s", name);
        return false;
    }
    if (g->not_after_s > now_s)
        return true;
    clock_minute(when, g->not_after_s);
    finding_add(f, FINDING_BAD, name, "what is issued has ended at %s UTC", when);
    finding_remedy(f, "pgcert renew %s", name);
    return true;
}

/* ---- deployed, served ---- */

static void
find_endpoints(const struct report *r, const struct served *s, const char *target,
               struct findings *f)
{
    const char *name = r->certificate->name;

    for (size_t i = 0; i < s->endpoint_count; i++) {
        const struct endpoint *p = &s->endpoints[i];

        if (p->error != NULL)
            finding_add(f, FINDING_BAD, target, "%s: %s", p->address, p->error);
        else if (strcmp(p->sha256, r->plan.generation.sha256) != 0)
            finding_add(f, FINDING_BAD, target,
                        "%s serves the certificate %.16s..., and not %.16s..., which is issued for "
                        "%s",
                        p->address, p->sha256, r->plan.generation.sha256, name);
        else
            continue;
        finding_remedy(f, "pgcert deploy %s (reloads, and proves what is served then)", name);
    }
}

static void
find_deployed(const struct report *r, const struct served *s, const char *target,
              struct findings *f)
{
    const char *issued = r->plan.generation.sha256;
    const char *name = r->certificate->name;

    if (s->deployed_sha256[0] == '\0' || strcmp(s->deployed_sha256, issued) == 0)
        return;
    finding_add(f, FINDING_BAD, target,
                "'%s' holds the certificate %.16s..., and not %.16s..., which is issued for %s: a "
                "restart would serve it",
                s->file, s->deployed_sha256, issued, name);
    finding_remedy(f, "pgcert deploy %s; who else writes that file?", name);
}

static void
find_target(struct doctor *d, const struct report *r, const char *target, struct findings *f)
{
    own_served struct served served = {0};
    struct err e = {0};

    if (!reload_look(config_target(&d->app->config, target), d->app->clock, &served, &e)) {
        if (e.code != ERR_CONFIG) {
            finding_unseen(f, target, &e);
            return;
        }
        finding_add(f, FINDING_BAD, target, "%s", e.text);
        finding_remedy(f, "pgcert setup %s", r->certificate->name);
        return;
    }
    if (r->plan.generation.number == 0)
        return;
    find_deployed(r, &served, target, f);
    find_endpoints(r, &served, target, f);
}

/* ---- all ---- */

static void
find_certificate(struct doctor *d, const struct certificate *c, struct findings *f)
{
    own_report struct report r = {0};
    struct err e = {0};

    if (!report_init(&r, d->app, c, &e)) {
        finding_unseen(f, c->name, &e);
        return;
    }
    (void)find_issued(&r, d->app->clock->now_s(d->app->clock), f);
    for (size_t i = 0; i < c->deploy.count; i++)
        find_target(d, &r, c->deploy.items[i], f);
    if (c->deploy.count > 0)
        return;
    finding_add(f, FINDING_WARNING, c->name, "it is deployed nowhere");
    finding_remedy(f, "set deploy = TARGET in [certificate %s]; or: pgcert setup %s", c->name,
                   c->name);
}

void
doctor_served(struct doctor *d, struct findings *f)
{
    const struct config *c = &d->app->config;

    for (size_t i = 0; i < c->certificate_count; i++)
        find_certificate(d, &c->certificates[i], f);
    if (c->certificate_count > 0)
        return;
    finding_add(f, FINDING_WARNING, d->app->config_path, "it has no [certificate NAME]");
    finding_remedy(f, "pgcert setup NAME");
}
