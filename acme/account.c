/* account.c: key, URL and contacts of the account. */
#include "acme/account.h"

#include "acme/eab.h"
#include "acme/rollover.h"
#include "acme/transfer.h"
#include "base/file.h"
#include "base/key.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX 16384

/* ---- the key ---- */

static bool
load_key(struct client *c, const char *directory, struct err *e)
{
    own_mem char *path = str_format("%s/account.key", directory);
    own_str struct str pem = {0};
    own_pkey EVP_PKEY *key = NULL;
    bool found = false;

    if (path == NULL)
        return err_memory(e);
    if (!file_read_if_there(AT_FDCWD, path, KEY_FILE_MAX, &pem, &found, e))
        return false;
    if (!found)
        return true;
    key = key_from_pem(pem.text, pem.size, e);
    if (key == NULL)
        return err_wrap(e, "read '%s'", path);
    if (!transfer_takes_key(key))
        return err_set(e, ERR_INPUT, "read '%s': it is not a key that an account can have", path);
    c->key = TAKE(key);
    return true;
}

static bool
save_key(const EVP_PKEY *key, const char *directory, struct err *e)
{
    own_mem char *path = str_format("%s/account.key", directory);
    own_str struct str pem = {0};

    if (path == NULL)
        return err_memory(e);
    return key_to_pem(key, &pem, e) && file_replace(AT_FDCWD, path, pem.text, pem.size, 0600, e);
}

bool
account_make_key(struct client *c, const char *directory, struct err *e)
{
    own_pkey EVP_PKEY *key = key_generate(KEY_ECDSA_P256, e);

    if (key == NULL || !save_key(key, directory, e))
        return false;
    key_drop(&c->key);
    c->key = TAKE(key);
    return true;
}

/* ---- what is remembered ---- */

/* account.json when it is of this server, else an empty object; NULL when it is damaged. */
static struct json_t *
load_memory(const struct client *c, const char *directory, struct err *e)
{
    own_mem char *path = str_format("%s/account.json", directory);
    own_json struct json_t *account = NULL;
    const char *server = NULL;

    if (path == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    account = json_load(path, e);
    if (account == NULL)
        return NULL;
    server = json_member_text(account, "directory");
    if (server != NULL && strcmp(server, c->directory_url) == 0)
        return TAKE(account);
    return json_new_object();
}

/* What the server was told last stays with it, so that a change is noticed. */
static bool
save_memory(const struct client *c, const char *directory, const struct list *contact,
            int64_t deactivated_at_s, struct err *e)
{
    own_mem char *path = str_format("%s/account.json", directory);
    own_json struct json_t *account = json_new_object();

    if (path == NULL || account == NULL)
        return err_memory(e);
    json_put_text(account, "directory", c->directory_url);
    json_put_text(account, "url", c->kid);
    json_put_list(account, "contact", contact);
    if (deactivated_at_s != 0)
        json_put_time(account, "deactivated_at", deactivated_at_s);
    return json_save(account, path, e);
}

bool
account_load(struct client *c, const char *directory, int64_t *deactivated_at_s, struct err *e)
{
    own_json struct json_t *account = load_memory(c, directory, e);
    const char *url = NULL;
    const char *deactivated = NULL;

    *deactivated_at_s = 0;
    if (account == NULL || !load_key(c, directory, e))
        return false;
    url = json_member_text(account, "url");
    deactivated = json_member_text(account, "deactivated_at");
    c->kid = url == NULL ? NULL : strdup(url);
    if (url != NULL && c->kid == NULL)
        return err_memory(e);
    if (deactivated != NULL && !clock_parse(deactivated_at_s, deactivated))
        return err_set(e, ERR_INPUT, "'%s/account.json' is damaged: deactivated_at", directory);
    return rollover_settle(c, directory, e);
}

bool
account_open(struct client *c, const struct acme_issuer *issuer, const char *directory,
             struct err *e)
{
    int64_t deactivated_at_s = 0;
    char when[CLOCK_TEXT_SIZE];

    if (!file_make_directory(directory, 0700, e))
        return false;
    file_remove_temporaries(directory);
    if (!account_load(c, directory, &deactivated_at_s, e))
        return false;
    if (deactivated_at_s != 0 && c->kid != NULL) {
        clock_text(when, deactivated_at_s);
        return err_set(e, ERR_REFUSED,
                       "the account %s was deactivated on %.10s; make a new one by: pgcert account "
                       "register",
                       c->kid, when);
    }
    if (c->key == NULL && !account_make_key(c, directory, e))
        return false;
    return c->kid != NULL || account_register(c, issuer, directory, e);
}

/* ---- registration ---- */

/* RFC 8555 section 7.3: the payload of newAccount. */
static char *
payload(struct client *c, const struct acme_issuer *issuer, struct err *e)
{
    own_json struct json_t *object = json_new_object();
    char *text = NULL;

    if (object == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    json_put_bool(object, "termsOfServiceAgreed", issuer->agree_terms);
    if (issuer->contact.count > 0)
        json_put_list(object, "contact", &issuer->contact);
    if (!eab_add(object, c, issuer, e))
        return NULL;
    text = json_encode(object);
    if (text == NULL)
        (void)err_memory(e);
    return text;
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

/* What the server has as contacts: of an account that was there, its own; it took ours else. */
static bool
contacts_of(const struct answer *a, const struct acme_issuer *issuer, struct list *contact)
{
    return a->status != 200 ? list_copy(contact, &issuer->contact)
                            : json_texts(json_member(a->json, "contact"), contact);
}

static bool
tell_refused(const struct client *c, const struct acme_issuer *issuer, struct err *e)
{
    if (!eab_is_set(issuer) || err_is_temporary(e))
        return err_wrap(e, "register");
    return err_wrap(e, "register at '%s' with eab_kid '%s' and the key in eab_hmac_file '%s'",
                    c->directory_url, issuer->eab_kid, issuer->eab_hmac_file);
}

bool
account_register(struct client *c, const struct acme_issuer *issuer, const char *directory,
                 struct err *e)
{
    own_mem char *text = NULL;
    own_answer struct answer a = {0};
    own_list struct list contact = {0};

    if (!terms_are_agreed(c, issuer, e))
        return false;
    text = payload(c, issuer, e);
    if (text == NULL)
        return err_wrap(e, "register");
    if (!client_call(c, "newAccount", text, &a, e))
        return tell_refused(c, issuer, e);
    if (a.location == NULL)
        return err_set(e, ERR_PROTOCOL,
                       "register at '%s': the answer has no Location that is an https URL",
                       c->directory_url);
    free(c->kid);
    c->kid = TAKE(a.location);
    if (!contacts_of(&a, issuer, &contact))
        return err_memory(e);
    return save_memory(c, directory, &contact, 0, e);
}

bool
account_find(struct client *c, struct answer *a, struct err *e)
{
    if (!client_call(c, "newAccount", "{\"onlyReturnExisting\":true}", a, e))
        return err_wrap(e, "look for the account");
    if (a->location == NULL)
        return err_set(e, ERR_PROTOCOL, "look for the account at '%s': the answer has no Location",
                       c->directory_url);
    free(c->kid);
    c->kid = strdup(a->location);
    return c->kid != NULL || err_memory(e);
}

/* What was remembered goes first: with another key it would be false, and without it the account is
 * found by its key. */
bool
account_adopt(const struct client *c, const char *directory, const struct answer *found,
              struct err *e)
{
    own_mem char *memory = str_format("%s/account.json", directory);
    own_list struct list contact = {0};

    if (memory == NULL || !json_texts(json_member(found->json, "contact"), &contact))
        return err_memory(e);
    return file_remove(AT_FDCWD, memory, e) && save_key(c->key, directory, e) &&
           save_memory(c, directory, &contact, 0, e);
}

/* ---- changes ---- */

bool
account_tell_contacts(struct client *c, const struct acme_issuer *issuer, const char *directory,
                      struct err *e)
{
    own_json struct json_t *account = load_memory(c, directory, e);
    own_json struct json_t *object = json_new_object();
    own_list struct list told = {0};
    own_mem char *text = NULL;
    own_answer struct answer a = {0};

    if (account == NULL)
        return false;
    for (size_t i = 0; i < json_count(json_member(account, "contact")); i++)
        if (!list_add(&told, json_item_text(json_member(account, "contact"), i)))
            return err_memory(e);
    if (list_same(&told, &issuer->contact))
        return true;
    json_put_list(object, "contact", &issuer->contact);
    text = json_encode(object);
    if (text == NULL)
        return err_memory(e);
    if (!client_post(c, c->kid, text, &a, e))
        return err_wrap(e, "change the contacts of the account");
    return save_memory(c, directory, &issuer->contact, 0, e);
}

bool
account_mark_deactivated(const struct client *c, const char *directory, struct err *e)
{
    const struct list nobody = {0};

    return save_memory(c, directory, &nobody, c->clock->now_s(c->clock), e);
}
