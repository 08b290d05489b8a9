/* acme_records.c: which records the DNS must have for the names of a certificate. */
#include "acme/acme.h"
#include "acme/challenge.h"
#include "acme/persist.h"
#include "acme/visit.h"

#include <stdlib.h>
#include <string.h>

/* Is the name there already? A wildcard and its own name are proved at the same place. */
static struct acme_record *
find(const struct acme_records *all, const char *fqdn)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->items[i].fqdn, fqdn) == 0)
            return &all->items[i];
    return NULL;
}

static bool
fill_persistent(struct acme_record *r, struct client *c, const char *name, struct err *e)
{
    own_persist struct persist p = {0};

    if (!persist_from_directory(&p, c, name, e))
        return false;
    free(r->value);
    free(r->line);
    r->value = persist_value(&p);
    r->line = r->value == NULL ? NULL : persist_line(r->fqdn, r->value);
    return r->line != NULL || err_memory(e);
}

static bool
add(struct acme_records *all, struct client *c, enum acme_challenge type, const char *name,
    struct err *e)
{
    char *fqdn = challenge_fqdn(type, name, c->kid == NULL ? "" : c->kid, e);
    struct acme_record *r = NULL;

    if (fqdn == NULL)
        return false;
    r = find(all, fqdn);
    if (r != NULL) { /* what a wildcard wants is good for its own name too */
        free(fqdn);
        return type != ACME_DNS_PERSIST || strncmp(name, "*.", 2) != 0 ||
               fill_persistent(r, c, name, e);
    }
    r = &all->items[all->count++];
    r->fqdn = fqdn;
    return type != ACME_DNS_PERSIST || fill_persistent(r, c, name, e);
}

static bool
find_all(struct acme_records *all, struct client *c, enum acme_challenge type,
         const struct list *names, struct err *e)
{
    all->count = 0;
    all->items = calloc(names->count, sizeof(*all->items));
    if (all->items == NULL)
        return err_memory(e);
    for (size_t i = 0; i < names->count; i++)
        if (!add(all, c, type, names->items[i], e))
            return false;
    return true;
}

/* dns-01 needs no account; the others cannot be told without its URL. */
static bool
visit(struct acme_records *all, struct client *c, int64_t deactivated_at_s,
      enum acme_challenge type, const struct list *names, struct err *e)
{
    struct err why = {0};

    if (type == ACME_DNS)
        return find_all(all, c, type, names, e);
    if (c->key == NULL)
        return true;
    if (!visit_needs_account(c, deactivated_at_s, &why)) {
        if (c->account_is_gone) /* the key was never registered: as good as none */
            return true;
        *e = why;
        return false;
    }
    all->account_url = strdup(c->kid);
    return all->account_url == NULL ? err_memory(e) : find_all(all, c, type, names, e);
}

bool
acme_records_find(const struct acme_access *a, const struct list *names, struct acme_records *all,
                  struct err *e)
{
    struct client c = {0};
    int64_t deactivated_at_s = 0;

    return visit_end(&c, visit_begin(a, &c, &deactivated_at_s, e) &&
                             visit(all, &c, deactivated_at_s,
                                   (enum acme_challenge)a->issuer->challenge, names, e));
}

void
acme_records_done(struct acme_records *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free(all->items[i].fqdn);
        free(all->items[i].value);
        free(all->items[i].line);
    }
    free(all->items);
    free(all->account_url);
    *all = (struct acme_records){0};
}
