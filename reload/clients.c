/* clients.c: bring a server to trust these CAs and CRLs of clients, prove it, or put back. */
#include "reload/clients.h"

#include "reload/install.h"
#include "reload/sessions.h"

#include <stdlib.h>
#include <string.h>

void
clients_change_done(struct clients_change *c)
{
    trust_done(&c->trust);
    trust_done(&c->gone);
    pair_done(&c->accepted);
    pair_done(&c->refused);
    pair_done(&c->retired);
}

void
client_trusted_done(struct client_trusted *t)
{
    free(t->file);
    client_sessions_done(&t->ended);
    *t = (struct client_trusted){0};
}

bool
reload_wants_clients(const struct target *t)
{
    return t->type->wants_clients != NULL && t->type->wants_clients(t);
}

bool
reload_clients_deployed(const char *file, const struct str *pem)
{
    own_str struct str there = {0};

    return install_peek(file, pem->size, &there) && there.size == pem->size &&
           memcmp(there.text, pem->text, pem->size) == 0;
}

/* ---- before ---- */

static bool
has(const struct str *text)
{
    return text != NULL && text->size > 0;
}

bool
clients_check(struct clients_change *c, struct clock *clock, struct err *e)
{
    const struct client_trust *w = c->wanted;

    return trust_read(&c->trust, w->pem, e) &&
           (!has(w->gone) || trust_read(&c->gone, w->gone, e)) &&
           pair_from_pem(&c->accepted, w->accepted, w->accepted, e) &&
           pair_from_pem(&c->refused, w->refused, w->refused, e) &&
           (!has(w->retired) || pair_from_pem(&c->retired, w->retired, w->retired, e)) &&
           trust_check(&c->trust, w->pem, &c->accepted, &c->refused, clock->now_s(clock), e);
}

static bool
is_of_one(const struct trust *t, const struct client_session *s)
{
    for (int i = 0; t->cas != NULL && i < sk_X509_num(t->cas); i++)
        if (client_session_is_of(s, sk_X509_value(t->cas, i), NULL))
            return true;
    return false;
}

bool
clients_check_sessions(const struct clients_change *c, const struct deployment *d, struct err *e)
{
    own_client_sessions struct client_sessions all = {0};

    if (!d->target->type->sessions(d->session, &all, e))
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (!is_of_one(&c->trust, &all.items[i]) && !is_of_one(&c->gone, &all.items[i]))
            return err_set(e, ERR_CONFIG,
                           "role %s is connected from %s with a certificate of '%s', which would "
                           "not be let in again; nothing was changed",
                           all.items[i].role, all.items[i].address, all.items[i].issuer);
    return true;
}

/* ---- forth and back ---- */

static struct install
place_of(const struct deployment *d)
{
    return (struct install){
        .path = d->view.clients_file, .reader = d->view.user, .group = d->view.group};
}

bool
clients_install(struct clients_change *c, const struct deployment *d, struct err *e)
{
    struct install place = place_of(d);
    own_str struct str before = {0};

    if (!install_read(place.path, "", &before, &c->was_there, e) ||
        !install_write(&place, c->wanted->pem, c->was_there, e))
        return false;
    c->did_install = true;
    return true;
}

bool
clients_undo(struct clients_change *c, const struct deployment *d, struct err *e)
{
    struct install place = place_of(d);

    if (!c->did_install)
        return true;
    if (c->was_there ? !install_restore(&place, e) : !install_remove(&place, e))
        return false;
    c->did_install = false;
    return true;
}

static bool
prove_one(const struct deployment *d, const struct pair *client, bool is_refused, bool once,
          struct err *e)
{
    own_served struct served ignored = {0};
    struct proof proof = deployment_proof(d, NULL);

    proof.client = client;
    proof.is_refused = is_refused;
    return (once ? prove_once(&proof, &ignored, e) : prove_until(&proof, &ignored, e)) ||
           err_wrap(e, is_refused ? "a client certificate that is revoked, or of a CA that is gone"
                                  : "a good client certificate");
}

bool
clients_prove(const struct clients_change *c, const struct deployment *d, bool once, struct err *e)
{
    return prove_one(d, &c->refused, true, once, e) &&
           (!has(c->wanted->retired) || prove_one(d, &c->retired, true, once, e)) &&
           prove_one(d, &c->accepted, false, once, e);
}

static bool
reload_and_prove(const struct clients_change *c, struct deployment *d, struct err *e)
{
    return (d->target->type->reload(d->session, e) || err_wrap(e, "reload")) &&
           clients_prove(c, d, false, e);
}

/* Why it was not proved is in `e`. What was there before let in the same good client, unless it is
 * of another CA; what it refused nobody knows any more. */
static bool
put_back(struct clients_change *c, struct deployment *d, struct err *e)
{
    struct err why = {0};

    if (e->is_ours)
        return err_wrap(e,
                        "'%s' is in place and the server was told, but whom it lets in cannot be "
                        "seen from here",
                        d->view.clients_file);
    if (!c->did_install || !c->was_there) {
        (void)err_wrap(e, "what '%s' trusts of clients is not proved to be in force, and %s",
                       d->view.clients_file,
                       c->did_install ? "there was nothing before it that could be put back"
                                      : "it was there before this run");
        e->code = ERR_UNPROVED;
        return false;
    }
    progress_say(d->progress, "not proved, so what was trusted of clients before is put back");
    if (clients_undo(c, d, &why) && d->target->type->reload(d->session, &why) &&
        prove_one(d, &c->accepted, false, false, &why)) {
        (void)err_wrap(e, "the new CAs and CRLs for clients are not in force; the previous ones "
                          "were put back, and let a good client in");
        e->code = ERR_PUT_BACK;
        return false;
    }
    (void)err_wrap(e,
                   "the previous CAs and CRLs for clients were put back, and are not proved to be "
                   "in force (%.300s); nor were the new ones",
                   why.text);
    e->code = ERR_UNPROVED;
    return false;
}

static bool
bring(struct clients_change *c, struct deployment *d, struct err *e)
{
    struct err why = {0};

    if (reload_clients_deployed(d->view.clients_file, c->wanted->pem)) {
        if (clients_prove(c, d, true, &why) || reload_and_prove(c, d, e))
            return true;
        return put_back(c, d, e);
    }
    return clients_check_sessions(c, d, e) && clients_install(c, d, e) &&
           (reload_and_prove(c, d, e) || put_back(c, d, e));
}

static bool
is_ready(const struct deployment *d, struct err *e)
{
    if (!d->view.uses_clients_file) {
        *e = d->view.clients_why_not;
        return err_wrap(e, "pgcert's file for clients is not in use; try: pgcert setup");
    }
    if (d->view.may_not.code == ERR_NONE)
        return true;
    *e = d->view.may_not;
    return false;
}

bool
reload_deploy_clients(struct target *t, const struct client_trust *trust, struct clock *clock,
                      struct progress *progress, struct client_trusted *out, struct err *e)
{
    own_deployment struct deployment d = {.target = t, .clock = clock, .progress = progress};
    own_clients_change struct clients_change change = {.wanted = trust};
    own_served struct served ignored = {0};
    bool good = false;

    d.out = &ignored;
    deployment_open(&d);
    good = clients_check(&change, clock, e) && deployment_look(&d, e) && is_ready(&d, e) &&
           bring(&change, &d, e) &&
           (!has(trust->gone) || reload_end_sessions(t, NULL, trust->gone, clock, &out->ended, e) ||
            err_wrap(e, "the new CAs and CRLs for clients are in force, but"));
    out->file = d.view.clients_file == NULL ? NULL : strdup(d.view.clients_file);
    out->did_install = change.did_install;
    return good;
}
