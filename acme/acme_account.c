/* acme_account.c: what a person can do with an account. */
#include "acme/account.h"
#include "acme/acme.h"
#include "acme/client.h"
#include "acme/jws.h"
#include "acme/rollover.h"
#include "base/b64url.h"
#include "base/file.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* Makes a client of what is on disk; kid and key are NULL when they are not there. */
static bool
begin(const struct acme_access *a, struct client *c, int64_t *deactivated_at_s, struct err *e)
{
    own_mem char *session = str_format("%s/session.json", a->account_dir);

    if (session == NULL)
        return err_memory(e);
    if (!file_make_directory(a->account_dir, 0700, e))
        return false;
    file_remove_temporaries(a->account_dir);
    return client_init(c, a->http, a->clock, a->issuer->directory, session, e) &&
           account_load(c, a->account_dir, deactivated_at_s, e);
}

/* Remembers directory and nonce, whatever came. */
static bool
end(struct client *c, bool good)
{
    struct err ignored = {0};

    if (c->session_path != NULL && !client_save(c, &ignored))
        log_debug("the session is not remembered: %s", ignored.text);
    client_done(c);
    return good;
}

static bool
copy_text(char **to, const char *text)
{
    *to = text == NULL ? NULL : strdup(text);
    return text == NULL || *to != NULL;
}

/* ---- show ---- */

/* RFC 8555 section 7.1.2 */
static bool
fill(struct acme_account *out, struct client *c, const struct json_t *object, struct err *e)
{
    const struct json_t *contact = json_member(object, "contact");
    const struct json_t *meta = client_meta(c, e);
    unsigned char thumbprint[THUMBPRINT_SIZE];

    if (meta == NULL || !jws_thumbprint(c->key, thumbprint, e))
        return false;
    b64url_encode(out->thumbprint, thumbprint, sizeof(thumbprint));
    for (size_t i = 0; i < json_count(contact); i++)
        if (json_item_text(contact, i) != NULL &&
            !list_add(&out->contact, json_item_text(contact, i)))
            return err_memory(e);
    out->terms_known = json_member(object, "termsOfServiceAgreed") != NULL;
    out->terms_agreed = json_member_true(object, "termsOfServiceAgreed");
    return (copy_text(&out->url, c->kid) &&
            copy_text(&out->status, json_member_text(object, "status")) &&
            copy_text(&out->orders, json_member_text(object, "orders")) &&
            copy_text(&out->terms, json_member_text(meta, "termsOfService"))) ||
           err_memory(e);
}

static bool
ask(struct client *c, struct acme_account *out, struct err *e)
{
    own_answer struct answer a = {0};

    if (c->kid != NULL ? !client_post(c, c->kid, "", &a, e) : !account_find(c, &a, e))
        return false;
    if (a.json == NULL)
        return err_set(e, ERR_PROTOCOL, "the answer of %s is no account", c->kid);
    return fill(out, c, a.json, e);
}

/* An account that is not there is an answer, too. */
static bool
show(struct client *c, int64_t deactivated_at_s, struct acme_account *out, struct err *e)
{
    struct err refusal = {0};

    if (deactivated_at_s != 0) { /* the server speaks with it no more */
        out->deactivated_at_s = deactivated_at_s;
        return (copy_text(&out->url, c->kid) && copy_text(&out->status, "deactivated")) ||
               err_memory(e);
    }
    if (c->key == NULL || ask(c, out, &refusal) || c->account_is_gone)
        return true;
    *e = refusal;
    return false;
}

bool
acme_account_show(const struct acme_access *a, struct acme_account *out, struct err *e)
{
    struct client c = {0};
    int64_t deactivated_at_s = 0;

    return end(&c, begin(a, &c, &deactivated_at_s, e) && show(&c, deactivated_at_s, out, e));
}

/* ---- register ---- */

/* Brings the account into being, if it is not. */
static bool
reg(const struct acme_access *a, struct client *c, int64_t deactivated_at_s,
    struct acme_account *out, struct err *e)
{
    struct err refusal = {0};

    if ((c->key == NULL || deactivated_at_s != 0) && !account_make_key(c, a->account_dir, e))
        return false;
    if (c->kid == NULL || deactivated_at_s != 0)
        return account_register(c, a->issuer, a->account_dir, e) &&
               account_tell_contacts(c, a->issuer, a->account_dir, e) && ask(c, out, e);
    if (!account_tell_contacts(c, a->issuer, a->account_dir, &refusal) || !ask(c, out, &refusal)) {
        if (c->account_is_gone)
            return account_register(c, a->issuer, a->account_dir, e) && ask(c, out, e);
        *e = refusal;
        return false;
    }
    return true;
}

bool
acme_account_register(const struct acme_access *a, struct acme_account *out, struct err *e)
{
    struct client c = {0};
    int64_t deactivated_at_s = 0;

    return end(&c, begin(a, &c, &deactivated_at_s, e) && reg(a, &c, deactivated_at_s, out, e));
}

/* ---- rollover, deactivate ---- */

/* For what needs an account that is there. */
static bool
must_be(struct client *c, int64_t deactivated_at_s, struct err *e)
{
    own_answer struct answer a = {0};

    if (deactivated_at_s != 0)
        return err_set(e, ERR_INPUT, "the account is deactivated already");
    if (c->key == NULL)
        return err_set(e, ERR_INPUT, "there is no account yet");
    return c->kid != NULL || account_find(c, &a, e);
}

bool
acme_account_rollover(const struct acme_access *a, struct err *e)
{
    struct client c = {0};
    int64_t deactivated_at_s = 0;

    return end(&c, begin(a, &c, &deactivated_at_s, e) && must_be(&c, deactivated_at_s, e) &&
                       rollover_run(&c, a->account_dir, e));
}

static bool
deactivate(struct client *c, const char *directory, struct err *e)
{
    own_answer struct answer a = {0};

    if (!client_post(c, c->kid, "{\"status\":\"deactivated\"}", &a, e))
        return err_wrap(e, "deactivate the account");
    return account_mark_deactivated(c, directory, e);
}

bool
acme_account_deactivate(const struct acme_access *a, struct err *e)
{
    struct client c = {0};
    int64_t deactivated_at_s = 0;

    return end(&c, begin(a, &c, &deactivated_at_s, e) && must_be(&c, deactivated_at_s, e) &&
                       deactivate(&c, a->account_dir, e));
}

void
acme_account_done(struct acme_account *a)
{
    free(a->url);
    free(a->status);
    list_done(&a->contact);
    free(a->terms);
    free(a->orders);
    *a = (struct acme_account){0};
}
