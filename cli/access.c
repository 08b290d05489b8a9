/* access.c: the way to the account at an issuer. */
#include "cli/access.h"

/* What is different there. A test server's account needs no binding. */
static struct acme_issuer
rehearsed(const struct acme_issuer *acme)
{
    struct acme_issuer other = *acme;

    other.directory = acme->rehearsal;
    other.eab_kid = NULL;
    other.eab_hmac_file = NULL;
    return other;
}

struct reach *
access_reach(struct app *app, struct issuer *issuer, bool rehearse, struct err *e)
{
    struct reach *r = rehearse ? &issuer->rehearsal : &issuer->real;

    if (r->client != NULL)
        return r;
    r->acme = rehearse ? rehearsed(&issuer->acme) : issuer->acme;
    if (r->account_dir == NULL)
        r->account_dir = str_format("%s/accounts/%s%s", app->config.settings.state, issuer->name,
                                    rehearse ? "/rehearsal" : "");
    if (r->access.http == NULL)
        r->access.http = http_new(issuer->acme.ca_file, app->clock, e);
    if (r->account_dir == NULL)
        (void)err_memory(e);
    if (r->account_dir == NULL || r->access.http == NULL)
        return NULL;
    r->access = (struct acme_access){&r->acme, r->access.http, app->clock, r->account_dir};
    r->client = acme_open(&r->access, e);
    return r->client == NULL ? NULL : r;
}

const struct acme_access *
access_by_name(struct app *app, const char *issuer_name, struct err *e)
{
    struct issuer *issuer = config_issuer(&app->config, issuer_name);

    const struct reach *reach = NULL;

    if (issuer != NULL && issuer->type != ISSUER_ACME) {
        (void)err_set(e, ERR_USAGE,
                      issuer->type == ISSUER_CA
                          ? "[issuer %s] is the private CA, where nobody has an account"
                          : "[issuer %s] is files of another tool, and the account is that tool's",
                      issuer_name);
        return NULL;
    }
    if (issuer != NULL) {
        reach = access_reach(app, issuer, false, e);
        return reach == NULL ? NULL : &reach->access;
    }
    (void)err_set(e, ERR_USAGE, "there is no [issuer %s] in the settings; try: pgcert config show",
                  issuer_name);
    return NULL;
}
