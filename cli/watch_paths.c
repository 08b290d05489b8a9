/* watch_paths.c: the files of a certificate that may change without us. */
#include "cli/watch_paths.h"

#include "base/reader.h"
#include "cli/state.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

/* What PostgreSQL writes into its data directory when it starts (its manual, "Database File
 * Layout"). */
#define STARTED "postmaster.pid"

/* The name of a generation (base/store.h). */
static bool
is_generation(const char *name)
{
    return name[0] != '0' && name[strspn(name, "0123456789")] == '\0';
}

bool
watch_paths_add(struct watch_paths *p, const char *text, watch_filter *is_wanted, struct err *e)
{
    struct watch_path *items = reallocarray(p->items, p->count + 1, sizeof(*items));

    if (items == NULL)
        return err_memory(e);
    p->items = items;
    if (text == NULL || !list_add(&p->texts, text))
        return err_memory(e);
    p->items[p->count] = (struct watch_path){p->texts.items[p->count], is_wanted};
    p->count++;
    return true;
}

bool
watch_paths_is_files(const struct certificate *c)
{
    return c->issuer->type == ISSUER_FILES;
}

static bool
add_issuer(const struct certificate *c, struct watch_paths *out, struct err *e)
{
    return !watch_paths_is_files(c) || (watch_paths_add(out, c->issuer->files.key_file, NULL, e) &&
                                        watch_paths_add(out, c->issuer->files.chain_file, NULL, e));
}

/* A server that was down is tried again when it starts, which changes a file beside ours. */
bool
watch_paths_add_deployed(struct watch_paths *out, const char *file, struct err *e)
{
    const char *slash = strrchr(file, '/');
    own_mem char *started =
        slash == NULL ? NULL : str_format("%.*s/" STARTED, (int)(slash - file), file);

    return watch_paths_add(out, file, NULL, e) && watch_paths_add(out, started, NULL, e);
}

/* Of several files all of them; the first of them stands for all. */
static bool
add_target(const struct state *s, const char *target, struct watch_paths *out, struct err *e)
{
    struct proof proof = state_proof(s, target);

    if (proof.file == NULL)
        return true;
    if (!watch_paths_add_deployed(out, proof.file, e))
        return false;
    for (size_t i = 1; proof.files != NULL && i < json_count(proof.files); i++) {
        const char *path = json_member_text(json_item(proof.files, i), "path");

        if (path != NULL && !watch_paths_add(out, path, NULL, e))
            return false;
    }
    return true;
}

bool
watch_paths_list(const struct config *config, const struct certificate *c, struct watch_paths *out,
                 struct err *e)
{
    own_mem char *store = store_directory(config->settings.state, c->name);
    own_state struct state s = {0};

    if (c->deploy.count == 0 && !watch_paths_is_files(c))
        return true;
    if (!watch_paths_add(out, store, is_generation, e) || !add_issuer(c, out, e) ||
        !state_load(&s, config->settings.state, c->name, e))
        return false;
    for (size_t i = 0; i < c->deploy.count; i++)
        if (!add_target(&s, c->deploy.items[i], out, e))
            return false;
    return true;
}

bool
watch_paths_match(const struct certificate *c)
{
    const struct files *f = watch_paths_is_files(c) ? &c->issuer->files : NULL;
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    own_chain struct chain chain = {0};
    own_pkey EVP_PKEY *key = NULL;
    struct err e = {0};

    if (f == NULL)
        return true;
    if (!reader_read(f->key_told_by, f->key_file, CERT_PEM_MAX, &key_pem, &e) ||
        !reader_read(f->told_by, f->chain_file, CERT_PEM_MAX, &chain_pem, &e))
        return e.code == ERR_PERMISSION;
    key = key_from_pem(key_pem.text, key_pem.size, &e);
    return key != NULL && chain_from_pem(&chain, chain_pem.text, chain_pem.size, &e) &&
           X509_check_private_key(chain.certs[0], key) == 1;
}

void
watch_paths_done(struct watch_paths *p)
{
    list_done(&p->texts);
    free(p->items);
    *p = (struct watch_paths){0};
}
