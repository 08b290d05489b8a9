/* alias.c: see that CNAMEs lead to the alias, as the resolvers see them. */
#include "acme/alias.h"

#include "acme/zone.h"

#include <stdlib.h>
#include <string.h>

#define HOPS_MAX 8  /* CNAMEs in a row; resolvers of issuers follow about as many */
#define NAMED_MAX 4 /* missing records that an error names */

/* The way from one record's name. */
struct way {
    const char *from;       /* the record's */
    char at[DNS_NAME_SIZE]; /* how far it is known */
    bool is_at_end;         /* there is no CNAME */
};

struct check {
    struct dns *d;
    const struct resolver *resolvers;
    struct way *ways;
    struct resolver_question *questions; /* room for as many as there are ways */
    size_t count;
};

static bool
is_there(const struct check *c, const struct way *way)
{
    return strcmp(way->at, c->d->config.alias) == 0;
}

/* Both values of a name and its wildcard come by the same way. */
static bool
add_way(struct check *c, const char *fqdn, struct err *e)
{
    struct way *way = &c->ways[c->count];

    for (size_t i = 0; i < c->count; i++)
        if (strcasecmp(c->ways[i].from, fqdn) == 0)
            return true;
    if (!dns_name_copy(way->at, fqdn))
        return err_set(e, ERR_CONFIG, "'%s' is not a name that DNS can hold", fqdn);
    way->from = fqdn;
    c->count++;
    return true;
}

static bool
take(const struct check *c, struct way *way, const struct resolver_question *q, struct err *e)
{
    const struct dns_record *r = NULL;

    if (!q->is_answered)
        return err_set(e, ERR_NETWORK,
                       "whether '%s' leads to the alias '%s' cannot be found out by the resolvers "
                       "(%s)",
                       way->from, c->d->config.alias, q->trouble);
    for (size_t i = 0; (r = dns_next(&q->answer, DNS_ANSWER, DNS_TYPE_CNAME, &i)) != NULL;)
        if (strcmp(r->owner, q->name) == 0 && dns_name_copy(way->at, r->data))
            return true;
    way->is_at_end = true;
    return true;
}

/* One CNAME further. The type is asked for, not TXT: a resolver that looks for a value before it
 * is published would remember that there is none. */
static bool
hop(const struct check *c, size_t *asked, struct err *e)
{
    size_t n = 0;

    for (size_t i = 0; i < c->count; i++) {
        struct resolver_question *q = &c->questions[n];

        if (is_there(c, &c->ways[i]) || c->ways[i].is_at_end)
            continue;
        *q =
            (struct resolver_question){.at = c->resolvers, .type = DNS_TYPE_CNAME, .recurse = true};
        n += dns_name_copy(q->name, c->ways[i].at);
    }
    *asked = n;
    if (!resolver_ask(c->questions, n, c->d->clock, zone_deadline_ms(c->d), e))
        return false;
    for (size_t i = 0, k = 0; i < c->count && k < n; i++)
        if (!is_there(c, &c->ways[i]) && !c->ways[i].is_at_end &&
            !take(c, &c->ways[i], &c->questions[k++], e))
            return false;
    return true;
}

static bool
tell_missing(const struct check *c, struct err *e)
{
    own_str struct str missing = {0};
    char who[RESOLVER_TEXT];
    size_t count = 0;

    for (size_t i = 0; i < c->count; i++) {
        const struct way *way = &c->ways[i];

        if (is_there(c, way) || count++ >= NAMED_MAX)
            continue;
        if (!str_addf(&missing, "%s'%s CNAME %s'", count > 1 ? ", " : "", way->from,
                      c->d->config.alias) ||
            (strcasecmp(way->at, way->from) != 0 &&
             !str_addf(&missing, " (it leads to '%s')", way->at)))
            return err_memory(e);
    }
    if (count == 0)
        return true;
    if (count > NAMED_MAX && !str_addf(&missing, " and %zu more", count - NAMED_MAX))
        return err_memory(e);
    resolver_text(who, c->resolvers);
    return err_set(e, ERR_CONFIG,
                   "the issuer would not find the alias of [dns %s], as there is no record %s; add "
                   "it, or set 'resolvers' to some that see the public DNS, which %s may not",
                   c->d->name, missing.text, who);
}

static bool
check(struct check *c, const struct records *all, struct err *e)
{
    size_t asked = 1;
    bool good = true;

    for (size_t i = 0; good && i < all->count; i++)
        good = add_way(c, all->items[i].fqdn, e);
    for (int n = 0; good && n < HOPS_MAX && asked > 0; n++) {
        good = hop(c, &asked, e);
        resolver_questions_done(c->questions, asked);
    }
    return good && tell_missing(c, e);
}

bool
alias_apply(struct dns *d, struct records *all, struct err *e)
{
    struct check c = {.d = d};
    own_mem struct way *ways = NULL;
    own_mem struct resolver_question *questions = NULL;

    if (d->config.alias == NULL || all->count == 0)
        return true;
    if (d->config.propagation != DNS_WAIT) {
        ways = calloc(all->count, sizeof(*ways));
        questions = calloc(all->count, sizeof(*questions));
        if (ways == NULL || questions == NULL)
            return err_memory(e);
        c.ways = ways;
        c.questions = questions;
        c.resolvers = zone_resolvers(d, e);
        if (c.resolvers == NULL || !check(&c, all, e))
            return false;
    }
    return records_rename(all, d->config.alias) || err_memory(e);
}
