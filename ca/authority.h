/* authority.h: an open CA: its certificates, keys and files. For the room's own use. */
#ifndef PGCERT_CA_AUTHORITY_H
#define PGCERT_CA_AUTHORITY_H

#include "ca/ca.h"
#include "ca/issue.h"

#define AUTHORITY_UNFINISHED "unfinished" /* the file that is there while `ca init` is at work */
#define AUTHORITY_BACKDATED_S 300         /* for clocks that are slow */

/* One of the three. */
struct authority {
    X509 *cert;
    EVP_PKEY *key; /* NULL: not read yet */
    char id[ISSUE_KEY_ID_TEXT];
};

struct ca {
    const struct ca_config *config; /* borrowed */
    struct clock *clock;            /* borrowed */
    int lock;
    struct authority all[CA_ROLE_COUNT];
    char *index_path;
};

/* How the files of each are named: NAME.crt, NAME.key; and its CRL. */
struct authority_files {
    const char *word; /* for people */
    const char *name;
    const char *crl;
    enum kind_id kind;
};

extern const struct authority_files authority_files[CA_ROLE_COUNT];

/* DIRECTORY/NAME + END; free() it. NULL: out of memory. */
MUST_USE char *authority_path(const struct ca_config *config, const char *name, const char *end);

/* Locks the directory and gives an empty struct. Errors as ca_open(). */
MUST_USE struct ca *authority_lock(const struct ca_config *config, struct clock *clock,
                                   struct err *e);

/* Reads the certificates. ERR_INPUT, ERR_SYSTEM. */
MUST_USE bool authority_load(struct ca *ca, struct err *e);

/* The private key, read when first needed; borrowed. NULL and ERR_CONFIG (the root's is kept
 * elsewhere; it is encrypted by something else), ERR_INPUT (not the certificate's), ERR_PERMISSION,
 * ERR_SYSTEM. */
MUST_USE EVP_PKEY *authority_key(struct ca *ca, enum ca_role role, struct err *e);

/* The passphrase of the keys; empty where there is none. Errors as file_read_secret(); ERR_CONFIG
 * when the file is empty. */
MUST_USE bool authority_passphrase(const struct ca_config *config, struct str *passphrase,
                                   struct err *e);

/* Is its key in the directory? */
bool authority_has_key(const struct ca *ca, enum ca_role role);

/*
 * Signs: serial, the line in the index, then the signature.
 *
 * Takes:  issue  without serial
 *         name   for the index
 */
MUST_USE X509 *authority_sign(struct ca *ca, struct issue *issue, const char *name, struct err *e);

#endif
