/* authority.h: an open CA: its certificates, keys and files. For the room's own use. */
#ifndef PGCERT_CA_AUTHORITY_H
#define PGCERT_CA_AUTHORITY_H

#include "ca/ca.h"
#include "ca/index.h"
#include "ca/issue.h"
#include "ca/token.h"

#define AUTHORITY_UNFINISHED "unfinished" /* the file that is there while `ca init` is at work */
#define AUTHORITY_BACKDATED_S 300         /* for clocks that are slow */
#define AUTHORITY_TENANTS "tenants"       /* the directory of their files */
#define AUTHORITY_NEXT "next"             /* the directory of what a rollover brings */

/* One CA. */
struct authority {
    enum ca_role role;
    char *tenant;  /* NULL: none */
    bool is_next;  /* a rollover brings it */
    char *word;    /* for people, and in crl.json: "clients" */
    char *name;    /* of its files below the directory: NAME.crt NAME.key NAME.crl */
    X509 *cert;    /* NULL: it is being made */
    EVP_PKEY *key; /* NULL: not read yet */
    char id[ISSUE_KEY_ID_TEXT];
    struct err no_key; /* why its key could not be read; once is enough for a run */
};

/* What an authority is to sign. */
struct authority_order {
    struct authority *issuer;  /* borrowed; one without certificate signs itself */
    struct issue issue;        /* with serial */
    const char *name, *tenant; /* for the index; borrowed */
};

struct ca {
    const struct ca_config *config; /* borrowed */
    struct clock *clock;            /* borrowed */
    int lock;
    struct authority **all; /* root, servers, clients, tenants; then the same that come next */
    size_t count;
    char *index_path;
    struct ca_rollover rollover;
    X509 *cross;         /* the next root, signed by the present one; NULL: none */
    struct token *token; /* NULL: no key of a token was needed yet */
};

/* DIRECTORY/NAME + END; free() it. NULL: out of memory. */
MUST_USE char *authority_path(const struct ca_config *config, const char *name, const char *end);

/* Locks the directory and gives a struct without any CA. Errors as ca_open(). */
MUST_USE struct ca *authority_lock(const struct ca_config *config, struct clock *clock,
                                   struct err *e);

/* Reads the certificates of all. ERR_INPUT, ERR_SYSTEM. */
MUST_USE bool authority_load(struct ca *ca, struct err *e);

/* Forgets them and reads them again. Errors as authority_load(). */
MUST_USE bool authority_reload(struct ca *ca, struct err *e);

/* Adds one that has no certificate yet; borrowed. NULL and ERR_SYSTEM. */
MUST_USE struct authority *authority_add(struct ca *ca, enum ca_role role, const char *tenant,
                                         bool is_next, struct err *e);

/* The one of that role, of that tenant (NULL: none), which signs now; borrowed. NULL: there is
 * none. */
struct authority *authority_find(const struct ca *ca, enum ca_role role, const char *tenant);

/* The same of the present ones or of the next, whichever sign. */
struct authority *authority_find_of(const struct ca *ca, enum ca_role role, const char *tenant,
                                    bool is_next);

/* Do the next ones sign? */
bool authority_is_switched(const struct ca *ca);

/* The root that signed it; itself where it is one. Borrowed. */
struct authority *authority_root(const struct ca *ca, const struct authority *a);

/* Does PostgreSQL (or who checks a server's certificate) need it, and its CRL?
 *
 * Takes:  purpose  CA_CLIENTS or CA_SERVERS; CA_ROOT: the roots alone */
bool authority_is_for(const struct authority *a, enum ca_role purpose);

/* The private key, read when first needed, and not tried again when that fails; borrowed. NULL and
 * ERR_CONFIG (the root's is kept elsewhere; it is encrypted by something else), ERR_INPUT (not the
 * certificate's), ERR_PERMISSION, ERR_SYSTEM, and those of token_open() and token_find(). */
MUST_USE EVP_PKEY *authority_key(struct ca *ca, struct authority *a, struct err *e);

/* The URI of its key in a token, borrowed of the settings; NULL: it is in no token, as those of
 * tenants are. */
const char *authority_uri(const struct ca_config *config, const struct authority *a);

/* Finds that key, or with `make` makes it where it is missing; NULL as in authority_key(). */
MUST_USE EVP_PKEY *authority_token_key(struct ca *ca, const struct authority *a, bool make,
                                       struct err *e);

/* The passphrase of the keys; empty where there is none. Errors as file_read_secret(); ERR_CONFIG
 * when the file is empty. */
MUST_USE bool authority_passphrase(const struct ca_config *config, struct str *passphrase,
                                   struct err *e);

/* Is its key in the directory, or in a token? */
bool authority_has_key(const struct ca *ca, const struct authority *a);

/* From 5 minutes back, for that long, but never longer than the issuer. ERR_REFUSED: that one has
 * expired. */
MUST_USE bool authority_set_times(const struct ca *ca, const struct authority *issuer,
                                  int64_t lifetime_s, struct issue *issue, struct err *e);

/* Records in the index what is to be signed; it is on disk when this returns. The keys are read
 * first: nothing is recorded that cannot be signed. Errors as authority_key(), index_add_issued().
 */
MUST_USE bool authority_record(struct ca *ca, const struct authority_order *orders, size_t count,
                               struct err *e);

/* Signs what is recorded. ERR_INTERNAL; and, where authority_record() has not been called in this
 * process, those of authority_key(). One that was forked from it may sign as well, but by no key
 * that is in a token: its driver knows the first process only. */
MUST_USE X509 *authority_sign_recorded(struct ca *ca, const struct authority_order *order,
                                       struct err *e);

/*
 * Does both for one, with a new serial.
 *
 * Takes:  issuer  one without certificate signs itself
 *         issue   without serial
 *         about   name and tenant, for the index
 */
MUST_USE X509 *authority_sign(struct ca *ca, struct authority *issuer, const struct issue *issue,
                              const struct index_entry *about, struct err *e);

#endif
