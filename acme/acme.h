/* acme.h: the face of the ACME client (RFC 8555), which proves names by the DNS alone.
 *
 * acme_issue() carries one order from its creation to the downloaded chain, or resumes the one that
 * an earlier run has left in job->order_path. It never sees the private key of the certificate: the
 * caller brings the signing request. What it publishes in the DNS is in a journal first
 * (job->journal_path) and is removed at the end; acme_sweep() removes what a killed run has left.
 */
#ifndef PGCERT_ACME_ACME_H
#define PGCERT_ACME_ACME_H

#include "acme/dns.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/http.h"
#include "base/option.h"
#include "base/progress.h"
#include "base/str.h"

/* Characters of a name without "*.": the 253 of RFC 1035 section 2.3.4, less "_acme-challenge.". */
#define ACME_NAME_MAX 237

/* How the DNS proves that a name is ours: by a record of its own for each order, at
 * _acme-challenge.NAME; by the same record at a name of this account's own; by a record for the
 * account, published once. */
enum acme_challenge { ACME_DNS, ACME_DNS_ACCOUNT, ACME_DNS_PERSIST };

/* An [issuer NAME] section of type acme. */
struct acme_issuer {
    char *directory;     /* URL */
    char *rehearsal;     /* URL of another one, for tests; NULL: none */
    char *fallback;      /* the name of another issuer; NULL: none */
    struct list contact; /* "mailto:..." */
    bool agree_terms;
    int challenge;         /* enum acme_challenge */
    char *dns;             /* the name of the [dns NAME] section */
    char *preferred_chain; /* common name or SHA-256 of a root; NULL: what is offered first */
    char *profile;         /* NULL: the server's default */
    char *eab_kid;         /* external account binding (RFC 8555 section 7.3.4); NULL: none */
    char *eab_hmac_file;
    int eab_algorithm; /* enum jws_hmac */
    char *ca_file;     /* extra trust for the server's https; NULL: the system's roots alone */
    char *trust_file;  /* extra root in which issued chains may end; NULL: the system's alone */
};

extern const struct option acme_options[];

/* Where an account is. Everything is borrowed. */
struct acme_access {
    const struct acme_issuer *issuer;
    struct http *http;
    struct clock *clock;
    const char *account_dir; /* account.key, account.json, session.json */
};

/* A server and an account there, as the orders of one run share them. */
struct client;

/* Prepares one; asks nothing yet. `a` is borrowed until acme_close(). NULL and ERR_SYSTEM. */
MUST_USE struct client *acme_open(const struct acme_access *a, struct err *e);

/* Remembers directory and nonce, and frees. NULL is nothing to close. */
void acme_close(struct client *c);

/* One certificate to be obtained. Everything is borrowed. */
struct acme_job {
    const struct acme_access *access;
    struct client *client; /* of that access */
    struct dns *dns;
    struct progress *progress; /* may be NULL */
    const char *order_path;    /* the order in flight, JSON */
    const char *journal_path;  /* the published records, JSON */
    const struct list *names;  /* A-labels, "*." allowed in front */
    const struct str *csr_der;
    const char *replaces; /* acme_renewal_id() of what this issuer gave before; NULL: nothing */
};

/*
 * Obtains a chain.
 *
 * Gives:  chain_pem  as the server gave it, bounded but not judged, appended
 *         warning    what went wrong beside it (records that could not be removed), else unchanged
 * Errors: ERR_REFUSED, ERR_BUSY (retry_at_s), ERR_NETWORK, ERR_TIMEOUT, ERR_PROTOCOL, ERR_CONFIG,
 *         ERR_PERMISSION (by the name server), ERR_SYSTEM, ERR_CREATE; is_answer when it was the
 *         issuer's answer that ended it, and not our disk, our name server, or no connection
 * The order stays in order_path until acme_forget(), so that a crash right after loses nothing.
 */
MUST_USE bool acme_issue(const struct acme_job *job, struct str *chain_pem, struct err *warning,
                         struct err *e);

/* ---- the account ---- */

/* One of an account's orders, as the server tells it. All strings are owned and fit to be shown. */
struct acme_order {
    char *url;
    char *status; /* a word of RFC 8555 section 7.1.6 */
    struct list names;
    char *expires; /* RFC 3339; NULL: the server does not say */
};

/* What the server says of it. All strings are owned. */
struct acme_account {
    char *url;    /* NULL: there is none */
    char *status; /* "valid", "deactivated", "revoked" */
    struct list contact;
    char *terms;      /* URL of the server's terms of service; NULL: it has none */
    bool terms_known; /* the server says whether they were agreed to */
    bool terms_agreed;
    char *orders; /* URL of the list; NULL: the server does not say */
    struct acme_order *order_list;
    size_t order_count;
    bool orders_cut;          /* there are more than are in the list */
    char *orders_error;       /* why the list is not whole; NULL: it is */
    char thumbprint[44];      /* of the key (RFC 7638), base64url */
    int64_t deactivated_at_s; /* by us, and then nothing was asked; 0: not by us */
};

#define own_acme_account __attribute__((cleanup(acme_account_done)))

/*
 * Asks for the account and its orders, and makes none: out->url is NULL when there is none.
 *
 * Gives:  out  empty before
 * Errors: what acme_issue() has
 */
MUST_USE bool acme_account_show(const struct acme_access *a, struct acme_account *out,
                                struct err *e);

/* Registers unless it is; tells the server of changed contacts. After a deactivation it has a new
 * key. Errors: ERR_CONFIG  terms, binding or contact; and what acme_issue() has */
MUST_USE bool acme_account_register(const struct acme_access *a, struct acme_account *out,
                                    struct err *e);

/* Gives it another key (RFC 8555 section 7.3.5). ERR_INPUT: there is none. A run that is killed is
 * settled by the next one that uses the account. */
MUST_USE bool acme_account_rollover(const struct acme_access *a, struct err *e);

/* Deactivates it for good (RFC 8555 section 7.3.6). ERR_INPUT: there is none. */
MUST_USE bool acme_account_deactivate(const struct acme_access *a, struct err *e);

/*
 * Appends the account as text that acme_account_import() takes: URLs and key. It is a secret.
 *
 * Errors: ERR_INPUT  there is none, or it is deactivated; and what acme_issue() has
 */
MUST_USE bool acme_account_export(const struct acme_access *a, struct str *text, struct err *e);

/*
 * Makes an account that exists already this issuer's, here; asks the server for it, and makes none.
 *
 * Takes:  text   what acme_account_export() gave on another host, or a private key alone, in PEM or
 * as a JSON Web Key force  whatever account is here may be forgotten Gives:  out    empty before
 * Errors: ERR_INPUT    no key, not one for an account; the file is of another directory or account;
 *                      there is another account here
 *         ERR_REFUSED  the server knows no account of that key, or it is not valid any more
 *         and what acme_issue() has
 */
MUST_USE bool acme_account_import(const struct acme_access *a, const struct str *text, bool force,
                                  struct acme_account *out, struct err *e);

void acme_account_done(struct acme_account *a);

/* A record in the DNS that proves a name. Both are owned. */
struct acme_record {
    char *fqdn;  /* with the final dot */
    char *value; /* NULL: it is another one for each order, and we publish it ourselves */
    char *line;  /* of a zone file, ready to be pasted; NULL when value is */
};

struct acme_records {
    struct acme_record *items;
    size_t count;
    char *account_url; /* NULL: there is no account, and then no records where its URL is needed */
};

#define own_acme_records __attribute__((cleanup(acme_records_done)))

/*
 * Tells which records the issuer's challenge wants for these names, each once; publishes nothing.
 *
 * Gives:  all  empty before
 * Errors: ERR_INPUT     the account is deactivated
 *         ERR_PROTOCOL  the directory does not say what must be in them; and what acme_issue() has
 */
MUST_USE bool acme_records_find(const struct acme_access *a, const struct list *names,
                                struct acme_records *all, struct err *e);

void acme_records_done(struct acme_records *all);

/* The words for why a certificate is revoked (RFC 5280 section 5.3.1), as far as they are for its
 * holder to say; NULL-ended. */
extern const char *const acme_revoke_reasons[];

/* How it came to be revoked. */
enum acme_revoked { ACME_REVOKED_BY_ACCOUNT, ACME_REVOKED_BY_KEY, ACME_REVOKED_BEFORE };

/*
 * Revokes a certificate (RFC 8555 section 7.6): by the account, else by the certificate's own key.
 *
 * Takes:  key_pem, chain_pem  of the certificate
 *         reason              a word of acme_revoke_reasons
 * Errors: ERR_REFUSED  neither may; ERR_INPUT  key or chain is damaged; and what acme_issue() has
 */
MUST_USE bool acme_revoke(const struct acme_access *a, const struct str *key_pem,
                          const struct str *chain_pem, const char *reason, enum acme_revoked *how,
                          struct err *e);

/* ---- after an order ---- */

/* Forgets the order in flight: its chain is stored, or was not acceptable. */
MUST_USE bool acme_forget(const struct acme_job *job, struct err *e);
/* When the issuer would like a certificate to be renewed (RFC 9773). */
struct acme_window {
    int64_t start_s, end_s; /* start < end */
    char *explanation;      /* a URL for people; NULL: none */
    int64_t retry_at_s;     /* when to ask again; 0: it did not say */
};

#define own_window __attribute__((cleanup(acme_window_done)))

/* The id of the chain's first certificate, to be free()d. NULL and ERR_INPUT. */
MUST_USE char *acme_renewal_id(const struct str *chain_pem, struct err *e);

/*
 * Where to ask, by the directory that was read last; no network.
 *
 * Gives:  url  to be free()d; unchanged when the issuer has nothing to say of renewals
 * Errors: ERR_INPUT
 */
MUST_USE bool acme_renewal_url(const char *account_dir, const struct acme_issuer *issuer,
                               const struct str *chain_pem, char **url, struct err *e);

/* Asks, unsigned. ERR_NETWORK, ERR_TIMEOUT, ERR_BUSY, ERR_REFUSED (retry_at_s), ERR_PROTOCOL. */
MUST_USE bool acme_renewal_ask(struct http *http, const char *url, struct acme_window *w,
                               struct err *e);

void acme_window_done(struct acme_window *w);

/* Finds the [dns NAME] section of that name; NULL when there is none. */
typedef struct dns *acme_find_dns(void *user, const char *name);

/*
 * Removes the records of every journal in a directory; journals that are done are removed.
 *
 * Errors: the last failure; the journals which failed are still there
 */
MUST_USE bool acme_sweep(const char *journal_dir, acme_find_dns *find, void *user, struct err *e);

#endif
