/* deployment.c: the steps of a deployment. */
#include "reload/deployment.h"

#include "base/log.h"
#include "reload/verify.h"

#include <stdlib.h>
#include <string.h>

void
deployment_open(struct deployment *d)
{
    d->session = d->target->type->open(d->target, &d->not_opened);
}

bool
deployment_look(struct deployment *d, struct err *e)
{
    const struct target_type *type = d->target->type;
    bool looked = false;

    d->view.user = (uid_t)-1;
    d->view.group = (gid_t)-1;
    if (d->session == NULL && d->not_opened.code == ERR_NONE)
        deployment_open(d);
    if (d->session == NULL)
        *e = d->not_opened;
    looked = d->session != NULL && type->look(d->session, &d->view, e);
    if (!looked && d->view.file == NULL)
        type->guess(d->target, &d->view);
    free(d->out->file);
    d->out->file = d->view.file == NULL ? NULL : strdup(d->view.file);
    return looked;
}

bool
deployment_note(struct deployment *d, const struct chain *chain, struct err *e)
{
    d->out->deployed_sha256[0] = '\0';
    return chain->count == 0 || cert_sha256(chain->certs[0], d->out->deployed_sha256, e);
}

bool
deployment_read_old(struct deployment *d, struct err *e)
{
    struct err why = {0};
    bool there = false;

    if (!install_read(d->view.file, "", &d->old_file, &there, e))
        return false;
    if (!there)
        return true;
    d->old_is_same = d->old_file.size == d->file.size && d->file.size > 0 &&
                     memcmp(d->old_file.text, d->file.text, d->file.size) == 0;
    d->old_loads = verify_loads(&d->old_file, &why) &&
                   pair_from_pem(&d->old, &d->old_file, &d->old_file, &why);
    if (d->old_loads)
        return deployment_note(d, &d->old.chain, e);
    progress_say(d->progress, "what is in '%s' now cannot be loaded: %s", d->view.file, why.text);
    return true;
}

struct install
deployment_place(const struct deployment *d)
{
    return (struct install){
        .path = d->view.file, .secret = true, .reader = d->view.user, .group = d->view.group};
}

bool
deployment_install(struct deployment *d, struct err *e)
{
    struct install place = deployment_place(d);

    /* what cannot be loaded is not worth keeping, and must not replace what was kept */
    if (!install_write(&place, &d->file, d->old_loads, e))
        return false;
    d->out->did_install = true;
    d->installed_ms = d->clock->steady_ms(d->clock);
    return deployment_note(d, &d->pair.chain, e);
}

struct proof
deployment_proof(const struct deployment *d, const struct chain *chain)
{
    return (struct proof){.addresses = &d->view.addresses,
                          .chain = chain,
                          .clock = d->clock,
                          .progress = d->progress,
                          .timeout_ms = d->view.prove_timeout_ms};
}

bool
deployment_serve(struct deployment *d, const struct chain *chain, struct err *e)
{
    struct proof proof = deployment_proof(d, chain);

    if (!d->target->type->reload(d->session, e))
        return err_wrap(e, "reload");
    d->out->did_reload = true;
    if (!prove_until(&proof, d->out, e))
        return false;
    if (d->out->did_install)
        log_debug("'%s': proved to be served %lld ms after it was in place", d->view.file,
                  (long long)(d->clock->steady_ms(d->clock) - d->installed_ms));
    return true;
}

void
deployment_done(struct deployment *d)
{
    if (d->session != NULL)
        d->target->type->close(d->session);
    target_view_done(&d->view);
    pair_done(&d->pair);
    pair_done(&d->old);
    str_done(&d->file);
    str_done(&d->old_file);
}
