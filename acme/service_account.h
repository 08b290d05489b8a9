/* service_account.h: the key file of a Google service account, and the grant made with it. */
#ifndef PGCERT_ACME_SERVICE_ACCOUNT_H
#define PGCERT_ACME_SERVICE_ACCOUNT_H

#include "base/err.h"
#include "base/key.h"

struct service_account {
    char *email;   /* client_email */
    char *key_id;  /* private_key_id; NULL: the file has none */
    char *project; /* project_id; NULL: the file has none */
    char *url;     /* token_uri, https */
    EVP_PKEY *key; /* RSA */
};

/*
 * Reads the JSON that Google gives for a key of a service account.
 *
 * Gives:  account  zeroed before; service_account_done() frees it, also after a failure
 * Errors: ERR_CONFIG  it is not JSON, or the credentials of something else; a member is missing;
 * the token_uri is not https, the key not RSA of at most 4096 bits. What the file holds is not
 * told. Source: cloud.google.com/iam/docs/keys-create-delete
 */
MUST_USE bool service_account_parse(struct service_account *account, const char *text, size_t size,
                                    struct err *e);

/*
 * Makes the form which asks for an access token: a JWT, signed with RS256, that is good for an
 * hour.
 *
 * Takes:  scope  what the token shall be good for
 * Gives:  form   appended; *assertion is where in it the JWT begins
 * Errors: ERR_INTERNAL
 * Source: RFC 7523 sections 2.1 and 3;
 * developers.google.com/identity/protocols/oauth2/service-account
 */
MUST_USE bool service_account_form(const struct service_account *account, const char *scope,
                                   int64_t now_s, struct str *form, size_t *assertion,
                                   struct err *e);

void service_account_done(struct service_account *account);

#endif
