/* sign.c: certificates for servers and clients, by what the CA's settings allow. */
#include "ca/authority.h"
#include "ca/name.h"

#include <string.h>
#include <strings.h>

/* The chain without the root, which whoever trusts it has. */
static bool
sign(struct ca *ca, struct authority *issuer, struct issue *i, const struct index_entry *about,
     struct str *chain_pem, struct err *e)
{
    own_cert X509 *cert = authority_sign(ca, issuer, i, about, e);
    struct chain chain = {.certs = {cert, issuer->cert}, .count = 2};

    return cert != NULL && chain_to_pem(&chain, chain_pem, e);
}

/* ---- servers ---- */

bool
ca_sign_server(struct ca *ca, const struct list *names, EVP_PKEY *public_key, struct str *chain_pem,
               struct err *e)
{
    struct authority *issuer = authority_find(ca, kinds[KIND_SERVER].issuer, NULL);
    struct issue i = {.kind = KIND_SERVER, .names = names, .public_key = public_key};
    struct index_entry about = {0};

    if (names->count == 0)
        return err_set(e, ERR_INTERNAL, "a server's certificate needs a name");
    about.name = names->items[0];
    /* for people: nobody checks it where there is a subjectAltName; it is not shortened */
    i.common_name = strlen(names->items[0]) <= NAME_USER_MAX ? names->items[0] : NULL;
    return authority_set_times(ca, issuer, ca->config->server_lifetime_s, &i, e) &&
           sign(ca, issuer, &i, &about, chain_pem, e);
}

/* ---- clients ---- */

/* Whatever the case: a map in pg_ident.conf may not care for it. */
static bool
is_privileged(const struct ca_config *config, const char *user)
{
    if (strncasecmp(user, "pg_", 3) == 0)
        return true;
    for (size_t i = 0; i < config->privileged.count; i++)
        if (strcasecmp(config->privileged.items[i], user) == 0)
            return true;
    return false;
}

static struct authority *
find_issuer(const struct ca *ca, const char *tenant, struct err *e)
{
    struct authority *a =
        authority_find(ca, tenant == NULL ? kinds[KIND_CLIENT].issuer : CA_TENANT, tenant);

    if (a == NULL)
        (void)err_set(e, ERR_INPUT, "there is no tenant '%s'; try: pgcert ca tenant '%s'", tenant,
                      tenant);
    return a;
}

/* The subject of a tenant's client begins with its organization, as the name constraint wants. */
bool
ca_sign_client(struct ca *ca, const struct ca_client *client, struct str *chain_pem, struct err *e)
{
    struct issue i = {.kind = KIND_CLIENT,
                      .organization = client->tenant,
                      .common_name = client->user,
                      .public_key = client->public_key};
    const struct index_entry about = {.name = client->user, .tenant = client->tenant};
    int64_t lifetime_s =
        client->lifetime_s > 0 ? client->lifetime_s : ca->config->client_lifetime_s;
    struct authority *issuer = NULL;

    if (!name_check_user(client->user, e))
        return false;
    if (!client->is_privileged && is_privileged(ca->config, client->user))
        return err_set(e, ERR_PERMISSION,
                       "'%s' is the name of a privileged role ([ca] privileged); if that is meant, "
                       "add: --privileged",
                       client->user);
    issuer = find_issuer(ca, client->tenant, e);
    return issuer != NULL && authority_set_times(ca, issuer, lifetime_s, &i, e) &&
           sign(ca, issuer, &i, &about, chain_pem, e);
}
