/* rollover.c: the new key is on disk before the server hears of it. */
#include "acme/rollover.h"

#include "acme/account.h"
#include "acme/jws.h"
#include "base/file.h"
#include "base/key.h"
#include "base/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX 16384

/* Both files, owned. */
struct files {
    char *key, *next;
};

static void
files_done(struct files *f)
{
    free(f->key);
    free(f->next);
}

static bool
find_files(struct files *f, const char *directory, struct err *e)
{
    f->key = str_format("%s/account.key", directory);
    f->next = str_format("%s/account.key.new", directory);
    return (f->key != NULL && f->next != NULL) || err_memory(e);
}

/* The new key takes the place of the old one; killed in between, it is done again. */
static bool
adopt(struct client *c, const struct files *f, EVP_PKEY **key, struct err *e)
{
    own_str struct str pem = {0};

    if (!key_to_pem(*key, &pem, e) ||
        !file_replace(AT_FDCWD, f->key, pem.text, pem.size, 0600, e) ||
        !file_remove(AT_FDCWD, f->next, e))
        return false;
    key_drop(&c->key);
    c->key = TAKE(*key);
    return true;
}

/* ---- what was left ---- */

/* Asks with the new key; c has its own key again afterwards. */
static bool
server_knows(struct client *c, EVP_PKEY *key, bool *known, struct err *e)
{
    EVP_PKEY *own = c->key;
    own_mem char *kid = c->kid == NULL ? NULL : strdup(c->kid);
    own_answer struct answer a = {0};
    struct err refusal = {0};
    bool answered = false;

    if (c->kid != NULL && kid == NULL)
        return err_memory(e);
    c->key = key;
    *known = account_find(c, &a, &refusal);
    c->key = own;
    answered = *known || c->account_is_gone;
    if (!answered)
        *e = refusal;
    *known = *known && (kid == NULL || strcmp(kid, c->kid) == 0);
    c->account_is_gone = false;
    free(c->kid);
    c->kid = TAKE(kid);
    return answered;
}

bool
rollover_settle(struct client *c, const char *directory, struct err *e)
{
    __attribute__((cleanup(files_done))) struct files f = {0};
    own_str struct str pem = {0};
    own_pkey EVP_PKEY *key = NULL;
    bool found = false, known = false;

    if (!find_files(&f, directory, e) ||
        !file_read_if_there(AT_FDCWD, f.next, KEY_FILE_MAX, &pem, &found, e))
        return false;
    if (!found)
        return true;
    key = key_from_pem(pem.text, pem.size, e);
    if (key == NULL)
        return err_wrap(e, "read '%s'", f.next);
    if (!server_knows(c, key, &known, e))
        return err_wrap(e, "a change of the account key broke off, and which one holds is not "
                           "known yet");
    log_debug("the server knows the %s account key", known ? "new" : "old");
    return known ? adopt(c, &f, &key, e) : file_remove(AT_FDCWD, f.next, e);
}

/* ---- the change ---- */

/* RFC 8555 section 7.3.5: signed with the new key, inside of what the old one signs. */
static bool
make_payload(struct client *c, EVP_PKEY *key, struct str *payload, struct err *e)
{
    own_json struct json_t *object = json_new_object();
    own_str struct str old = {0};
    own_mem char *inner = NULL;
    own_mem char *url = NULL;

    /* both headers must name the same URL: it may not be a remembered one that has changed */
    if (!client_refresh(c, e) || !jws_jwk(c->key, &old, e))
        return false;
    url = client_url(c, "keyChange", e);
    if (url == NULL)
        return false;
    if (object == NULL)
        return err_memory(e);
    json_put_text(object, "account", c->kid);
    json_put(object, "oldKey", json_decode(old.text, old.size, e));
    inner = json_encode(object);
    return inner == NULL ? err_memory(e) : jws_sign(key, NULL, NULL, url, inner, payload, e);
}

bool
rollover_run(struct client *c, const char *directory, struct err *e)
{
    __attribute__((cleanup(files_done))) struct files f = {0};
    own_str struct str pem = {0}, payload = {0};
    own_pkey EVP_PKEY *key = key_generate(KEY_ECDSA_P256, e);
    own_answer struct answer a = {0};
    struct err ignored = {0};

    if (key == NULL || !find_files(&f, directory, e) || !make_payload(c, key, &payload, e) ||
        !key_to_pem(key, &pem, e) || !file_replace(AT_FDCWD, f.next, pem.text, pem.size, 0600, e))
        return false;
    if (client_call(c, "keyChange", payload.text, &a, e))
        return adopt(c, &f, &key, e);
    /* Even a clear refusal may be that of a request sent twice, whose first answer was lost: the
     * server is asked which key holds, by the next run when it cannot be reached now. */
    if (a.status >= 400 && a.status < 500) {
        if (!rollover_settle(c, directory, &ignored))
            log_debug("%s", ignored.text);
        else if (EVP_PKEY_eq(c->key, key) == 1)
            return true;
    }
    return err_wrap(e, "change the account key");
}
