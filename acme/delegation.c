/* delegation.c: ask the servers of a delegation one by one. */
#include "acme/delegation.h"

#include "acme/nameserver.h"

#include <stdlib.h>
#include <string.h>

#define NAMED_MAX 3 /* servers that the sentence names */

struct delegation {
    struct dns *d;
    const char *name; /* of the zone */
    struct nameserver servers[NAMESERVER_MAX];
    size_t count;
    struct resolver_question questions[2 * NAMESERVER_MAX];
    size_t whose[2 * NAMESERVER_MAX]; /* each question is about that server */
    size_t question_count;
};

static bool
ask(struct delegation *g)
{
    struct err ignored = {0};

    return resolver_ask(g->questions, g->question_count, g->d->clock, zone_deadline_ms(g->d),
                        &ignored);
}

static void
forget_questions(struct delegation *g)
{
    resolver_questions_done(g->questions, g->question_count);
    g->question_count = 0;
}

static void
add_question(struct delegation *g, size_t whose, const struct resolver *at, const char *name,
             enum dns_type type, bool recurse)
{
    struct resolver_question *q = &g->questions[g->question_count];

    *q = (struct resolver_question){.at = at, .type = type, .recurse = recurse};
    g->whose[g->question_count] = whose;
    if (dns_name_copy(q->name, name))
        g->question_count++;
}

/* The NS records of the zone above, with the addresses that it has for them. */
static void
find_servers(struct delegation *g, const struct resolver *by)
{
    const struct dns_answer *answer = &g->questions[0].answer;
    const struct dns_record *r = NULL;

    add_question(g, 0, by, g->name, DNS_TYPE_SOA, false);
    if (ask(g))
        for (size_t i = 0; g->count < NAMESERVER_MAX &&
                           (r = dns_next(answer, DNS_AUTHORITY, DNS_TYPE_NS, &i)) != NULL;)
            if (strcmp(r->owner, g->name) == 0 && dns_name_copy(g->servers[g->count].name, r->data))
                g->count++;
    for (size_t i = 0; i < g->count; i++)
        resolver_take(&g->servers[i].at, answer, DNS_ADDITIONAL, g->servers[i].name);
    forget_questions(g);
}

static void
find_addresses(struct delegation *g, const struct resolver *resolvers)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->servers[i].at.count > 0)
            continue;
        add_question(g, i, resolvers, g->servers[i].name, DNS_TYPE_A, true);
        add_question(g, i, resolvers, g->servers[i].name, DNS_TYPE_AAAA, true);
    }
    if (ask(g))
        for (size_t n = 0; n < g->question_count; n++)
            resolver_take(&g->servers[g->whose[n]].at, &g->questions[n].answer, DNS_ANSWER,
                          g->servers[g->whose[n]].name);
    forget_questions(g);
}

static bool
has_zone(const struct resolver_question *q)
{
    const struct dns_record *soa = NULL;

    for (size_t i = 0; (soa = dns_next(&q->answer, DNS_ANSWER, DNS_TYPE_SOA, &i)) != NULL;)
        if (strcmp(soa->owner, q->name) == 0)
            return q->is_answered && q->answer.authoritative;
    return false;
}

/* What is wrong with server number i, or nothing. `q`: the question for the zone; NULL: it could
 * not be asked. */
static bool
add_fault(struct str *text, const struct delegation *g, size_t i, const struct resolver_question *q)
{
    const struct nameserver *server = &g->servers[i];
    const char *between = text->size > 0 ? "; " : "";
    char who[RESOLVER_TEXT];

    if (q == NULL && dns_name_under(server->name, g->name))
        return str_addf(text, "%s'%s' has no address, as the zone above has no glue for it",
                        between, server->name);
    if (q == NULL)
        return str_addf(text, "%s'%s' has no address", between, server->name);
    if (has_zone(q))
        return true;
    if (!q->is_answered)
        return str_addf(text, "%s'%s' does not have it (%s)", between, server->name, q->trouble);
    resolver_text(who, &server->at);
    return str_addf(text, "%s'%s' (%s) does not have it", between, server->name, who);
}

static bool
tell(const struct delegation *g, struct err *e)
{
    own_str struct str text = {0};

    for (size_t i = 0; i < g->count && i < NAMED_MAX; i++) {
        const struct resolver_question *q = NULL;

        for (size_t n = 0; n < g->question_count; n++)
            if (g->whose[n] == i)
                q = &g->questions[n];
        if (!add_fault(&text, g, i, q))
            return false;
    }
    if (text.size == 0)
        return false;
    (void)err_set(e, ERR_NETWORK,
                  "the zone '%s' is delegated to servers that cannot tell of it: %s; add the zone "
                  "there, or correct its NS records in the zone above",
                  g->name, text.text);
    return true;
}

bool
delegation_explain(struct dns *d, const struct resolver *by, const char *name, struct err *e)
{
    struct err ignored = {0};
    const struct resolver *resolvers = zone_resolvers(d, &ignored);
    own_mem struct delegation *g = calloc(1, sizeof(*g));
    bool is_told = false;

    if (resolvers == NULL || g == NULL)
        return false;
    g->d = d;
    g->name = name;
    find_servers(g, by);
    find_addresses(g, resolvers);
    for (size_t i = 0; i < g->count; i++)
        if (g->servers[i].at.count > 0)
            add_question(g, i, &g->servers[i].at, name, DNS_TYPE_SOA, false);
    is_told = ask(g) && tell(g, e);
    forget_questions(g);
    return is_told;
}
