/* doctor_issuer.c: can the issuers be reached, and do the clocks agree? */
#include "cli/doctor_issuer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#define AHEAD_WARN_S 60
#define AHEAD_BAD_S 300 /* RFC 8945 section 5.2.3 recommends this fudge for TSIG */

/* ---- asking ---- */

/* Is a certificate to come from there? */
static bool
is_needed(const struct config *c, const struct issuer *issuer)
{
    for (size_t i = 0; i < c->certificate_count; i++)
        if (c->certificates[i].issuer == issuer || c->certificates[i].issuer->stand_in == issuer)
            return issuer->type == ISSUER_ACME;
    return false;
}

static bool
ask(struct doctor_issuer *one, struct clock *clock, struct err *e)
{
    struct http *http = http_new(one->issuer->acme.ca_file, clock, e);
    struct http_request request = {.method = "GET", .url = one->issuer->acme.directory};
    own_http_response struct http_response answer = {0};
    const char *date = NULL;
    bool good = http != NULL && http->send(http, &request, &answer, e);
    int64_t now_s = clock->now_s(clock);

    http_free(http);
    if (!good)
        return false;
    date = http_header(&answer, "date");
    one->ahead_s = date == NULL || http_date(date) == 0 ? 0 : http_date(date) - now_s;
    if (answer.status != 200)
        return err_set(e, ERR_NETWORK, "'%s' answers with HTTP status %d",
                       one->issuer->acme.directory, answer.status);
    one->directory =
        json_decode(answer.body.text == NULL ? "" : answer.body.text, answer.body.size, e);
    return one->directory != NULL;
}

const struct doctor_issuer *
doctor_issuers(struct doctor *d, size_t *count)
{
    const struct config *c = &d->app->config;

    if (d->issuers == NULL)
        d->issuers = calloc(c->issuer_count + 1, sizeof(*d->issuers));
    for (size_t i = 0; d->issuers != NULL && !d->has_issuers && i < c->issuer_count; i++) {
        struct doctor_issuer *one = &d->issuers[d->issuer_count];

        if (!is_needed(c, &c->issuers[i]))
            continue;
        d->issuer_count++;
        one->issuer = &c->issuers[i];
        if (!ask(one, d->app->clock, &one->why))
            (void)err_wrap(&one->why, "[issuer %s]", one->issuer->name);
    }
    d->has_issuers = true;
    *count = d->issuer_count;
    return d->issuers;
}

void
doctor_issuers_done(struct doctor *d)
{
    for (size_t i = 0; i < d->issuer_count; i++)
        json_drop(&d->issuers[i].directory);
    free(d->issuers);
    d->issuers = NULL;
    d->issuer_count = 0;
}

/* ---- what it says ---- */

void
doctor_reach(struct doctor *d, struct findings *f)
{
    size_t count = 0;
    const struct doctor_issuer *all = doctor_issuers(d, &count);

    for (size_t i = 0; i < count; i++) {
        const struct acme_issuer *acme = &all[i].issuer->acme;
        const struct json_t *meta = json_member(all[i].directory, "meta");
        const struct json_t *profiles = json_member(meta, "profiles");

        if (all[i].directory == NULL) {
            finding_add(f, FINDING_BAD, all[i].issuer->name,
                        "its directory cannot be asked, so nothing can be renewed there: %s",
                        all[i].why.text);
            finding_remedy(f, "see what stands between: curl %s", acme->directory);
        } else if (acme->profile != NULL && json_member(profiles, acme->profile) == NULL) {
            finding_add(f, FINDING_BAD, all[i].issuer->name,
                        "it has no profile '%s': the next order is refused", acme->profile);
            finding_remedy(f, "set profile in [issuer %s] to one that the directory names",
                           all[i].issuer->name);
        }
    }
}

static void
find_difference(const char *other, int64_t ahead_s, struct findings *f)
{
    int64_t size_s = ahead_s < 0 ? -ahead_s : ahead_s;
    char span[CLOCK_SPAN_SIZE];

    if (size_s < AHEAD_WARN_S)
        return;
    clock_span(span, size_s * 1000);
    finding_add(f, size_s < AHEAD_BAD_S ? FINDING_WARNING : FINDING_BAD, other,
                "its clock is %s %s this host's: %s", span, ahead_s < 0 ? "behind" : "ahead of",
                ahead_s < 0 ? "what is valid may count as ended here, and TSIG is refused"
                            : "a new certificate is not valid here yet, and TSIG is refused");
    finding_remedy(f, "timedatectl set-ntp true; then: timedatectl timesync-status");
}

void
doctor_clock(struct doctor *d, struct findings *f)
{
    size_t count = 0;
    const struct doctor_issuer *all = doctor_issuers(d, &count);
    struct timex about = {0};

    for (size_t i = 0; i < count && all[i].issuer != NULL; i++)
        find_difference(all[i].issuer->name, all[i].ahead_s, f);
    /* TIME_ERROR: the kernel was never told the time by anybody (adjtimex(2)) */
    if (adjtimex(&about) == TIME_ERROR || (about.status & STA_UNSYNC) != 0) {
        finding_add(f, FINDING_NOTE, "this host",
                    "nothing keeps its clock right, as far as the "
                    "kernel knows");
        finding_remedy(f, "timedatectl set-ntp true");
    }
}

void
doctor_clock_of_server(const struct examination *x, struct findings *f)
{
    find_difference(reload_examined_name(x), reload_examined_ahead(x), f);
}
