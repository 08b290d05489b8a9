/* apart.c: a private CA that belongs to another user. */
#include "cli/apart.h"

#include "base/child.h"
#include "base/log.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* False: there is no such directory. */
static bool
owner_of(const char *directory, uid_t *owner)
{
    struct stat s = {0};

    if (lstat(directory, &s) < 0 || !S_ISDIR(s.st_mode))
        return false;
    *owner = s.st_uid;
    return true;
}

bool
apart_is(const struct app *app)
{
    uid_t owner = 0;

    return owner_of(app->config.ca.directory, &owner) && owner != geteuid();
}

bool
apart_from_state(const struct app *app)
{
    uid_t owner = 0;

    return owner_of(app->config.settings.state, &owner) && owner != geteuid();
}

static bool
become(uid_t user, const char *directory, struct err *e)
{
    const struct passwd *p = getpwuid(user);

    if (p == NULL)
        return err_set(e, ERR_PERMISSION,
                       "the CA's directory '%s' belongs to user %u, who does not exist", directory,
                       (unsigned)user);
    if (!child_become(p, e))
        return err_wrap(e, "the CA's directory '%s' belongs to another user", directory);
    log_debug("'%s' belongs to '%s': going on as that user", directory, p->pw_name);
    return true;
}

bool
apart_enter(struct app *app, struct err *e)
{
    const char *directory = app->config.ca.directory;
    uid_t owner = 0, owner_of_state = 0;

    /* one user for both: as ever */
    if (!owner_of(directory, &owner) ||
        (owner_of(app->config.settings.state, &owner_of_state) && owner_of_state == owner))
        return app_enter_state(app, e);
    return geteuid() != 0 || owner == 0 || become(owner, directory, e);
}

/* ---- who asks ---- */

bool
apart_sign(const struct app *app, const char *name, const struct str *csr_der,
           struct str *chain_pem, struct err *e)
{
    const struct ca_config *c = &app->config.ca;
    own_ca_question struct ca_question q = {.name = strdup(name)};

    if (c->socket == NULL)
        return err_set(e, ERR_PERMISSION,
                       "the private CA in '%s' belongs to another user, and [ca] socket does not "
                       "say where that user is asked; try: socket = /run/pgcert-ca/socket",
                       c->directory);
    if (q.name == NULL || !str_add(&q.request, csr_der->text, csr_der->size))
        return err_memory(e);
    return ca_ask(c->socket, &q, app->clock, chain_pem, e) || err_wrap(e, "the private CA");
}

/* ---- who answers ---- */

static bool
is_ours(const struct issuer *issuer)
{
    return issuer != NULL && issuer->type == ISSUER_CA;
}

/* Whoever asks has no say in the names: those are of the settings, which are root's. */
static const struct certificate *
find(const struct app *app, const char *name, struct err *e)
{
    const struct certificate *c = config_certificate(&app->config, name);

    if (c == NULL)
        (void)err_set(e, ERR_REFUSED, "there is no certificate '%s' in the settings", name);
    else if (!is_ours(c->issuer) && !is_ours(c->issuer->stand_in))
        (void)err_set(e, ERR_REFUSED,
                      "the certificate '%s' of the settings is not to be issued by the private CA",
                      name);
    else
        return c;
    return NULL;
}

static bool
sign(const struct app *app, const struct ca_question *q, struct str *chain_pem, struct err *e)
{
    const struct certificate *c = find(app, q->name, e);
    own_pkey EVP_PKEY *public_key = NULL;
    own_ca struct ca *ca = NULL;

    if (c == NULL)
        return false;
    public_key = ca_request_key(q->request.text, q->request.size, e);
    ca = public_key == NULL ? NULL : ca_open(&app->config.ca, app->clock, e);
    return ca != NULL && ca_sign_server(ca, &c->names, public_key, chain_pem, e);
}

bool
apart_answer(struct app *app, struct err *e)
{
    own_ca_question struct ca_question q = {0};
    own_str struct str chain_pem = {0};
    struct err unheard = {0};
    bool good = ca_hear(STDIN_FILENO, app->clock, &q, e) && sign(app, &q, &chain_pem, e);

    if (good)
        return ca_answer(STDOUT_FILENO, app->clock, &chain_pem, NULL, e);
    if (!ca_answer(STDOUT_FILENO, app->clock, NULL, e, &unheard))
        log_debug("nobody takes the answer: %s", unheard.text);
    return false;
}
