/* deployment.c: the steps of a deployment. */
#include "reload/deployment.h"

#include "base/log.h"
#include "reload/served.h"
#include "reload/service.h"
#include "reload/verify.h"

#include <stdlib.h>
#include <string.h>

void
deployment_open(struct deployment *d)
{
    d->session = d->target->type->open(d->target, &d->not_opened);
}

bool
deployment_verify(struct deployment *d, const struct material *m, struct err *e)
{
    return verify_material(m, d->clock, &d->pair, &d->root, e);
}

/* ---- looking ---- */

static bool
look(struct deployment *d, struct err *e)
{
    const struct target_type *type = d->target->type;

    if (d->target->service != NULL && !service_look(d->target, &d->view, e))
        return false;
    if (d->session == NULL && d->not_opened.code == ERR_NONE)
        deployment_open(d);
    if (d->session == NULL) {
        *e = d->not_opened;
        return false;
    }
    if (type->look != NULL && !type->look(d->session, &d->view, e))
        return false;
    d->view.is_unprovable = d->view.addresses.count == 0;
    return true;
}

bool
deployment_look(struct deployment *d, struct err *e)
{
    const struct target_type *type = d->target->type;
    bool looked = false;

    d->view.user = (uid_t)-1;
    d->view.group = (gid_t)-1;
    looked = look(d, e);
    if (!looked && d->view.file_count == 0 && type->guess != NULL)
        type->guess(d->target, &d->view);
    free(d->out->file);
    d->out->file = d->view.file_count == 0 ? NULL : strdup(target_view_file(&d->view));
    d->out->is_unprovable = d->view.is_unprovable;
    d->out->how = d->view.how;
    free(d->out->server_name);
    d->out->server_name = d->view.server_name == NULL ? NULL : strdup(d->view.server_name);
    return looked;
}

/* ---- the files ---- */

void
deployment_places(const struct deployment *d, struct install set[static INSTALL_FILES_MAX])
{
    for (size_t i = 0; i < d->view.file_count; i++)
        set[i] = (struct install){.path = d->view.files[i].path,
                                  .secret = form_is_secret(d->view.files[i].form),
                                  .mode = d->view.files[i].mode,
                                  .reader = d->view.user,
                                  .group = d->view.group,
                                  .keep_first = d->view.file_count > 1};
}

static struct form_source
source_of(const struct deployment *d)
{
    return (struct form_source){.pair = &d->pair, .root = d->root, .password = d->view.password};
}

static bool
has_combined_alone(const struct deployment *d)
{
    return d->view.file_count == 1 && d->view.files[0].form == FORM_COMBINED;
}

/* Writes down the leaf that is in the files, and, of several, what each holds. */
static bool
note(struct deployment *d, const struct chain *chain, const struct str *files, struct err *e)
{
    struct served *out = d->out;

    served_forget_files(out);
    out->deployed_sha256[0] = '\0';
    /* one file of key and chain is compared with them, byte by byte */
    for (size_t i = 0; !has_combined_alone(d) && i < d->view.file_count; i++) {
        struct served_file *to = &out->files[out->file_count++];

        to->path = strdup(d->view.files[i].path);
        if (to->path == NULL)
            return err_memory(e);
        if (!served_digest(&files[i], to->sha256, e))
            return false;
    }
    return chain->count == 0 || cert_sha256(chain->certs[0], out->deployed_sha256, e);
}

/* The key and the chain among what is in the files; whatever has both in it goes first. */
static bool
gather_old(const struct deployment *d, struct str *key_pem, struct str *chain_pem, struct err *e)
{
    const struct target_view *v = &d->view;
    bool has_chain = false;

    for (size_t i = 0; i < v->file_count; i++)
        has_chain = has_chain || v->files[i].form == FORM_COMBINED ||
                    v->files[i].form == FORM_PKCS12 || v->files[i].form == FORM_FULLCHAIN;
    for (size_t i = 0; i < v->file_count; i++) {
        enum form form = v->files[i].form;

        if (!has_chain && (form == FORM_LEAF || form == FORM_CHAIN))
            form = FORM_FULLCHAIN;
        if (has_chain && chain_pem->size > 0 && (form == FORM_FULLCHAIN || form == FORM_PKCS12))
            continue;
        if (d->old_found[i] &&
            !form_read(form, v->password, &d->old_files[i], key_pem, chain_pem, e))
            return false;
    }
    return true;
}

static bool
is_encrypted(const struct str *key_pem)
{
    return key_pem->size > 0 && (strstr(key_pem->text, "BEGIN ENCRYPTED PRIVATE KEY") != NULL ||
                                 strstr(key_pem->text, "Proc-Type: 4,ENCRYPTED") != NULL);
}

/* A key that only the server can open (ssl_passphrase_command): what it serves tells that it did.
 */
static bool
is_served_now(struct deployment *d, const struct str *chain_pem, struct err *why)
{
    own_served struct served ignored = {0};
    struct proof proof = {0};

    if (!chain_from_pem(&d->old.chain, chain_pem->text, chain_pem->size, why))
        return false;
    proof = deployment_proof(d, &d->old.chain);
    return !d->view.is_unprovable && prove_once(&proof, &ignored, why);
}

/* `is_previous`: of what was there before nobody can be asked whether the server opens it. */
static bool
old_loads(struct deployment *d, bool is_previous, struct err *why)
{
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    own_str struct str both = {0};

    if (!gather_old(d, &key_pem, &chain_pem, why))
        return false;
    if (is_encrypted(&key_pem) && is_previous)
        return chain_from_pem(&d->old.chain, chain_pem.text, chain_pem.size, why);
    if (is_encrypted(&key_pem))
        return is_served_now(d, &chain_pem, why);
    return pair_from_pem(&d->old, &key_pem, &chain_pem, why) && pair_to_pem(&d->old, &both, why) &&
           verify_loads(&both, why);
}

/* `ending`: "", or INSTALL_PREVIOUS. */
static bool
read_files(struct deployment *d, const char *ending, bool *there, struct err *e)
{
    const struct form_source source = source_of(d);

    *there = false;
    d->old_is_same = d->pair.key != NULL;
    for (size_t i = 0; i < d->view.file_count; i++) {
        bool found = false;

        str_done(&d->old_files[i]);
        if (!install_read(d->view.files[i].path, ending, &d->old_files[i], &found, e))
            return false;
        *there = *there || found;
        d->old_found[i] = found;
        d->old_is_same =
            d->old_is_same && found && form_holds(d->view.files[i].form, &source, &d->old_files[i]);
    }
    return true;
}

bool
deployment_read_old(struct deployment *d, struct err *e)
{
    struct err why = {0};
    bool there = false;

    pair_done(&d->old);
    if (!read_files(d, "", &there, e))
        return false;
    if (!there)
        return true;
    d->old_loads = old_loads(d, false, &why);
    if (d->old_loads)
        return note(d, &d->old.chain, d->old_files, e);
    if (why.is_ours) {
        *e = why;
        return false;
    }
    progress_say(d->progress, "what is in '%s' now cannot be loaded: %s",
                 target_view_file(&d->view), why.text);
    return true;
}

bool
deployment_read_previous(struct deployment *d, struct err *e)
{
    time_t now_s = (time_t)d->clock->now_s(d->clock);
    bool there = false;

    pair_done(&d->old);
    if (!read_files(d, INSTALL_PREVIOUS, &there, e))
        return false;
    if (!there || !old_loads(d, true, e))
        return err_set(e, ERR_INPUT, "what was in '%s' before is not there, or does not load",
                       target_view_file(&d->view));
    return X509_cmp_time(X509_get0_notAfter(d->old.chain.certs[0]), &now_s) > 0 ||
           err_set(e, ERR_INPUT, "what was in '%s' before has ended", target_view_file(&d->view));
}

bool
deployment_prepare(struct deployment *d, struct err *e)
{
    const struct form_source source = source_of(d);
    struct install set[INSTALL_FILES_MAX];

    deployment_places(d, set);
    if (d->view.file_count > 1 && !install_repair_all(set, d->view.file_count, e))
        return false;
    for (size_t i = 0; i < d->view.file_count; i++) {
        str_done(&d->files[i]);
        if (!form_write(d->view.files[i].form, &source, &d->files[i], e))
            return err_wrap(e, "'%s'", d->view.files[i].path);
    }
    return deployment_read_old(d, e);
}

bool
deployment_install(struct deployment *d, struct err *e)
{
    struct install set[INSTALL_FILES_MAX];

    deployment_places(d, set);
    /* what cannot be loaded is not worth keeping, and must not replace what was kept */
    if (!install_write_all(set, d->view.file_count, d->files, d->old_loads, e))
        return false;
    d->out->did_install = true;
    d->out->did_keep = d->old_loads;
    d->installed_ms = d->clock->steady_ms(d->clock);
    return note(d, &d->pair.chain, d->files, e);
}

bool
deployment_restore(struct deployment *d, struct err *e)
{
    struct install set[INSTALL_FILES_MAX];

    deployment_places(d, set);
    return install_restore_all(set, d->view.file_count, e) &&
           note(d, &d->old.chain, d->old_files, e);
}

/* ---- serving ---- */

struct proof
deployment_proof(const struct deployment *d, const struct chain *chain)
{
    return (struct proof){.addresses = &d->view.addresses,
                          .chain = chain,
                          .how = d->view.how,
                          .server_name = d->view.server_name,
                          .clock = d->clock,
                          .progress = d->progress,
                          .timeout_ms = d->view.prove_timeout_ms};
}

bool
deployment_tell(struct deployment *d, const struct chain *chain, struct err *e)
{
    const struct target_type *type = d->target->type;

    if (type->announce != NULL)
        type->announce(d->session, &d->view, chain->certs[0]);
    return type->reload(d->session, e) || err_wrap(e, "reload");
}

bool
deployment_serve(struct deployment *d, const struct chain *chain, struct err *e)
{
    struct proof proof = deployment_proof(d, chain);

    if (!deployment_tell(d, chain, e))
        return false;
    d->out->did_reload = true;
    if (d->view.is_unprovable)
        return true;
    if (!prove_until(&proof, d->out, e))
        return false;
    if (d->out->did_install)
        log_debug("'%s': proved to be served %lld ms after it was in place",
                  target_view_file(&d->view),
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
    X509_free(d->root);
    for (size_t i = 0; i < INSTALL_FILES_MAX; i++) {
        str_done(&d->files[i]);
        str_done(&d->old_files[i]);
    }
}
