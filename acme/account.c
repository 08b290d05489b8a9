/* account.c: key and URL of the account. */
#include "acme/account.h"

#include "base/file.h"
#include "base/key.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX 16384

static EVP_PKEY *
load_key(const char *directory, struct err *e)
{
    own_mem char *path = str_format("%s/account.key", directory);
    own_str struct str pem = {0};
    own_pkey EVP_PKEY *key = NULL;
    bool found = false;

    if (path == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    if (!file_read_if_there(AT_FDCWD, path, KEY_FILE_MAX, &pem, &found, e))
        return NULL;
    if (found) {
        key = key_from_pem(pem.text, pem.size, e);
        if (key != NULL && key_is(key, KEY_ECDSA_P256))
            return TAKE(key);
        if (key != NULL)
            (void)err_set(e, ERR_INPUT, "an account key must be ECDSA P-256");
        (void)err_wrap(e, "read '%s'", path);
        return NULL;
    }
    key = key_generate(KEY_ECDSA_P256, e);
    if (key == NULL || !key_to_pem(key, &pem, e) ||
        !file_replace(AT_FDCWD, path, pem.text, pem.size, 0600, e))
        return NULL;
    return TAKE(key);
}

/* The remembered URL, when it is of this server. */
static bool
load_url(struct client *c, const char *directory, struct err *e)
{
    own_mem char *path = str_format("%s/account.json", directory);
    own_json struct json_t *account = path == NULL ? NULL : json_load(path, e);
    const char *server = NULL;
    const char *url = NULL;

    if (path == NULL)
        return err_memory(e);
    if (account == NULL)
        return false;
    server = json_member_text(account, "directory");
    url = json_member_text(account, "url");
    if (server == NULL || url == NULL || strcmp(server, c->directory_url) != 0)
        return true;
    c->kid = strdup(url);
    return c->kid != NULL || err_memory(e);
}

bool
account_open(struct client *c, const struct acme_issuer *issuer, const char *directory,
             struct err *e)
{
    if (!file_make_directory(directory, 0700, e))
        return false;
    file_remove_temporaries(directory);
    c->key = load_key(directory, e);
    if (c->key == NULL || !load_url(c, directory, e))
        return false;
    return c->kid != NULL || account_register(c, issuer, directory, e);
}

static bool
save_url(const struct client *c, const char *directory, struct err *e)
{
    own_mem char *path = str_format("%s/account.json", directory);
    own_json struct json_t *account = json_new_object();

    if (path == NULL || account == NULL)
        return err_memory(e);
    json_put_text(account, "directory", c->directory_url);
    json_put_text(account, "url", c->kid);
    return json_save(account, path, e);
}

/* RFC 8555 section 7.3: the payload of newAccount. */
static char *
payload(const struct acme_issuer *issuer)
{
    own_json struct json_t *object = json_new_object();

    if (object == NULL)
        return NULL;
    json_put_bool(object, "termsOfServiceAgreed", issuer->agree_terms);
    if (issuer->contact.count > 0)
        json_put_list(object, "contact", &issuer->contact);
    return json_encode(object);
}

static bool
terms_are_agreed(struct client *c, const struct acme_issuer *issuer, struct err *e)
{
    const struct json_t *meta = client_meta(c, e);
    const char *terms = NULL;

    if (meta == NULL)
        return false;
    terms = json_member_text(meta, "termsOfService");
    if (terms == NULL || issuer->agree_terms)
        return true;
    return err_set(e, ERR_CONFIG,
                   "register at '%s': read its terms of service at %s and set agree_terms = yes",
                   c->directory_url, terms);
}

bool
account_register(struct client *c, const struct acme_issuer *issuer, const char *directory,
                 struct err *e)
{
    own_mem char *text = payload(issuer);
    own_answer struct answer a = {0};

    if (text == NULL)
        return err_memory(e);
    if (!terms_are_agreed(c, issuer, e))
        return false;
    free(c->kid);
    c->kid = NULL; /* newAccount is signed with the key itself */
    if (!client_call(c, "newAccount", text, &a, e))
        return err_wrap(e, "register");
    if (a.location == NULL)
        return err_set(e, ERR_PROTOCOL, "register at '%s': the answer has no Location",
                       c->directory_url);
    c->kid = TAKE(a.location);
    return save_url(c, directory, e);
}
