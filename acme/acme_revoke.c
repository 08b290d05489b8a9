/* acme_revoke.c: revoke a certificate (RFC 8555 section 7.6). */
#include "acme/account.h"
#include "acme/acme.h"
#include "acme/client.h"
#include "acme/problem.h"
#include "base/b64url.h"
#include "base/cert.h"
#include "base/key.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

const char *const acme_revoke_reasons[] = {
    "unspecified", "keyCompromise",        "affiliationChanged",
    "superseded",  "cessationOfOperation", "privilegeWithdrawn",
    NULL,
};

/* RFC 5280 section 5.3.1, in the order of the words. cACompromise, certificateHold, removeFromCRL
 * and aACompromise are not for the holder of a server's certificate. */
static const int codes[] = {0, 1, 3, 4, 5, 9};

static int
code_of(const char *reason)
{
    for (size_t i = 0; acme_revoke_reasons[i] != NULL; i++)
        if (strcmp(acme_revoke_reasons[i], reason) == 0)
            return codes[i];
    return 0;
}

static char *
make_payload(const struct str *chain_pem, const char *reason, struct err *e)
{
    own_chain struct chain chain = {0};
    own_str struct str leaf = {0};
    unsigned char *der = NULL;
    int size = 0;
    char *text = NULL;

    if (!chain_from_pem(&chain, chain_pem->text, chain_pem->size, e))
        return NULL;
    size = i2d_X509(chain.certs[0], &der);
    if (size > 0 && b64url_add(&leaf, der, (size_t)size))
        text = str_format("{\"certificate\":\"%s\",\"reason\":%d}", leaf.text, code_of(reason));
    OPENSSL_free(der);
    if (text == NULL)
        (void)err_memory(e);
    return text;
}

/* That it is revoked already is what was wanted. */
static bool
post(struct client *c, const char *payload, enum acme_revoked done, enum acme_revoked *how,
     struct err *e)
{
    own_answer struct answer a = {0};
    struct err refusal = {0};

    *how = done;
    if (client_call(c, "revokeCert", payload, &a, &refusal))
        return true;
    *how = ACME_REVOKED_BEFORE;
    if (problem_is(a.json, "alreadyRevoked"))
        return true;
    *e = refusal;
    return false;
}

/* Signed by the account, when there is one; then by the certificate's key. */
static bool
revoke(struct client *c, bool has_account, const struct str *key_pem, const char *payload,
       enum acme_revoked *how, struct err *e)
{
    struct err refusal = {0};
    own_pkey EVP_PKEY *key = NULL;

    if (has_account) {
        if (post(c, payload, ACME_REVOKED_BY_ACCOUNT, how, &refusal))
            return true;
        if (refusal.code != ERR_REFUSED) {
            *e = refusal;
            return false;
        }
        log_debug("the account may not revoke it: %s", refusal.text);
    }
    key = key_from_pem(key_pem->text, key_pem->size, e);
    if (key == NULL)
        return false;
    key_drop(&c->key);
    c->key = TAKE(key);
    free(c->kid);
    c->kid = NULL; /* the key itself is in the header then */
    if (post(c, payload, ACME_REVOKED_BY_KEY, how, e))
        return true;
    if (refusal.code != ERR_NONE)
        (void)err_wrap(e, "not by the account (%s) nor by the certificate's key", refusal.text);
    return false;
}

bool
acme_revoke(const struct acme_access *a, const struct str *key_pem, const struct str *chain_pem,
            const char *reason, enum acme_revoked *how, struct err *e)
{
    own_client struct client c = {0};
    own_mem char *session = str_format("%s/session.json", a->account_dir);
    own_mem char *payload = make_payload(chain_pem, reason, e);
    int64_t deactivated_at_s = 0;
    struct err ignored = {0};
    bool good = false;

    if (payload == NULL)
        return false;
    if (session == NULL)
        return err_memory(e);
    if (!client_init(&c, a->http, a->clock, a->issuer->directory, session, e))
        return false;
    /* without the account, whatever is wrong with it, there is the other key */
    if (!account_load(&c, a->account_dir, &deactivated_at_s, &ignored))
        log_debug("the account is not used: %s", ignored.text);
    good = revoke(&c, c.key != NULL && c.kid != NULL && deactivated_at_s == 0, key_pem, payload,
                  how, e);
    if (good && !client_save(&c, &ignored))
        log_debug("the session is not remembered: %s", ignored.text);
    return good;
}
