/* doctor_dns.c: can the names be proved: name servers that answer, CAA records that allow. */
#include "base/resolver.h"
#include "cli/doctor_caa.h"
#include "cli/doctor_issuer.h"

#include <stdlib.h>
#include <string.h>

#define ASK_MS 8000
#define LEVELS_MAX 12 /* labels above a name that are asked for CAA */

/* One name that is to be signed, and the questions about it. */
struct name_check {
    const char *name; /* as in the settings */
    bool is_wildcard;
    struct list identities; /* of the issuer */
    struct resolver_question questions[LEVELS_MAX + 1];
    size_t count; /* the first is for the challenge */
};

static bool
add_question(struct name_check *n, const struct resolver *at, const char *name, enum dns_type type)
{
    struct resolver_question *q = NULL;

    if (n->count == COUNT(n->questions))
        return false;
    q = &n->questions[n->count];
    *q = (struct resolver_question){.at = at, .type = type, .recurse = true};
    if (!dns_name_copy(q->name, name))
        return false;
    n->count++;
    return true;
}

static void
prepare(struct name_check *n, const struct resolver *at)
{
    const char *bare = n->name + (n->is_wildcard ? 2 : 0);
    own_mem char *challenge = str_format("_acme-challenge.%s", bare);
    own_mem char *absolute = str_format("%s.", bare);

    if (challenge == NULL || !add_question(n, at, challenge, DNS_TYPE_TXT))
        return;
    /* a top-level domain has none, and in private networks nobody answers for it */
    for (const char *up = absolute; n->identities.count > 0 && dns_name_parent(up) != NULL;
         up = dns_name_parent(up))
        if (!add_question(n, at, up, DNS_TYPE_CAA))
            return;
}

static void
find_challenge(const struct name_check *n, const char *certificate, struct findings *f)
{
    const struct resolver_question *q = &n->questions[0];

    if (n->count == 0 || q->is_answered)
        return;
    finding_add(f, FINDING_BAD, certificate,
                "'%s' cannot be asked for%s%s: the issuer cannot see the challenge of '%s' either",
                q->name, q->has_rcode ? ": " : "",
                q->has_rcode ? dns_rcode_text(q->answer.rcode) : q->trouble, n->name);
    finding_remedy(f, "see which name server of the delegation does not answer: dig +trace %s TXT",
                   q->name);
}

/* The records nearest to the name decide (RFC 8659 section 3). */
static void
find_caa(const struct name_check *n, const struct doctor_issuer *from, const char *certificate,
         struct findings *f)
{
    for (size_t i = 1; i < n->count; i++) {
        const struct resolver_question *q = &n->questions[i];
        struct err why = {0};
        bool any = false;

        if (!q->is_answered) {
            (void)err_set(&why, ERR_NETWORK, "the CAA records of '%s': %s", q->name,
                          q->has_rcode ? dns_rcode_text(q->answer.rcode) : q->trouble);
            finding_unseen(f, certificate, &why);
            return;
        }
        if (!doctor_caa_allows(&q->answer, n->is_wildcard, &n->identities, &any)) {
            finding_add(f, FINDING_BAD, certificate,
                        "the CAA records of '%s' do not let %s sign for '%s'", q->name,
                        from->issuer->name, n->name);
            finding_remedy(f, "add to the zone: %s CAA 0 %s \"%s\"", q->name,
                           n->is_wildcard ? "issuewild" : "issue", n->identities.items[0]);
            return;
        }
        if (any)
            return;
    }
}

static bool
take_identities(const struct doctor_issuer *from, struct list *identities)
{
    const struct json_t *all = json_member(json_member(from->directory, "meta"), "caaIdentities");

    for (size_t i = 0; i < json_count(all); i++) {
        const char *one = json_item_text(all, i);

        if (one != NULL && !list_add(identities, one))
            return false;
    }
    return true;
}

static void
find_name(struct doctor *d, const struct doctor_issuer *from, const struct resolver *at,
          const struct certificate *c, const char *name, struct findings *f)
{
    struct name_check *n = calloc(1, sizeof(*n));
    struct clock *clock = d->app->clock;
    struct err why = {0};

    if (n == NULL || !take_identities(from, &n->identities)) {
        f->is_short = true;
        free(n);
        return;
    }
    n->name = name;
    n->is_wildcard = strncmp(name, "*.", 2) == 0;
    prepare(n, at);
    if (resolver_ask(n->questions, n->count, clock, clock->steady_ms(clock) + ASK_MS, &why)) {
        find_challenge(n, c->name, f);
        find_caa(n, from, c->name, f);
    } else {
        finding_unseen(f, c->name, &why);
    }
    resolver_questions_done(n->questions, n->count);
    list_done(&n->identities);
    free(n);
}

/* Those of the [dns] section, else the system's. */
static bool
find_resolvers(const struct dns *dns, struct resolver *at, struct err *e)
{
    if (dns == NULL || dns->config.resolvers.count == 0)
        return resolver_read(at, RESOLVER_SYSTEM, e);
    for (size_t i = 0; i < dns->config.resolvers.count; i++)
        if (!resolver_add(at, dns->config.resolvers.items[i], e))
            return false;
    return true;
}

static const struct doctor_issuer *
issuer_of(struct doctor *d, const struct certificate *c)
{
    size_t count = 0;
    const struct doctor_issuer *all = doctor_issuers(d, &count);

    for (size_t i = 0; i < count; i++)
        if (all[i].issuer == c->issuer)
            return &all[i];
    return NULL;
}

void
doctor_dns(struct doctor *d, struct findings *f)
{
    const struct config *config = &d->app->config;

    for (size_t i = 0; i < config->certificate_count; i++) {
        const struct certificate *c = &config->certificates[i];
        const struct doctor_issuer *from = issuer_of(d, c);
        struct resolver at = {0};
        struct err why = {0};

        if (from == NULL)
            continue;
        if (!find_resolvers(config_dns(config, c->issuer->acme.dns), &at, &why)) {
            finding_unseen(f, c->name, &why);
            continue;
        }
        for (size_t n = 0; n < c->names.count; n++)
            find_name(d, from, &at, c, c->names.items[n], f);
    }
}
