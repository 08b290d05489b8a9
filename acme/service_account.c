/* service_account.c: read the key file of a Google service account, sign with it. */
#include "acme/service_account.h"

#include "acme/jws.h"
#include "acme/oauth.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define LIFE_S 3600    /* Google's most */
#define BACKDATED_S 10 /* so that a clock a little fast does no harm */
#define BITS_MOST 4096 /* acme/jws */

/* Copies a member; false when it is missing, empty or not text. */
static bool
take(char **to, const struct json_t *json, const char *name, bool required, struct err *e)
{
    const char *text = json_member_text(json, name);

    if (text == NULL || text[0] == '\0')
        return !required ||
               err_set(e, ERR_CONFIG, "it has no '%s'; is it the key file that Google gave?", name);
    *to = strdup(text);
    return *to != NULL || err_memory(e);
}

static bool
check_type(const struct json_t *json, struct err *e)
{
    const char *type = json_member_text(json, "type");

    if (type == NULL)
        return err_set(e, ERR_CONFIG,
                       "it has no 'type'; is it the key file of a service account, as JSON, that "
                       "Google gave?");
    return strcmp(type, "service_account") == 0 ||
           err_set(e, ERR_CONFIG,
                   "it holds credentials of the type '%.40s', but must be the key file of a "
                   "service account (type 'service_account'); try: gcloud iam service-accounts "
                   "keys create",
                   type);
}

static bool
read_key(struct service_account *account, const struct json_t *json, struct err *e)
{
    const char *pem = json_member_text(json, "private_key");
    struct err why = {0};

    if (pem == NULL)
        return err_set(e, ERR_CONFIG,
                       "it has no 'private_key'; is it the key file that Google gave?");
    account->key = key_from_pem(pem, strlen(pem), &why);
    if (account->key == NULL)
        return err_set(e, ERR_CONFIG, "its 'private_key' cannot be read; make another key");
    return (EVP_PKEY_is_a(account->key, "RSA") == 1 &&
            EVP_PKEY_get_bits(account->key) <= BITS_MOST) ||
           err_set(e, ERR_CONFIG, "its 'private_key' is not an RSA key of at most %d bits",
                   BITS_MOST);
}

bool
service_account_parse(struct service_account *account, const char *text, size_t size, struct err *e)
{
    struct err why = {0};
    own_json struct json_t *json = json_decode(text, size, &why);

    /* not with `why`: it may quote what it stumbled over */
    if (json == NULL)
        return err_set(e, ERR_CONFIG,
                       "it is not JSON; it must be the key file of a service account, as Google "
                       "gave it");
    if (!check_type(json, e) || !take(&account->email, json, "client_email", true, e) ||
        !take(&account->url, json, "token_uri", true, e) ||
        !take(&account->key_id, json, "private_key_id", false, e) ||
        !take(&account->project, json, "project_id", false, e) || !read_key(account, json, e))
        return false;
    return strncmp(account->url, "https://", 8) == 0 ||
           err_set(e, ERR_CONFIG, "its 'token_uri' is '%.200s', but must be an https URL",
                   account->url);
}

static char *
make_header(const struct service_account *account)
{
    own_json struct json_t *header = json_new_object();

    json_put_text(header, "alg", "RS256");
    json_put_text(header, "typ", "JWT");
    if (account->key_id != NULL)
        json_put_text(header, "kid", account->key_id);
    return header == NULL ? NULL : json_encode(header);
}

static char *
make_claims(const struct service_account *account, const char *scope, int64_t now_s)
{
    own_json struct json_t *claims = json_new_object();

    json_put_text(claims, "iss", account->email);
    json_put_text(claims, "scope", scope);
    json_put_text(claims, "aud", account->url);
    json_put_int(claims, "iat", now_s - BACKDATED_S);
    json_put_int(claims, "exp", now_s - BACKDATED_S + LIFE_S);
    return claims == NULL ? NULL : json_encode(claims);
}

bool
service_account_form(const struct service_account *account, const char *scope, int64_t now_s,
                     struct str *form, size_t *assertion, struct err *e)
{
    own_mem char *header = make_header(account);
    own_mem char *claims = make_claims(account, scope, now_s);
    own_str struct str jwt = {0};

    if (header == NULL || claims == NULL)
        return err_memory(e);
    if (!jws_compact(account->key, header, claims, &jwt, e))
        return false;
    if (!oauth_add_field(form, "grant_type", GRANT) ||
        !oauth_add_field(form, "assertion", jwt.text))
        return err_memory(e);
    *assertion = form->size - jwt.size;
    return true;
}

void
service_account_done(struct service_account *account)
{
    free(account->email);
    free(account->key_id);
    free(account->project);
    free(account->url);
    key_drop(&account->key);
    *account = (struct service_account){0};
}
