/* clients_revoke.c: revoke, make every server refuse it, end what was opened with it. */
#include "base/json.h"
#include "cli/apart.h"
#include "cli/clients.h"
#include "cli/event.h"
#include "cli/trust.h"

#include <stdio.h>
#include <string.h>

/* One call of `client revoke`; strings are borrowed. */
struct revoking {
    struct app *app;
    const struct clients_revocation *what;
    struct ca_list list; /* what is revoked, or was, as it was before */
    struct list serials; /* of those */
    struct json_t *targets, *ended;
    struct err trouble; /* why a CRL could not be made, which does not keep servers from the rest */
};

#define own_revoking __attribute__((cleanup(revoking_done)))

static void
revoking_done(struct revoking *r)
{
    ca_list_done(&r->list);
    list_done(&r->serials);
    json_drop(&r->targets);
    json_drop(&r->ended);
}

/* ---- in the index and the CRL ---- */

/* Whoever is named must be there, or nothing is done: a misspelt name must not look like success.
 */
static bool
check_names(const struct ca_list *list, const struct clients_filter *f, struct err *e)
{
    const char *missing = NULL;

    if (!clients_missing(list, f, &missing, e))
        return false;
    return missing == NULL ||
           err_set(e, ERR_INPUT,
                   "the private CA has no certificate of a user or with a serial number '%s' that "
                   "could be revoked; try: pgcert client list",
                   missing);
}

/* One that has expired need not be revoked; one whose CA is gone cannot be: who would sign that? */
static void
drop_ended(struct ca_list *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].state, "expired") != 0 &&
            strcmp(list->items[i].state, "gone") != 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

/* Are the servers the business of another user than we are, who may change the CA? */
static bool
is_others(const struct app *app)
{
    return trust_is_wanted(app) && ((app->parts & APP_DEPLOY) == 0 || apart_from_state(app));
}

/* The CA is closed when this returns: others may wait for it while servers are told. */
static bool
revoke_here(struct revoking *r, struct err *e)
{
    own_ca struct ca *ca = ca_open(&r->app->config.ca, r->app->clock, e);
    size_t revoked = 0;
    bool did = false;

    if (ca == NULL || !clients_read(r->app, &r->list, e))
        return false;
    drop_ended(&r->list);
    if (!check_names(&r->list, r->what->filter, e) || !clients_select(&r->list, r->what->filter, e))
        return false;
    for (size_t i = 0; i < r->list.count; i++)
        if (!list_add(&r->serials, r->list.items[i].serial))
            return err_memory(e);
    if (!ca_revoke_all(ca, &r->serials, r->what->reason, &revoked, e))
        return false;
    /* servers are told nevertheless of what the other CAs have revoked; tell_servers() fails */
    if (!ca_refresh(ca, false, &did, &r->trouble) && !trust_is_wanted(r->app)) {
        *e = r->trouble;
        return false;
    }
    /* after the CRL: whose session is ended is refused by then */
    return !is_others(r->app) || r->what->keep_sessions || ca_end_sessions(ca, &r->serials, e);
}

/* ---- what is told ---- */

static void
tell_revoked(const struct revoking *r)
{
    for (size_t i = 0; i < r->list.count; i++)
        if (strcmp(r->list.items[i].state, "revoked") != 0)
            event_revoked(r->list.items[i].name, r->list.items[i].serial);
}

static void
print_revoked(const struct revoking *r)
{
    for (size_t i = 0; i < r->list.count && !event_is_line(); i++)
        (void)printf("%s: %s %s\n", r->list.items[i].name, r->list.items[i].serial,
                     strcmp(r->list.items[i].state, "revoked") == 0 ? "was revoked already"
                                                                    : "is revoked");
    if (r->trouble.code != ERR_NONE)
        return;
    if (!trust_is_wanted(r->app))
        (void)printf("the CRL is %s/clients.crl\n", r->app->config.ca.directory);
    else if (is_others(r->app))
        (void)printf("the CRL is %s/clients.crl; pgcert watch brings it to the servers now, or "
                     "pgcert deploy\n",
                     r->app->config.ca.directory);
}

static struct json_t *
ended_json(const char *target, const struct client_session *ended)
{
    struct json_t *one = json_new_object();

    json_put_text(one, "target", target);
    json_put_int(one, "pid", ended->pid);
    json_put_text(one, "role", ended->role);
    json_put_text(one, "database", ended->database);
    json_put_text(one, "address", ended->address);
    return one;
}

static void
note_target(void *to, const struct trust_done *done)
{
    struct revoking *r = to;
    struct json_t *one = NULL;

    trust_print(r->app, done);
    if (done->target == NULL)
        return;
    one = json_new_object();
    json_put_text(one, "name", done->target);
    json_put_text(one, "file", done->file);
    json_put_text(one, "error", done->e->code == ERR_NONE ? NULL : done->e->text);
    json_add(r->targets, one);
    for (size_t i = 0; i < done->ended->count; i++)
        json_add(r->ended, ended_json(done->target, &done->ended->items[i]));
}

/* Those of the list, as they are now. */
static struct json_t *
revoked_json(const struct revoking *r)
{
    own_ca_list struct ca_list now = {0};
    struct err ignored = {0};
    size_t kept = 0;

    if (!clients_read(r->app, &now, &ignored))
        return NULL;
    for (size_t i = 0, n = 0; i < now.count && n < r->list.count; i++)
        if (strcmp(now.items[i].serial, r->list.items[n].serial) == 0) {
            now.items[kept++] = now.items[i];
            n++;
        }
    now.count = kept;
    return clients_json(&now);
}

static void
print_json(struct revoking *r)
{
    own_json struct json_t *object = json_new_object();

    json_put(object, "revoked", revoked_json(r));
    json_put_text(object, "reason", r->what->reason);
    json_put(object, "targets", TAKE(r->targets));
    json_put(object, "ended", TAKE(r->ended));
    app_print_json(object);
}

/* ---- on the servers ---- */

/* Who was connected stays so until told: a revocation ends no session by itself. */
static bool
tell_servers(struct revoking *r, struct err *e)
{
    if (!trust_is_wanted(r->app))
        return true;
    if (is_others(r->app)) {
        *e = r->trouble;
        return e->code == ERR_NONE || err_wrap(e, "it is revoked, but no CRL says so yet");
    }
    if (!app_lock(r->app, e) ||
        (!r->what->keep_sessions && !trust_note_ending(r->app, &r->serials, e)))
        return err_wrap(e, "it is revoked, but no server knows yet");
    if (trust_keep(r->app, NULL, false, note_target, r, e))
        return true;
    if (e->text[0] != '\0')
        app_tell(e);
    *e = (struct err){.code = e->code};
    return false;
}

bool
clients_revoke(struct app *app, const struct clients_revocation *what, struct err *e)
{
    own_revoking struct revoking r = {
        .app = app, .what = what, .targets = json_new_array(), .ended = json_new_array()};
    bool good = false;

    if (r.targets == NULL || r.ended == NULL)
        return err_memory(e);
    if (!revoke_here(&r, e))
        return false;
    tell_revoked(&r);
    if (!app->json && !app->quiet)
        print_revoked(&r);
    good = tell_servers(&r, e);
    if (app->json)
        print_json(&r);
    return good;
}
