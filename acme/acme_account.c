/* acme_account.c: what a person can do with an account. */
#include "acme/account.h"
#include "acme/acme.h"
#include "acme/client.h"
#include "acme/jws.h"
#include "acme/orders.h"
#include "acme/rollover.h"
#include "acme/transfer.h"
#include "acme/visit.h"
#include "base/b64url.h"
#include "base/key.h"

#include <stdlib.h>
#include <string.h>

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
    if (!json_texts(contact, &out->contact))
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

/* That they cannot be read does not hide the account. */
static bool
read_orders(struct client *c, struct acme_account *out, struct err *e)
{
    struct err why = {0};

    return orders_read(out, c, &why) || copy_text(&out->orders_error, why.text) || err_memory(e);
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
    if (c->key != NULL && !ask(c, out, &refusal) && !c->account_is_gone) {
        *e = refusal;
        return false;
    }
    return out->orders == NULL || read_orders(c, out, e);
}

bool
acme_account_show(const struct acme_access *a, struct acme_account *out, struct err *e)
{
    struct client c = {0};
    int64_t deactivated_at_s = 0;

    return visit_end(&c, visit_begin(a, &c, &deactivated_at_s, e) &&
                             show(&c, deactivated_at_s, out, e));
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

    return visit_end(&c, visit_begin(a, &c, &deactivated_at_s, e) &&
                             reg(a, &c, deactivated_at_s, out, e));
}

/* ---- rollover, deactivate ---- */

bool
acme_account_rollover(const struct acme_access *a, struct err *e)
{
    struct client c = {0};
    int64_t deactivated_at_s = 0;

    return visit_end(&c, visit_begin(a, &c, &deactivated_at_s, e) &&
                             visit_needs_account(&c, deactivated_at_s, e) &&
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

    return visit_end(&c, visit_begin(a, &c, &deactivated_at_s, e) &&
                             visit_needs_account(&c, deactivated_at_s, e) &&
                             deactivate(&c, a->account_dir, e));
}

/* ---- from host to host ---- */

static bool
export_it(struct client *c, struct str *text, struct err *e)
{
    const struct transfer t = {c->key, c->directory_url, c->kid};

    return transfer_write(&t, text, e);
}

bool
acme_account_export(const struct acme_access *a, struct str *text, struct err *e)
{
    struct client c = {0};
    int64_t deactivated_at_s = 0;

    return visit_end(&c, visit_begin(a, &c, &deactivated_at_s, e) &&
                             visit_needs_account(&c, deactivated_at_s, e) &&
                             export_it(&c, text, e));
}

/* May what comes take the place of what is here? */
static bool
may_replace(const struct client *c, int64_t deactivated_at_s, const struct transfer *t,
            struct err *e)
{
    if (t->directory != NULL && strcmp(t->directory, c->directory_url) != 0)
        return err_set(e, ERR_INPUT, "the account is one at '%s', and directory = %s here",
                       t->directory, c->directory_url);
    if (c->key == NULL || deactivated_at_s != 0 || EVP_PKEY_eq(c->key, t->key) == 1)
        return true;
    return err_set(e, ERR_INPUT,
                   "there is another account here already%s%s; whoever wants it forgotten adds: "
                   "--force",
                   c->kid == NULL ? "" : ": ", c->kid == NULL ? "" : c->kid);
}

/* Asks for the account of the key that came; c has key and kid of it then. */
static bool
find_it(struct client *c, struct transfer *t, struct answer *found, struct err *e)
{
    const char *status = NULL;

    key_drop(&c->key);
    c->key = TAKE(t->key);
    free(c->kid);
    c->kid = NULL;
    if (!account_find(c, found, e))
        return c->account_is_gone ? err_set(e, ERR_REFUSED, "the key belongs to no account at '%s'",
                                            c->directory_url)
                                  : false;
    if (t->account != NULL && strcmp(t->account, c->kid) != 0)
        return err_set(e, ERR_INPUT, "the key is not of the account '%s' but of '%s'", t->account,
                       c->kid);
    status = json_member_text(found->json, "status");
    return status == NULL || strcmp(status, "valid") == 0 ||
           err_set(e, ERR_REFUSED, "the account '%s' is %s", c->kid, status);
}

static bool
import_it(const struct acme_access *a, struct client *c, struct transfer *t,
          struct acme_account *out, struct err *e)
{
    own_answer struct answer found = {0};

    return find_it(c, t, &found, e) && account_adopt(c, a->account_dir, &found, e) &&
           ask(c, out, e);
}

bool
acme_account_import(const struct acme_access *a, const struct str *text, bool force,
                    struct acme_account *out, struct err *e)
{
    own_transfer struct transfer t = {0};
    struct client c = {0};
    int64_t deactivated_at_s = 0;

    if (!transfer_read(&t, text, e))
        return false;
    return visit_end(&c, visit_begin(a, &c, &deactivated_at_s, e) &&
                             may_replace(&c, force ? 1 : deactivated_at_s, &t, e) &&
                             import_it(a, &c, &t, out, e));
}

void
acme_account_done(struct acme_account *a)
{
    free(a->url);
    free(a->status);
    list_done(&a->contact);
    free(a->terms);
    free(a->orders);
    orders_done(a);
    free(a->orders_error);
    *a = (struct acme_account){0};
}
