/* setup.c: point a server at pgcert's file and turn TLS on, or leave all as it was. */
#include "base/child.h"
#include "base/file.h"
#include "reload/clients.h"
#include "reload/deployment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define READ_MS 10000

void
setup_plan_done(struct setup_plan *p)
{
    list_done(&p->lines);
    free(p->where);
    free(p->by_hand);
    *p = (struct setup_plan){0};
}

void
setup_done(struct setup *s)
{
    setup_plan_done(&s->plan);
    client_trusted_done(&s->trusted);
}

/* What is served on each address before anything is touched. */
struct before {
    struct served served;
};

static void
before_done(struct before *b)
{
    served_done(&b->served);
}

#define own_before __attribute__((cleanup(before_done)))

/* That nothing is served yet is no error here. */
static void
see_before(const struct deployment *d, struct before *b)
{
    struct proof proof = deployment_proof(d, NULL);
    struct err why = {0};

    if (!prove_look(&proof, &b->served, &why))
        progress_say(d->progress, "before: %s", why.text);
}

static bool
is_as_before(const struct served *now, const struct served *before)
{
    if (now->endpoint_count != before->endpoint_count)
        return false;
    for (size_t i = 0; i < now->endpoint_count; i++)
        if (strcmp(now->endpoints[i].sha256, before->endpoints[i].sha256) != 0)
            return false;
    return true;
}

/* Waits until each address serves again what it served before, be it nothing. */
static bool
wait_for_before(struct deployment *d, const struct before *b)
{
    struct proof proof = deployment_proof(d, NULL);
    int64_t until_ms = d->clock->steady_ms(d->clock) + proof.timeout_ms;
    struct err why = {0};

    for (;;) {
        if (!prove_look(&proof, d->out, &why))
            why.code = ERR_NONE; /* TLS may have been off before */
        if (is_as_before(d->out, &b->served))
            return true;
        if (d->clock->steady_ms(d->clock) >= until_ms)
            return false;
        d->clock->sleep_ms(d->clock, 20);
    }
}

/* ---- the pair that is in use now ---- */

static bool
read_both(void *argument, struct str *answer, struct err *e)
{
    const struct target_view *v = argument;

    return file_read(AT_FDCWD, v->key_file, CERT_PEM_MAX / 4, answer, e) &&
           (str_add(answer, "\n", 1) || err_memory(e)) &&
           file_read(AT_FDCWD, v->cert_file, CERT_PEM_MAX / 4, answer, e);
}

/*
 * ALTER SYSTEM changes one setting at a time, and a server that happens to be restarted between two
 * of them would find the certificate of one file and the key of another, which is FATAL. So what is
 * in use now is first put where pgcert's file will be: then every step in between is a pair.
 */
static bool
bridge(struct deployment *d, struct err *e)
{
    struct install set[INSTALL_FILES_MAX];
    own_str struct str both = {0};
    own_str struct str file = {0};
    own_pair struct pair pair = {0};
    struct err why = {0};

    if (d->view.file_count > 1)
        return true; /* the two stay the two that are named */
    deployment_places(d, set);
    if (d->view.cert_file == NULL || d->view.key_file == NULL || d->view.user == (uid_t)-1)
        return true;
    /* as the server's user, who can read them, or else the server could not */
    if (!child_run_as(d->view.user, read_both, &d->view, READ_MS, &both, &why) ||
        !pair_from_pem(&pair, &both, &both, &why) || !pair_to_pem(&pair, &file, &why)) {
        progress_say(d->progress, "the pair in use now cannot be loaded: %s", why.text);
        return true; /* a restart would be FATAL already */
    }
    return install_write(&set[0], &file, false, e);
}

/* ---- forth and back ---- */

static bool
by_alter_system(const struct setup_plan *plan)
{
    return strcmp(plan->where, "ALTER SYSTEM") == 0;
}

/* At each step a restart would find a pair that loads. */
static bool
apply(struct deployment *d, struct setup_plan *plan, struct err *e)
{
    const struct target_type *type = d->target->type;
    bool steps = by_alter_system(plan);

    if ((!steps || !d->view.tls_on) && !deployment_install(d, e))
        return false;
    if (!steps) {
        if (!type->write(d->session, plan, e))
            return false;
        if (!by_alter_system(plan)) /* the file in conf.d wins */
            return true;
    }
    if (d->view.tls_on && !bridge(d, e))
        return false;
    return type->write(d->session, plan, e) && (!d->view.tls_on || deployment_install(d, e));
}

/* Are the files as they were before? */
static bool
is_untouched(const struct deployment *d, bool *same, struct err *e)
{
    *same = true;
    for (size_t i = 0; *same && i < d->view.file_count; i++) {
        const struct str *old = &d->old_files[i];
        own_str struct str now = {0};
        bool there = false;

        if (!install_read(d->view.files[i].path, "", &now, &there, e))
            return false;
        *same = there == d->old_found[i] && now.size == old->size &&
                (now.size == 0 || memcmp(now.text, old->text, now.size) == 0);
    }
    return true;
}

/* Puts what was in the files back, or takes it away once nothing names it. */
static bool
undo_files(struct deployment *d, struct err *e)
{
    struct install set[INSTALL_FILES_MAX];
    size_t count = d->view.file_count;
    bool same = false;

    deployment_places(d, set);
    if (!is_untouched(d, &same, e))
        return false;
    for (size_t i = 0; !same && i < count; i++)
        if (d->old_found[i] ? !install_write(&set[i], &d->old_files[i], false, e)
                            : !install_remove(&set[i], e))
            return false;
    return true;
}

/* Why it failed is in `e`. */
static bool
undo(struct deployment *d, struct clients_change *clients, const struct before *b, struct err *e)
{
    const struct target_type *type = d->target->type;
    struct err why = {0};
    bool undone = false;

    progress_say(d->progress, "not served, so the settings are put back");
    undone = type->undo(d->session, &why) && undo_files(d, &why) &&
             (clients->wanted == NULL || clients_undo(clients, d, &why)) &&
             type->reload(d->session, &why);
    d->out->did_install = false;
    if (undone && wait_for_before(d, b)) {
        (void)err_wrap(e, "the settings were put back as they were, because");
        e->code = d->out->did_reload ? ERR_PUT_BACK : e->code;
        return false;
    }
    (void)err_wrap(e, "the settings could not be put back (%.300s); what failed before",
                   undone ? "the server does not serve what it served" : why.text);
    e->code = ERR_UNPROVED;
    return false;
}

/* What is trusted of clients is in place before a setting names it. */
static bool
carry_out(struct deployment *d, struct clients_change *clients, struct setup_plan *plan,
          struct err *e)
{
    own_before struct before before = {0};
    bool has_clients = clients->wanted != NULL;

    if (!deployment_prepare(d, e) || (has_clients && !clients_check_sessions(clients, d, e)))
        return false;
    see_before(d, &before);
    if ((!has_clients || clients_install(clients, d, e)) && apply(d, plan, e) &&
        deployment_serve(d, &d->pair.chain, e) &&
        (!has_clients || clients_prove(clients, d, false, e)))
        return true;
    if (e->is_ours)
        return err_wrap(e, "the settings are written and the server was told, but what it serves "
                           "cannot be seen from here");
    return undo(d, clients, &before, e);
}

static bool
prepare(struct deployment *d, const struct material *m, struct clients_change *clients,
        struct setup_plan *plan, struct err *e)
{
    deployment_open(d);
    if (!deployment_verify(d, m, e) ||
        (clients->wanted != NULL && !clients_check(clients, d->clock, e)) || !deployment_look(d, e))
        return false;
    if (d->view.may_not.code != ERR_NONE) {
        *e = d->view.may_not;
        return false;
    }
    /* whoever keeps another server says himself which files it reads */
    return d->target->type->plan == NULL || d->target->type->plan(d->session, plan, e);
}

/* The files are there before somebody names them in the settings, or a restart would be FATAL. What
 * is named now is left alone. */
static bool
leave_settings(struct deployment *d, struct clients_change *clients, const struct setup *s,
               struct err *e)
{
    if (!s->dry && d->view.file_count == 1 && !d->view.uses_file &&
        (!deployment_prepare(d, e) || (!d->old_is_same && !deployment_install(d, e))))
        return false;
    if (!s->dry && clients->wanted != NULL && !d->view.uses_clients_file &&
        !clients_install(clients, d, e))
        return false;
    return err_set(e, ERR_CONFIG, "%s", s->plan.by_hand);
}

/* The settings are as they should be: what they name may still be another. */
static bool
deploy_both(struct target *t, struct setup *s, struct clock *clock, struct progress *progress,
            struct err *e)
{
    return reload_deploy(t, s->material, clock, progress, s->served, e) &&
           (s->trust == NULL ||
            reload_deploy_clients(t, s->trust, clock, progress, &s->trusted, e));
}

bool
reload_setup(struct target *t, struct setup *s, struct clock *clock, struct progress *progress,
             struct err *e)
{
    own_deployment struct deployment d = {
        .target = t, .clock = clock, .progress = progress, .out = s->served};
    own_clients_change struct clients_change clients = {.wanted = s->trust};

    if (!prepare(&d, s->material, &clients, &s->plan, e))
        return false;
    if (s->plan.by_hand != NULL)
        return leave_settings(&d, &clients, s, e);
    if (s->dry)
        return true;
    if (s->plan.lines.count == 0) {
        deployment_done(&d);
        d = (struct deployment){.target = t};
        return deploy_both(t, s, clock, progress, e);
    }
    if (!carry_out(&d, &clients, &s->plan, e))
        return false;
    s->trusted.file = d.view.clients_file == NULL ? NULL : strdup(d.view.clients_file);
    s->trusted.did_install = clients.did_install;
    return true;
}
