/* import_take.c: secrets, accounts and generations out of what another client has. */
#include "cli/import_take.h"

#include "base/file.h"
#include "base/key.h"
#include "base/store.h"
#include "cli/access.h"
#include "cli/import_settings.h"
#include "cli/state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- look ---- */

static bool
look_at_key(struct import_certificate *c, struct err *e)
{
    own_pkey EVP_PKEY *key = key_from_pem(c->key_pem.text, c->key_pem.size, e);
    own_str struct str pem = {0};

    if (key == NULL)
        return false;
    for (size_t i = 0; key_type_words[i] != NULL; i++)
        if (key_is(key, (enum key_type)i))
            c->key_type = key_type_words[i];
    if (!key_to_pem(key, &pem, e)) /* without what stands around it */
        return false;
    str_done(&c->key_pem);
    c->key_pem = pem;
    pem = (struct str){0};
    return c->key_type != NULL ||
           err_set(e, ERR_INPUT,
                   "its key is of a kind that is not used here; the next renewal makes an "
                   "ecdsa-p256 one");
}

static bool
look_at_chain(struct import_certificate *c, struct err *e)
{
    own_chain struct chain chain = {0};
    own_list struct list names = {0};

    if (!chain_from_pem(&chain, c->chain_pem.text, c->chain_pem.size, e))
        return false;
    if (!cert_names(chain.certs[0], &names))
        return err_memory(e);
    for (size_t i = 0; i < names.count; i++)
        if (config_is_address(names.items[i]) || !import_is_name(names.items[i]))
            return err_set(e, ERR_INPUT, "it is for '%s', which DNS cannot prove", names.items[i]);
    if (c->names.count == 0 && names.count == 0)
        return err_set(e, ERR_INPUT, "its certificate has no names");
    return (c->names.count > 0 || list_copy(&c->names, &names) || err_memory(e)) &&
           cert_sha256(chain.certs[0], c->sha256, e);
}

bool
import_take_look(struct import_certificate *c)
{
    if (c->e.code != ERR_NONE || !look_at_chain(c, &c->e))
        return false;
    return look_at_key(c, &c->unfit) || c->names.count > 0;
}

bool
import_take_check(const struct app *app, struct import_certificate *c)
{
    const struct conf_section *s = conf_find(&app->config.conf, "issuer", c->issuer);
    const struct conf_value *trust = s == NULL ? NULL : conf_value_find(s, "trust_file");
    const struct material m = {
        .key_pem = &c->key_pem,
        .chain_pem = &c->chain_pem,
        .names = &c->names,
        .trust_file = trust == NULL || *trust->text == '\0' ? NULL : trust->text,
    };

    return c->unfit.code == ERR_NONE && reload_check(&m, app->clock, &c->unfit);
}

/* ---- take ---- */

static bool
write_secret(const char *path, const struct str *text, struct err *e)
{
    own_mem char *directory = strndup(path, (size_t)(strrchr(path, '/') - path));

    if (directory == NULL)
        return err_memory(e);
    if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    return file_make_directory(directory, 0700, e) &&
           file_replace(AT_FDCWD, path, text->text, text->size, 0600, e);
}

/* Does the issuer's [dns] name that file? It may be another one that proves. */
static bool
is_wanted(const struct app *app, const struct import_certificate *c, const char *setting,
          const char *path)
{
    const struct issuer *issuer = config_issuer(&app->config, c->issuer);
    const struct conf_section *s = issuer == NULL || issuer->acme.dns == NULL
                                       ? NULL
                                       : conf_find(&app->config.conf, "dns", issuer->acme.dns);
    const struct conf_value *v = s == NULL ? NULL : conf_value_find(s, setting);

    return v != NULL && strcmp(v->text, path) == 0;
}

bool
import_take_secrets(struct app *app, const struct import *im, const struct import_certificate *c,
                    struct err *e)
{
    for (size_t i = 0; i < c->dns.secret_count; i++) {
        own_mem char *path = import_secret_path(app, im->client->name, &c->dns, i);

        if (path == NULL)
            return err_memory(e);
        if (is_wanted(app, c, c->dns.secrets[i].setting, path) &&
            !write_secret(path, &c->dns.secrets[i].text, e))
            return err_wrap(e, "the secret of provider = %s", c->dns.provider);
    }
    return true;
}

bool
import_take_account(struct app *app, const struct import_certificate *c, bool force,
                    struct acme_account *out, struct err *e)
{
    const struct acme_access *access = access_by_name(app, c->issuer, e);

    if (access == NULL)
        return false;
    return acme_account_import(access, &c->account->key, force, out, e) ||
           err_wrap(e, "[issuer %s] the account in '%s'", c->issuer, c->account->label);
}

/* Is it there, or one that ends later? */
static bool
is_stored(const struct import_certificate *c, const struct generation *g)
{
    own_chain struct chain chain = {0};
    struct err ignored = {0};

    return g->number != 0 &&
           (strcmp(g->sha256, c->sha256) == 0 ||
            !chain_from_pem(&chain, c->chain_pem.text, c->chain_pem.size, &ignored) ||
            g->not_after_s >= cert_not_after(chain.certs[0]));
}

bool
import_take_pair(struct app *app, struct import_certificate *c, struct err *e)
{
    own_state struct state state = {0};
    own_generation struct generation g = {0};
    int64_t now_s = app->clock->now_s(app->clock);
    int64_t number = 0;

    if (!state_load(&state, app->config.settings.state, c->name, e))
        return false;
    store_find(state.directory, 0, &g);
    if (is_stored(c, &g))
        return true;
    if (!store_make_directory(state.directory, e) ||
        !store_add(state.directory, c->issuer, NULL, &c->key_pem, &c->chain_pem, now_s, &number, e))
        return false;
    state_set_generation(&state, number);
    return state_save(&state, e) && (list_add(&c->did, "certificate") || err_memory(e));
}
