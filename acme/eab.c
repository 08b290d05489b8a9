/* eab.c: the binding of an account to a customer's identifier and key. */
#include "acme/eab.h"

#include "acme/jws.h"
#include "base/b64url.h"
#include "base/file.h"

#include <string.h>

#define KEY_FILE_MAX 4096

bool
eab_is_set(const struct acme_issuer *issuer)
{
    return issuer->eab_kid != NULL && issuer->eab_hmac_file != NULL;
}

/* No setting at all is right as long as the server does not want them. */
static bool
check_absent(struct client *c, const struct acme_issuer *issuer, struct err *e)
{
    const struct json_t *meta = client_meta(c, e);

    if (meta == NULL)
        return false;
    if (issuer->eab_kid != NULL || issuer->eab_hmac_file != NULL)
        return err_set(e, ERR_CONFIG,
                       "eab_kid and eab_hmac_file belong together, and %s is not set",
                       issuer->eab_kid == NULL ? "eab_kid" : "eab_hmac_file");
    if (!json_member_true(meta, "externalAccountRequired"))
        return true;
    return err_set(e, ERR_CONFIG,
                   "'%s' wants an external account binding: set eab_kid and eab_hmac_file to what "
                   "it gave you",
                   c->directory_url);
}

/* Some issuers hand the key out with the padding that base64url has not. */
static bool
read_key(const char *path, struct str *key, struct err *e)
{
    own_str struct str text = {0};

    if (!file_read_secret(path, KEY_FILE_MAX, &text, e))
        return err_wrap(e, "eab_hmac_file");
    while (text.size > 0 && text.text[text.size - 1] == '=')
        text.text[--text.size] = '\0';
    if (text.size > 0 && b64url_decode(key, text.text))
        return true;
    return err_set(e, ERR_CONFIG,
                   "eab_hmac_file '%s' does not hold a key in base64url, as the issuer gives it",
                   path);
}

bool
eab_add(struct json_t *payload, struct client *c, const struct acme_issuer *issuer, struct err *e)
{
    own_str struct str key = {0};
    own_str struct str jwk = {0};
    own_str struct str binding = {0};
    own_mem char *url = NULL;
    const struct jws_secret secret = {(enum jws_hmac)issuer->eab_algorithm, issuer->eab_kid, &key};
    struct json_t *object = NULL;

    if (!eab_is_set(issuer))
        return check_absent(c, issuer, e);
    /* both headers must name the same URL: it may not be a remembered one that has changed */
    if (!read_key(issuer->eab_hmac_file, &key, e) || !client_refresh(c, e) ||
        !jws_jwk(c->key, &jwk, e))
        return false;
    url = client_url(c, "newAccount", e);
    if (url == NULL || !jws_sign_hmac(&secret, url, jwk.text, &binding, e))
        return false;
    object = json_decode(binding.text, binding.size, e);
    if (object == NULL)
        return false;
    json_put(payload, "externalAccountBinding", object);
    return true;
}
