/* errand.c: the way to the issuer, then acme/ does it. */
#include "cli/errand.h"

#include "cli/access.h"

bool
errand_issue(struct app *app, const struct errand *errand, struct progress *progress,
             struct str *chain_pem, struct err *warning, struct err *e)
{
    const struct reach *reach = access_reach(app, errand->issuer, errand->is_rehearsal, e);
    struct acme_job job = {
        .dns = config_dns(&app->config, errand->issuer->acme.dns),
        .progress = progress,
        .order_path = errand->order_path,
        .journal_path = errand->journal_path,
        .names = errand->names,
        .csr_der = errand->csr_der,
        .replaces = errand->replaces,
    };

    if (reach == NULL)
        return false;
    job.access = &reach->access;
    job.client = reach->client;
    return acme_issue(&job, chain_pem, warning, e);
}

bool
errand_ask(struct app *app, struct issuer *issuer, const char *url, struct acme_window *w,
           struct err *e)
{
    const struct reach *reach = access_reach(app, issuer, false, e);

    return reach != NULL && acme_renewal_ask(reach->access.http, url, w, e);
}

static struct dns *
find_dns(void *user, const char *name)
{
    const struct app *app = user;

    return config_dns(&app->config, name);
}

bool
errand_sweep(struct app *app, struct err *e)
{
    own_mem char *records = str_format("%s/records", app->config.settings.state);

    return records == NULL ? err_memory(e) : acme_sweep(records, find_dns, app, e);
}
