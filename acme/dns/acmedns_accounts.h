/* acmedns_accounts.h: the file of accounts at acme-dns, one for each domain, which lego,
 * acme-dns-client and certbot's hook have in common: {"DOMAIN": {"fulldomain", "subdomain",
 * "username", "password", "server_url"}}.
 *
 * Source: github.com/nrdcg/goacmedns
 */
#ifndef PGCERT_ACME_DNS_ACMEDNS_ACCOUNTS_H
#define PGCERT_ACME_DNS_ACMEDNS_ACCOUNTS_H

#include "base/dns.h"
#include "base/err.h"
#include "base/json.h"

/* All strings are owned; the password is wiped. */
struct acmedns_account {
    char *domain;
    char fulldomain[DNS_NAME_SIZE];
    char *subdomain;
    char *username;
    char *password;
    char *endpoint;  /* URL without a final slash; not judged */
    bool is_damaged; /* it says too little to be used */
    size_t values;   /* that shall be published */
};

struct acmedns_accounts {
    struct acmedns_account *items;
    size_t count;
};

/*
 * Reads the file.
 *
 * Takes:  may_be_missing  then it is an empty object
 * Errors: what file_read_secret() has; ERR_CONFIG  no JSON
 */
MUST_USE struct json_t *acmedns_accounts_load(const char *file, bool may_be_missing, struct err *e);

/* All accounts of the file, instead of those that were there; `endpoint` (NULL: none) is of those
 * that have no server_url. ERR_SYSTEM. */
MUST_USE bool acmedns_accounts_take(struct acmedns_accounts *all, const struct json_t *json,
                                    const char *endpoint, struct err *e);

/* One more; borrowed until the next is added. NULL and ERR_SYSTEM. */
MUST_USE struct acmedns_account *acmedns_accounts_add(struct acmedns_accounts *all,
                                                      const struct json_t *from, const char *domain,
                                                      const char *endpoint, struct err *e);

/* With or without a final dot. NULL when there is none. */
struct acmedns_account *acmedns_accounts_find(const struct acmedns_accounts *all,
                                              const char *domain);

/* May passwords be sent there: https, or an address of this machine? */
bool acmedns_accounts_is_endpoint(const char *url);

/* Cuts the final slashes: paths begin with one. */
void acmedns_accounts_cut(char *url);

void acmedns_accounts_done(struct acmedns_accounts *all);

#endif
