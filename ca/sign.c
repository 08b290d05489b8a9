/* sign.c: certificates for servers and clients, by what the CA's settings allow. */
#include "ca/authority.h"
#include "ca/name.h"

#include <string.h>
#include <strings.h>

/* ---- for how long ---- */

/* A leaf never outlives who signed it. */
static bool
set_times(const struct ca *ca, enum ca_role role, int64_t lifetime_s, struct issue *i,
          struct err *e)
{
    int64_t now_s = ca->clock->now_s(ca->clock);
    int64_t last_s = cert_not_after(ca->all[role].cert);
    char when[CLOCK_TEXT_SIZE];

    i->not_before_s = now_s - AUTHORITY_BACKDATED_S;
    i->not_after_s = now_s + lifetime_s < last_s ? now_s + lifetime_s : last_s;
    if (i->not_after_s > now_s)
        return true;
    clock_text(when, last_s);
    return err_set(e, ERR_REFUSED, "the private CA for %s has expired at %s",
                   authority_files[role].word, when);
}

/* The chain without the root, which whoever trusts it has. */
static bool
sign(struct ca *ca, struct issue *i, const char *name, struct str *chain_pem, struct err *e)
{
    enum ca_role role = kinds[i->kind].issuer;
    own_cert X509 *cert = authority_sign(ca, i, name, e);
    struct chain chain = {.certs = {cert, ca->all[role].cert}, .count = 2};

    return cert != NULL && chain_to_pem(&chain, chain_pem, e);
}

/* ---- servers ---- */

bool
ca_sign_server(struct ca *ca, const struct list *names, EVP_PKEY *public_key, struct str *chain_pem,
               struct err *e)
{
    struct issue i = {.kind = KIND_SERVER, .names = names, .public_key = public_key};

    if (names->count == 0)
        return err_set(e, ERR_INTERNAL, "a server's certificate needs a name");
    /* for people: nobody checks it where there is a subjectAltName; it is not shortened */
    i.common_name = strlen(names->items[0]) <= NAME_USER_MAX ? names->items[0] : NULL;
    return set_times(ca, CA_SERVERS, ca->config->server_lifetime_s, &i, e) &&
           sign(ca, &i, names->items[0], chain_pem, e);
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

bool
ca_sign_client(struct ca *ca, const struct ca_client *client, struct str *chain_pem, struct err *e)
{
    struct issue i = {
        .kind = KIND_CLIENT, .common_name = client->user, .public_key = client->public_key};
    int64_t lifetime_s =
        client->lifetime_s > 0 ? client->lifetime_s : ca->config->client_lifetime_s;

    if (!name_check_user(client->user, e))
        return false;
    if (!client->is_privileged && is_privileged(ca->config, client->user))
        return err_set(e, ERR_PERMISSION,
                       "'%s' is the name of a privileged role ([ca] privileged); if that is meant, "
                       "add: --privileged",
                       client->user);
    return set_times(ca, CA_CLIENTS, lifetime_s, &i, e) && sign(ca, &i, client->user, chain_pem, e);
}
