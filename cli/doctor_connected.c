/* doctor_connected.c: the certificates of clients who are connected now: how long are they good? */
#include "cli/clients.h"
#include "cli/doctor.h"

#include <string.h>

#define SOON_S ((int64_t)14 * 24 * 3600) /* for who renews his bundle by hand */

/* What the private CA knows of it; NULL: it is of another CA. */
static const struct ca_issued *
find_issued(const struct ca_list *list, const struct client_session *s)
{
    for (size_t i = 0; i < list->count; i++)
        if (client_session_is_of(s, NULL, list->items[i].serial))
            return &list->items[i];
    return NULL;
}

static void
judge(const struct client_session *s, const struct ca_issued *c, const char *target, int64_t now_s,
      struct findings *f)
{
    char when[CLOCK_TEXT_SIZE];

    clock_minute(when, c->not_after_s);
    if (strcmp(c->state, "revoked") == 0) {
        finding_add(f, FINDING_BAD, target,
                    "role %s is connected from %s with a certificate that is revoked (%s)", s->role,
                    s->address, c->serial);
        /* after --keep-sessions nobody ends them but who asks for it */
        finding_remedy(f,
                       "pgcert client revoke %s (it ends all sessions of that certificate, those "
                       "that were to be kept, too); or in the server: SELECT "
                       "pg_terminate_backend(%d)",
                       c->serial, s->pid);
    } else if (c->not_after_s <= now_s + SOON_S) {
        finding_add(f, c->not_after_s <= now_s ? FINDING_BAD : FINDING_WARNING, target,
                    "role %s is connected from %s with a certificate that %s at %s UTC: it will "
                    "not be let in again after that",
                    s->role, s->address, c->not_after_s <= now_s ? "ended" : "ends", when);
        finding_remedy(f, "pgcert client renew %s%s%s%s, and give the client its new bundle",
                       c->tenant == NULL ? "" : "--tenant '", c->tenant == NULL ? "" : c->tenant,
                       c->tenant == NULL ? "" : "' ", c->name);
    }
}

/* One connection pool is told once. */
static bool
is_told(const struct client_sessions *all, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(all->items[k].serial, all->items[i].serial) == 0)
            return true;
    return false;
}

static void
look_at(struct doctor *d, struct target *t, const struct ca_list *list, struct findings *f)
{
    own_client_sessions struct client_sessions all = {0};
    int64_t now_s = d->app->clock->now_s(d->app->clock);
    struct err e = {0};

    if (!reload_sessions(t, &all, &e)) {
        finding_unseen(f, t->name, &e);
        return;
    }
    for (size_t i = 0; i < all.count; i++) {
        const struct ca_issued *issued = is_told(&all, i) ? NULL : find_issued(list, &all.items[i]);

        if (issued != NULL)
            judge(&all.items[i], issued, t->name, now_s, f);
    }
}

void
doctor_connected(struct doctor *d, struct findings *f)
{
    const struct config *c = &d->app->config;
    own_ca_list struct ca_list list = {0};
    struct err e = {0};

    if (!ca_exists(&c->ca))
        return;
    if (!clients_read(d->app, &list, &e)) {
        finding_unseen(f, "private CA", &e);
        return;
    }
    for (size_t i = 0; i < c->target_count; i++)
        if (reload_wants_clients(c->targets[i]))
            look_at(d, c->targets[i], &list, f);
}
