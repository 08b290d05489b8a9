/* reload.c: the sequence: check, look, install, reload, prove; put back when that fails. */
#include "reload/reload.h"

#include "reload/deployment.h"
#include "reload/install.h"
#include "reload/service.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS 3000 /* a server that is well answers in 5 ms */

/* ---- deploy ---- */

/* The settings may have changed under us; that explains more than a wrong certificate does. */
static void
explain(struct deployment *d, struct err *e)
{
    own_view struct target_view now = {.user = (uid_t)-1, .group = (gid_t)-1};
    const struct target_type *type = d->target->type;
    struct err ignored = {0};

    if ((d->target->service == NULL || service_look(d->target, &now, &ignored)) &&
        (type->look == NULL || type->look(d->session, &now, &ignored)) && !now.uses_file)
        (void)err_wrap(e, "%s", now.why_not.text);
}

/* One that cannot be told has perhaps not been told of the new one either: the proof decides. */
static bool
serve_old(struct deployment *d, struct err *e)
{
    struct proof proof = deployment_proof(d, &d->old.chain);
    struct err why = {0};

    if (!deployment_tell(d, &d->old.chain, &why) && d->view.is_unprovable) {
        *e = why;
        return false;
    }
    return d->view.is_unprovable || prove_until(&proof, d->out, e);
}

/* Why the new one is not served is in `e`; what became of it is added. */
static bool
put_back(struct deployment *d, struct err *e)
{
    struct err why = {0};

    explain(d, e);
    if (!d->out->did_install || !d->old_loads) {
        (void)err_wrap(e, "the certificate in '%s' is not served, and %s",
                       target_view_file(&d->view),
                       d->out->did_install ? "there was none before it that could be put back"
                                           : "it was there before this run");
        e->code = ERR_UNPROVED;
        return false;
    }
    progress_say(d->progress, "not served, so the previous certificate is put back");
    if (deployment_restore(d, &why) && serve_old(d, &why)) {
        (void)err_wrap(e, d->view.is_unprovable
                              ? "the previous certificate was put back, and told"
                              : "the new certificate was not served; the previous one was put "
                                "back, and is served");
        e->code = ERR_PUT_BACK;
        return false;
    }
    (void)err_wrap(
        e,
        "the previous certificate was put back, and is not proved to be served (%.300s); "
        "nor was the new one",
        why.text);
    e->code = ERR_UNPROVED;
    return false;
}

/* The server does not run, but where its file is may be known: then a start serves it. */
static bool
install_for_a_start(struct deployment *d, struct err *e)
{
    struct err why = {0};

    if (e->code != ERR_NETWORK || d->view.file_count == 0)
        return false;
    if (!deployment_prepare(d, &why) || (!d->old_is_same && !deployment_install(d, &why)))
        return err_wrap(e, "%s, and", why.text);
    return err_wrap(e, "'%s' is in place for when the server starts", target_view_file(&d->view));
}

static bool
bring(struct deployment *d, struct err *e)
{
    struct proof proof = deployment_proof(d, &d->pair.chain);
    struct err why = {0};

    if (!deployment_prepare(d, e))
        return false;
    if (d->old_is_same && !d->view.is_unprovable && prove_once(&proof, d->out, &why))
        return true;
    if (!d->old_is_same && !deployment_install(d, e))
        return false;
    if (deployment_serve(d, &d->pair.chain, e))
        return true;
    if (!d->out->did_reload && e->code == ERR_NETWORK)
        return err_wrap(e, "'%s' is in place for when the server starts",
                        target_view_file(&d->view));
    if (e->is_ours)
        return err_wrap(e,
                        "'%s' is in place and the server was told, but what it serves cannot be "
                        "seen from here",
                        target_view_file(&d->view));
    return put_back(d, e);
}

bool
reload_deploy(struct target *t, const struct material *m, struct clock *clock,
              struct progress *progress, struct served *out, struct err *e)
{
    own_deployment struct deployment d = {
        .target = t, .clock = clock, .progress = progress, .out = out};

    deployment_open(&d);
    if (!deployment_verify(&d, m, e))
        return false;
    if (!deployment_look(&d, e))
        return install_for_a_start(&d, e);
    if (!d.view.uses_file) {
        *e = d.view.why_not;
        return err_wrap(e, t->type->plan != NULL ? "pgcert's file is not in use; try: pgcert setup"
                                                 : "pgcert's file is not in use");
    }
    if (d.view.may_not.code != ERR_NONE) {
        *e = d.view.may_not;
        return false;
    }
    return bring(&d, e);
}

/* ---- several targets ---- */

enum reload_rank
reload_rank(struct target *t)
{
    own_served struct served ignored = {0};
    own_deployment struct deployment d = {.target = t, .out = &ignored};
    struct err why = {0};

    if (t->service != NULL)
        return RANK_COMPANION;
    return deployment_look(&d, &why) && d.view.is_standby ? RANK_STANDBY : RANK_PRIMARY;
}

bool
reload_take_back(struct target *t, struct clock *clock, struct progress *progress,
                 struct served *out, struct err *e)
{
    own_deployment struct deployment d = {
        .target = t, .clock = clock, .progress = progress, .out = out};
    struct err down = {0};
    bool is_up = deployment_look(&d, &down);

    if (!is_up && (down.code != ERR_NETWORK || d.view.file_count == 0)) {
        *e = down;
        return false;
    }
    if (!deployment_read_previous(&d, e) || !deployment_restore(&d, e))
        return false;
    if (!is_up) {
        *e = down;
        return err_wrap(e, "'%s' is back for when the server starts", target_view_file(&d.view));
    }
    if (deployment_serve(&d, &d.old.chain, e))
        return true;
    e->code = ERR_UNPROVED;
    return false;
}

/* ---- looking ---- */

bool
reload_look(struct target *t, struct clock *clock, struct served *out, struct err *e)
{
    own_deployment struct deployment d = {.target = t, .clock = clock, .out = out};
    struct proof proof = {0};
    struct err unreadable = {0};
    bool looked = deployment_look(&d, e);

    /* a file that we may not read is not known, and no more than that */
    if (d.view.file_count > 0 && !deployment_read_old(&d, &unreadable))
        out->deployed_sha256[0] = '\0';
    if (!looked)
        return false;
    if (d.view.is_unprovable)
        return true;
    proof = deployment_proof(&d, NULL);
    if (proof.timeout_ms > LOOK_MS)
        proof.timeout_ms = LOOK_MS;
    if (!prove_look(&proof, out, e))
        return false;
    if (d.view.uses_file)
        return true;
    *e = d.view.why_not;
    return false;
}

/* The file as it would be written; the texts may have been written by others, in other forms. */
static bool
same_after_reading(const struct material *m, const struct str *there)
{
    own_pair struct pair pair = {0};
    own_str struct str file = {0};
    struct err ignored = {0};

    return pair_from_pem(&pair, m->key_pem, m->chain_pem, &ignored) &&
           pair_to_pem(&pair, &file, &ignored) && file.size == there->size &&
           memcmp(file.text, there->text, file.size) == 0;
}

bool
reload_is_deployed(const char *file, const struct material *m)
{
    own_str struct str there = {0};
    size_t key_size = m->key_pem->size;
    size_t chain_size = m->chain_pem->size;

    if (!install_peek(file, CERT_PEM_MAX, &there))
        return false;
    /* the store writes both just as the file has them, and parsing costs more than all else */
    if (key_size > 0 && chain_size > 0 && there.size == key_size + chain_size &&
        memcmp(there.text, m->key_pem->text, key_size) == 0 &&
        memcmp(there.text + key_size, m->chain_pem->text, chain_size) == 0)
        return true;
    return same_after_reading(m, &there);
}
