/* sign.c: certificates for servers and clients, by what the CA's settings allow. */
#include "ca/sign.h"

#include "ca/name.h"

#include <string.h>
#include <strings.h>

/* The chain without the root, which whoever trusts it has. */
static bool
sign(struct ca *ca, const struct authority_order *o, struct str *chain_pem, struct err *e)
{
    own_cert X509 *cert = authority_record(ca, o, 1, e) ? authority_sign_recorded(ca, o, e) : NULL;
    struct chain chain = {.certs = {cert, o->issuer->cert, ca->cross}, .count = 2};

    /* to who knows the old root only, the new one is what that has signed */
    if (o->issuer->role == CA_SERVERS && o->issuer->is_next && ca->cross != NULL)
        chain.count = 3;
    return cert != NULL && chain_to_pem(&chain, chain_pem, e);
}

/* ---- servers ---- */

bool
ca_sign_server(struct ca *ca, const struct list *names, EVP_PKEY *public_key, struct str *chain_pem,
               struct err *e)
{
    struct authority_order o = {
        .issuer = authority_find(ca, kinds[KIND_SERVER].issuer, NULL),
        .issue = {.kind = KIND_SERVER, .names = names, .public_key = public_key},
    };

    if (names->count == 0)
        return err_set(e, ERR_INTERNAL, "a server's certificate needs a name");
    o.name = names->items[0];
    /* for people: nobody checks it where there is a subjectAltName; it is not shortened */
    o.issue.common_name = strlen(o.name) <= NAME_USER_MAX ? o.name : NULL;
    return authority_set_times(ca, o.issuer, ca->config->server_lifetime_s, &o.issue, e) &&
           issue_serial(o.issue.serial, e) && sign(ca, &o, chain_pem, e);
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
sign_plan_client(struct ca *ca, const struct ca_client *client, struct authority_order *o,
                 struct err *e)
{
    int64_t lifetime_s =
        client->lifetime_s > 0 ? client->lifetime_s : ca->config->client_lifetime_s;

    *o = (struct authority_order){.name = client->user,
                                  .tenant = client->tenant,
                                  .issue = {.kind = KIND_CLIENT,
                                            .organization = client->tenant,
                                            .common_name = client->user,
                                            .public_key = client->public_key}};
    if (!name_check_user(client->user, e))
        return false;
    if (!client->is_privileged && is_privileged(ca->config, client->user))
        return err_set(e, ERR_PERMISSION,
                       "'%s' is the name of a privileged role ([ca] privileged); if that is meant, "
                       "add: --privileged",
                       client->user);
    o->issuer = find_issuer(ca, client->tenant, e);
    return o->issuer != NULL && authority_set_times(ca, o->issuer, lifetime_s, &o->issue, e) &&
           authority_key(ca, o->issuer, e) != NULL && issue_serial(o->issue.serial, e);
}

bool
ca_sign_client(struct ca *ca, const struct ca_client *client, struct str *chain_pem, struct err *e)
{
    struct authority_order o = {0};

    return sign_plan_client(ca, client, &o, e) && sign(ca, &o, chain_pem, e);
}
