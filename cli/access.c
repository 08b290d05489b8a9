/* access.c: the way to the account at an issuer. */
#include "cli/access.h"

bool
access_open(struct app *app, const char *issuer_name, struct acme_access *access, char **directory,
            struct err *e)
{
    struct issuer *issuer = config_issuer(&app->config, issuer_name);

    if (issuer == NULL)
        return err_set(e, ERR_USAGE,
                       "there is no [issuer %s] in the settings; try: pgcert config show",
                       issuer_name);
    *directory = str_format("%s/accounts/%s", app->config.settings.state, issuer_name);
    if (*directory == NULL)
        return err_memory(e);
    if (issuer->http == NULL)
        issuer->http = http_new(issuer->acme.ca_file, app->clock, e);
    *access = (struct acme_access){&issuer->acme, issuer->http, app->clock, *directory};
    return issuer->http != NULL;
}
