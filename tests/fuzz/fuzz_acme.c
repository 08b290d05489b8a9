/* fuzz_acme.c: any answers of an ACME server: directory, account, order, authorizations, refusals.
 * The first byte chooses what is asked for, the rest is as peer.h has it. */
#include "tests/fuzz/peer.h"

#include "acme/account.h"
#include "acme/authz.h"
#include "acme/client.h"
#include "acme/order.h"
#include "acme/profile.h"
#include "base/b64url.h"
#include "base/key.h"

#define NOWHERE "/dev/null/nowhere" /* nothing can be kept there */

static const char *const name = "db.example.org";

static bool
ask_account(struct client *c, struct err *e)
{
    char contact[] = "mailto:a@example.org";
    char *contacts[] = {contact};
    const struct acme_issuer issuer = {.agree_terms = true, .contact = {contacts, 1}};

    MUST(!account_register(c, &issuer, NOWHERE, e)); /* it cannot be kept, whatever it is */
    MUST(c->kid == NULL || http_is_https(c->kid));
    return false;
}

static bool
ask_order(struct client *c, struct err *e)
{
    own_answer struct answer a = {0};
    own_list struct list names = {0};
    struct order o = {0};
    bool good = false;

    MUST(list_add(&names, name));
    good = client_call(c, "newOrder", "{}", &a, e);
    MUST(a.location == NULL || http_is_https(a.location));
    good =
        good && (a.json != NULL || err_set(e, ERR_PROTOCOL, "none")) && order_fill(&o, a.json, e);
    if (good) {
        MUST(http_is_https(o.finalize));
        MUST(o.certificate == NULL || http_is_https(o.certificate));
        for (size_t i = 0; i < o.authorizations.count; i++)
            MUST(http_is_https(o.authorizations.items[i]));
        (void)order_is_for(a.json, &names);
    }
    order_done(&o);
    return good;
}

static bool
ask_authz(struct client *c, struct err *e)
{
    own_list struct list urls = {0};
    own_list struct list names = {0};
    own_authzs struct authzs all = {0};
    bool good = false;

    MUST(list_add(&urls, "https://ca.test/1") && list_add(&urls, "https://ca.test/2"));
    MUST(list_add(&names, name) && list_add(&names, "*.example.net"));
    good = authzs_get(&all, c, &urls, &names, e);
    for (size_t i = 0; good && i < all.count; i++) {
        const struct authz *one = &all.items[i];

        MUST(strcmp(one->name, name) == 0 || strcmp(one->name, "example.net") == 0);
        MUST(one->is_valid || (http_is_https(one->challenge) && b64url_is(one->token)));
    }
    return good;
}

static bool
ask_why(struct client *c, struct err *e)
{
    own_list struct list urls = {0};

    MUST(list_add(&urls, "https://ca.test/1"));
    return authzs_explain(c, &urls, e);
}

static bool
ask_profile(struct client *c, struct err *e)
{
    char profile[] = "shortlived";
    const struct acme_issuer issuer = {.profile = profile};

    return profile_check(c, &issuer, e);
}

static bool
ask_chain(struct client *c, struct err *e)
{
    own_answer struct answer a = {0};
    bool good = client_post(c, "https://ca.test/cert", "", &a, e);

    for (size_t i = 0; i < a.alternates.count; i++)
        MUST(http_is_https(a.alternates.items[i]));
    return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool (*const asks[])(struct client * c, struct err * e) = {
        ask_account, ask_order, ask_authz, ask_why, ask_profile, ask_chain};
    static EVP_PKEY *key;
    struct err e = {0};
    struct peer p;
    own_client struct client c = {0};

    if (key == NULL)
        key = key_generate(KEY_ECDSA_P256, &e);
    if (size == 0 || key == NULL)
        return 0;
    peer_begin(&p, data + 1, size - 1);
    MUST(client_init(&c, &p.base, &p.clock, "https://ca.test/dir", NOWHERE, &e));
    MUST(EVP_PKEY_up_ref(key) == 1);
    c.key = key;
    if (!asks[data[0] % COUNT(asks)](&c, &e))
        peer_judge(&e);
    return 0;
}
