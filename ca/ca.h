/* ca.h: the face of the private CA (RFC 5280).
 *
 * A root signs two issuing CAs: one for servers, one for clients, so that what PostgreSQL trusts
 * for clients cannot be used to fake a server, nor the other way round. A tenant has an issuing CA
 * of its own, which can sign for no other organization. All that is signed stands
 * in an append-only index first. On disk, in [ca] directory, whose certificates and CRLs everybody
 * may read, and nothing else:
 *
 *   root.crt server-ca.crt client-ca.crt    the three certificates, PEM
 *   root.key server-ca.key client-ca.key    their keys, 0600; root.key may be kept elsewhere
 *   index                                   what was issued and revoked, a line an event
 *   root.crl server-ca.crl client-ca.crl    the CRL of each
 *   clients.crl servers.crl                 CRLs as they are published: of every CA that may be in
 *                                           a chain
 *   crl.json                                numbers and times of the CRLs
 *   canary*.pem                             client certificates with their keys, by which it is
 *                                           proved what a server trusts, and what it does not; for
 *                                           the directory's group as well where that is setgid
 *   clients/USER/ clients/USER@TENANT/      bundles for clients
 *   tenants/TENANT.crt .key .crl            an issuing CA for the clients of one tenant
 *   ending.json                             whose sessions are to end
 *   rollover.json next/ old/NUMBER/         while all of these are replaced: where that stands, and
 *                                           what comes; root.crt has both roots then. Afterwards
 *                                           the certificates and last CRLs of before
 */
#ifndef PGCERT_CA_CA_H
#define PGCERT_CA_CA_H

#include "base/cert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/key.h"
#include "base/option.h"
#include "base/str.h"

/* ---- settings ---- */

/* The section [ca]. */
struct ca_config {
    char *directory;                          /* NULL: the caller fills in STATE/ca */
    char *socket;                             /* where another user's CA is asked; NULL: nowhere */
    char *organization;                       /* NULL: none */
    int key_type;                             /* enum key_type, of the CAs */
    char *passphrase_file;                    /* its keys are encrypted; NULL: they are not */
    char *root_key, *server_key, *client_key; /* PKCS#11 URIs; NULL: in a file */
    char *pkcs11_module; /* the driver of the token; NULL: that of OpenSSL's provider */
    char *pin_file;      /* NULL: the token wants none */
    int64_t root_lifetime_s, issuing_lifetime_s, server_lifetime_s, client_lifetime_s;
    int64_t crl_lifetime_s;
    struct list privileged; /* names of roles that nobody gets by mistake */
};

extern const struct option ca_options[];

/* What a single value cannot say: lifetimes that contradict each other, a URI that names no key,
 * or the same as another, a kind of key that does not sign for a CA. ERR_CONFIG. */
MUST_USE bool ca_check_config(const struct ca_config *config, struct err *e);

/* Can a CA have keys of that type? Not those whose signature has no digest of its own: PostgreSQL
 * and libpq then have nothing to bind a SCRAM login to (RFC 5929 section 4.1). */
bool ca_is_key_type(int type);

/* The file of the root's certificate; free() it. NULL: out of memory. */
MUST_USE char *ca_root_path(const struct ca_config *config);

/* Is there a CA, also one that `ca init` has not finished? */
bool ca_exists(const struct ca_config *config);

/* Is there one that is complete? */
bool ca_is_ready(const struct ca_config *config);

/* ---- making, opening ---- */

/*
 * Makes root, issuing CAs, index and CRLs. Killed anywhere, the next call starts over, and nothing
 * was ever signed by the root of before.
 *
 * Takes:  root_key_file  where the root's key goes instead, 0600; NULL: into the directory
 * Gives:  made           false: there is a CA already, and nothing was done
 * Errors: ERR_INPUT      parts of a CA are there and root.crt is not; or root_key_file exists
 *         ERR_CONFIG     the organization; root_key_file where the root's key is in a token; and
 *                        those of a token; ERR_BUSY, ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool ca_init(const struct ca_config *config, const char *root_key_file,
                      struct clock *clock, bool *made, struct err *e);

/* An open CA, locked until it is closed. Keys are read when first needed. */
struct ca;

#define own_ca __attribute__((cleanup(ca_close)))

/*
 * Opens and locks it.
 *
 * Takes:  config, clock  borrowed until ca_close()
 * Errors: ERR_CONFIG      there is none, or `ca init` has not finished
 *         ERR_PERMISSION  its directory belongs to somebody else
 *         ERR_BUSY        another run holds it; ERR_INPUT  a certificate is damaged; ERR_SYSTEM
 */
MUST_USE struct ca *ca_open(const struct ca_config *config, struct clock *clock, struct err *e);

/* The same without the lock, whoever holds it, to look only: ca_show(), ca_add_pem(). Errors as
 * ca_open(), but for those of the lock; and ERR_BUSY while a rollover ends, or after its end was
 * interrupted, until the next ca_open(). */
MUST_USE struct ca *ca_peek(const struct ca_config *config, struct clock *clock, struct err *e);

/* Wipes the keys, unlocks, frees. NULL is nothing to close. */
void ca_close(struct ca **ca);

/*
 * Makes an issuing CA for the clients of a tenant: by a critical name constraint it can sign for
 * nobody but O=TENANT. Killed anywhere, the next call makes it, and until then nobody trusts it.
 *
 * Gives:  made           false: there is one already, and nothing was done
 * Errors: ERR_INPUT      no name for an organization; or a tenant's, but for letters or spaces that
 *                        name constraints do not tell apart
 *         ERR_CONFIG     the root's key is kept elsewhere; ERR_REFUSED  the root has expired
 *         ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION, ERR_INTERNAL; then `ca` is to be closed
 * Source: RFC 5280 section 4.2.1.10
 */
MUST_USE bool ca_tenant(struct ca *ca, const char *name, bool *made, struct err *e);

/* ---- signing ---- */

/*
 * Reads a request (PKCS#10, PEM or DER) and checks its signature. Nothing but the public key is
 * used: name, names and extensions are those of the CA's own choice.
 *
 * Errors: ERR_INPUT  damaged, not signed by its key, or a key that is too weak or cannot sign
 */
MUST_USE EVP_PKEY *ca_request_key(const char *text, size_t size, struct err *e);

/*
 * Signs a certificate for a server: valid for server_lifetime, but never longer than the CA.
 *
 * Takes:  names       DNS names and IP addresses, at least one; the first is also the common name,
 *                     where it is not too long
 * Gives:  chain_pem   leaf and issuing CA, appended
 * Errors: ERR_REFUSED the CA has expired
 *         ERR_INPUT, ERR_SYSTEM, ERR_CREATE, ERR_PERMISSION, ERR_INTERNAL
 */
MUST_USE bool ca_sign_server(struct ca *ca, const struct list *names, EVP_PKEY *public_key,
                             struct str *chain_pem, struct err *e);

/* A certificate for a client; borrowed. */
struct ca_client {
    const char *user;
    EVP_PKEY *public_key;
    int64_t lifetime_s; /* 0: client_lifetime */
    bool is_privileged; /* whoever asks knows what that name may do */
    const char *tenant; /* NULL: none */
};

/*
 * Signs a certificate for a client: CN is the user, behind O=TENANT where there is one.
 *
 * Gives:  chain_pem  leaf and issuing CA, appended
 * Errors: ERR_INPUT  the name cannot be a role's, or there is no such tenant
 *         ERR_PERMISSION  it is one of [ca] privileged
 *         and the rest of ca_sign_server()
 */
MUST_USE bool ca_sign_client(struct ca *ca, const struct ca_client *client, struct str *chain_pem,
                             struct err *e);

/* The certificates of the CAs as PEM: root; what PostgreSQL trusts for clients (their issuing CA,
 * those of tenants, and root, without those that have expired beside others); the same for servers;
 * all. */
enum ca_pem { CA_PEM_ROOT, CA_PEM_CLIENTS, CA_PEM_SERVERS, CA_PEM_ALL };

/* Appends those. ERR_SYSTEM, ERR_INTERNAL. */
MUST_USE bool ca_add_pem(const struct ca *ca, enum ca_pem which, struct str *pem, struct err *e);

/* ---- the CA of another user, asked over a Unix socket ---- */

/* What is asked for: the certificate of that name in the settings, for the key of a request. */
struct ca_question {
    char *name;
    struct str request; /* PKCS#10, DER */
};

#define own_ca_question __attribute__((cleanup(ca_question_done)))

void ca_question_done(struct ca_question *q);

/*
 * Asks for a server's certificate; one at a time, other fibers go on meanwhile.
 *
 * Takes:  path       of the socket
 * Gives:  chain_pem  leaf and issuing CA, appended
 * Errors: ERR_CONFIG      nobody listens there; ERR_PERMISSION  we may not ask
 *         ERR_NETWORK     it ended without an answer; ERR_TIMEOUT  there was none
 *         ERR_PROTOCOL    it is none; ERR_SYSTEM; and whatever the CA answers
 */
MUST_USE bool ca_ask(const char *path, const struct ca_question *q, struct clock *clock,
                     struct str *chain_pem, struct err *e);

/*
 * Reads a question, bounded in size and time.
 *
 * Gives:  q  empty before
 * Errors: ERR_PROTOCOL  it is none, or too large; ERR_TIMEOUT  it was not whole in time; ERR_SYSTEM
 */
MUST_USE bool ca_hear(int fd, struct clock *clock, struct ca_question *q, struct err *e);

/*
 * Writes the answer to one.
 *
 * Takes:  chain_pem  NULL: `why` there is none
 * Errors: ERR_INPUT  no chain; ERR_TIMEOUT  nobody takes it; ERR_SYSTEM
 */
MUST_USE bool ca_answer(int fd, struct clock *clock, const struct str *chain_pem,
                        const struct err *why, struct err *e);

/* ---- revoking ---- */

/* The words for why (RFC 5280 section 5.3.1); NULL-ended. */
extern const char *const ca_reasons[];

/*
 * Revokes in the index; ca_refresh() then makes the CRL.
 *
 * Takes:  serial     lower-case hexadecimal
 *         reason     a word of ca_reasons
 * Gives:  revoked    false: it was already
 * Errors: ERR_INPUT  no such certificate or reason; ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool ca_revoke(struct ca *ca, const char *serial, const char *reason, bool *revoked,
                        struct err *e);

/* The same for many, all of them or none, with one look at the index and one write to it.
 *
 * Gives:  revoked  how many were not revoked before */
MUST_USE bool ca_revoke_all(struct ca *ca, const struct list *serials, const char *reason,
                            size_t *revoked, struct err *e);

/*
 * Tells those who deploy, and are not the CA's owner, that the sessions which were opened with
 * these certificates are to end.
 *
 * Takes:  serials  lower-case hexadecimal
 * Errors: ERR_INPUT  what was told before is damaged; ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool ca_end_sessions(struct ca *ca, const struct list *serials, struct err *e);

/*
 * What was told since; needs no lock.
 *
 * Takes:  after    the `last` of the call before; 0: all
 * Gives:  serials  added
 * Errors: ERR_INPUT  it is damaged; ERR_SYSTEM
 */
MUST_USE bool ca_ending_read(const struct ca_config *config, int64_t after, struct list *serials,
                             int64_t *last, struct err *e);

/*
 * Makes the CRLs that are missing, have less than half of their life left, or lack a revocation;
 * those of the root only while its key is here. A CA that cannot sign does not hold back the
 * others: what can be made is made and published, also when this fails. Where a group may read
 * canaries, each CRL comes with new ones, by which it is proved.
 *
 * Takes:  force      all of them
 * Gives:  did        whether one was made
 * Errors: ERR_INPUT  the index is damaged; ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION, ERR_INTERNAL
 */
MUST_USE bool ca_refresh(struct ca *ca, bool force, bool *did, struct err *e);

/* What a server needs to judge clients, and the means to prove that it does. */
struct ca_client_trust {
    struct str pem;               /* CAs of clients, and a CRL of each */
    struct str accepted, refused; /* canaries, key and chain: one is good, one is revoked */
    struct str retired;           /* one of a CA that is trusted no more; empty: there is none */
    struct str gone; /* CAs of clients that rollovers have taken away: whoever is connected by one
                        of those is locked out on purpose; empty: there are none */
    struct err trouble; /* a CRL that is due could not be made, and the one of before is in `pem`;
                           ERR_NONE: all of them are as they should be */
};

#define own_ca_client_trust __attribute__((cleanup(ca_client_trust_done)))

/*
 * Gives what a server is to trust of clients; CRLs that are due are made.
 *
 * Takes:  fresh  make new canaries: no earlier CRL has refused the one that is revoked, so only who
 *                has this CRL refuses it. They are made also when those of before are ending.
 * Gives:  trust  empty before; what ca_refresh() failed with is its `trouble`, where there are
 *                published CRLs nevertheless
 * Errors: as ca_sign_client() and ca_refresh()
 */
MUST_USE bool ca_trust_clients(struct ca *ca, bool fresh, struct ca_client_trust *trust,
                               struct err *e);

/*
 * Gives the same as it was made last, to whoever may read it and not sign; needs no lock.
 *
 * Gives:  trust  empty before; without `trouble`
 * Errors: ERR_PERMISSION  its canaries are for the group of its directory, where that has the
 *                         setgid bit; else for the owner alone
 *         ERR_BUSY        something is being made; ERR_CONFIG, ERR_INPUT, ERR_SYSTEM
 */
MUST_USE bool ca_trust_read(const struct ca_config *config, struct clock *clock,
                            struct ca_client_trust *trust, struct err *e);

void ca_client_trust_done(struct ca_client_trust *trust);

/* ---- looking ---- */

/* One CA and its CRL. Strings are owned. */
struct ca_look {
    char *word;   /* "root" "servers" "clients" "tenant NAME" */
    char *tenant; /* NULL: none */
    char *subject, *serial, *file, *crl_file;
    char sha256[CERT_SHA256_TEXT];
    int64_t not_before_s, not_after_s;
    int64_t crl_number, crl_this_update_s, crl_next_update_s;
    int64_t issued, revoked; /* how many; -1: the index is not ours to read */
    bool has_key;            /* it is here, or in a token */
    bool is_in_token;
    bool has_crl; /* it is there, and what is published */
};

/* All of them: root, servers, clients, tenants. */
struct ca_looks {
    struct ca_look *items;
    size_t count;
};

#define own_ca_looks __attribute__((cleanup(ca_looks_done)))

/*
 * Looks at all.
 *
 * Gives:  looks  empty before; also half filled after a failure
 * Errors: ERR_INPUT, ERR_SYSTEM
 */
MUST_USE bool ca_show(struct ca *ca, struct ca_looks *looks, struct err *e);

void ca_looks_done(struct ca_looks *looks);

/* One certificate that was issued. Strings are borrowed from the list. */
struct ca_issued {
    const char *serial, *name;
    const char *tenant; /* NULL: none */
    const char *kind;   /* "client" "server" "canary" "client-ca" "server-ca" "tenant-ca" "root" */
    const char *issuer; /* the key id of its CA */
    const char *state;  /* "valid" "expired" "revoked"; "gone": a rollover has taken its CA away */
    const char *reason; /* NULL: not revoked */
    int64_t at_s, not_after_s, revoked_at_s;
};

struct ca_list {
    struct ca_issued *items;
    size_t count;
    struct index *index;
};

#define own_ca_list __attribute__((cleanup(ca_list_done)))

/*
 * Lists what was issued, in that order; needs no lock.
 *
 * Takes:  kind  "client" ...; NULL: all
 * Gives:  list     empty before
 * Errors: ERR_INPUT  the index is damaged; ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool ca_list_read(const struct ca_config *config, const char *kind, int64_t now_s,
                           struct ca_list *list, struct err *e);

/* Is the certificate with that serial number, of whatever kind, revoked? */
bool ca_list_has_revoked(const struct ca_list *list, const char *serial);

void ca_list_done(struct ca_list *list);

/* A CRL in a file of whatever origin. */
struct ca_crl {
    char *issuer;
    char *number; /* decimal; "" where it has none */
    int64_t this_update_s;
    int64_t next_update_s; /* 0: it does not say */
    int64_t revoked;       /* how many */
};

struct ca_crls {
    struct ca_crl *items;
    size_t count;
};

#define own_ca_crls __attribute__((cleanup(ca_crls_done)))

/*
 * Reads the CRLs of a file, PEM or DER; what else is in it is passed over.
 *
 * Gives:  crls       empty before; still so when there is none
 * Errors: ERR_INPUT  one is damaged; ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool ca_crls_read(const char *path, struct ca_crls *crls, struct err *e);

void ca_crls_done(struct ca_crls *crls);

/* The index as the index.txt of openssl-ca(1), of the CA with that word ("clients" ...); or, with
 * NULL, of all as CSV. Appended. ERR_INPUT (also: no such word), ERR_SYSTEM. */
MUST_USE bool ca_export_index(struct ca *ca, const char *word, struct str *text, struct err *e);

/*
 * Moves the root's key out of the directory, to a new file (0600): a CRL of the root that holds as
 * long as the root is made first. During a rollover it is that of the root whose key is in the file
 * already, or of the one whose key is here; of two the present root's.
 *
 * Errors: ERR_CONFIG  it is not here, or is in a token
 *         ERR_INPUT   the file exists, and has another key, or one that cannot be read
 *         ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool ca_export_root_key(struct ca *ca, const char *file, struct err *e);

/*
 * Brings it back, encrypted by the passphrase where one is set; the file stays. So it does with the
 * key of the root that a rollover brings.
 *
 * Gives:  did  false: it was here already
 * Errors: ERR_INPUT   it is not the key of a root of ours, or damaged
 *         ERR_CONFIG  it is encrypted, and not by the passphrase of now
 *         ERR_CREATE, ERR_SYSTEM; ERR_PERMISSION, also when others may read the file
 */
MUST_USE bool ca_import_root_key(struct ca *ca, const char *file, bool *did, struct err *e);

/* ---- rollover: another root, other issuing CAs ---- */

/* How far it is; what is signed is signed by the new CAs from CA_ROLLOVER_SWITCHED on. */
enum ca_rollover_phase {
    CA_ROLLOVER_NONE,
    CA_ROLLOVER_BEGUN,    /* the new CAs are made, and have CRLs */
    CA_ROLLOVER_TRUSTED,  /* what is published to be trusted has old and new */
    CA_ROLLOVER_SWITCHED, /* the new ones sign; the old ones make CRLs only */
    CA_ROLLOVER_RETIRING, /* the old ones are being taken away */
    CA_ROLLOVER_MOVING,   /* the new ones take their places */
};

/* The words for the phases: "none" ... */
extern const char *const ca_rollover_words[];

/* Where it stands; times are 0 for what has not come yet. */
struct ca_rollover {
    enum ca_rollover_phase phase;
    int64_t number; /* of the generation that it brings, from 2 */
    int64_t begun_at_s, trusted_at_s, switched_at_s;
};

/* Where it stands. */
struct ca_rollover ca_rollover_look(const struct ca *ca);

/* Are new servers' certificates accepted by who knows the old root only? So they are when that has
 * signed the new root. */
bool ca_rollover_is_crossed(const struct ca *ca);

/*
 * Makes a new root and new issuing CAs beside the old ones, and their CRLs. Killed anywhere, the
 * next call starts over; nobody trusts them yet.
 *
 * Takes:  root_key_file  where the new root's key goes, 0600; NULL: into the directory
 * Errors: ERR_INPUT      that file exists
 *         ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION, ERR_INTERNAL; then `ca` is to be closed
 */
MUST_USE bool ca_rollover_begin(struct ca *ca, const char *root_key_file, struct err *e);

/* From now on ca_add_pem() and root.crt give old and new; the CRLs did before. Errors as
 * ca_refresh(). */
MUST_USE bool ca_rollover_trust(struct ca *ca, struct err *e);

/* From now on the new CAs sign. ERR_CONFIG  a tenant is still to be made, and the new root's key is
 * elsewhere; and the errors of ca_tenant(). */
MUST_USE bool ca_rollover_switch(struct ca *ca, struct err *e);

/*
 * Takes the new CAs away again, their keys wiped.
 *
 * Gives:  did          false: there was no rollover
 * Errors: ERR_REFUSED  they have signed; ERR_SYSTEM, ERR_PERMISSION; then `ca` is to be closed
 */
MUST_USE bool ca_rollover_abort(struct ca *ca, bool *did, struct err *e);

/* The old CAs for clients, also those of tenants, `i` from 0; borrowed. NULL: no more, or nothing
 * was switched. */
X509 *ca_rollover_old_issuer(const struct ca *ca, size_t i);

/* What is still valid of the old CAs. */
struct ca_left {
    struct ca_list list; /* servers and clients, in the order in which they were issued */
    size_t servers;      /* for which the new CA has signed nothing */
    size_t clients;      /* the same */
    size_t replaced;     /* clients for which it has; the old one may still be in use */
    int64_t last_s;      /* when the last client's ends; 0: there is none */
};

#define own_ca_left __attribute__((cleanup(ca_left_done)))

/*
 * Finds what is still valid of the old CAs; nothing where nothing was switched.
 *
 * Gives:  left  empty before
 * Errors: ERR_INPUT, ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool ca_rollover_left(struct ca *ca, struct ca_left *left, struct err *e);

void ca_left_done(struct ca_left *left);

/* Has a CA that signs now signed the certificate with that serial number? Also true for one that is
 * not in the list. */
bool ca_signs_still(const struct ca *ca, const struct ca_list *list, const char *serial);

/* Is that chain, as ca_sign_server() gave it, of the CA that signs for servers now? Needs no lock;
 * true where that cannot be found out. */
bool ca_signs_servers(const struct ca_config *config, const char *chain_pem, size_t size);

/*
 * Takes the old CAs away: their keys are overwritten and removed, their certificates and last CRLs
 * move to old/NUMBER/, and what is published to be trusted is the new alone. Killed anywhere, the
 * next ca_open() goes on.
 *
 * Takes:  force        though clients have certificates of theirs
 * Errors: ERR_REFUSED  nothing was switched; or somebody has, and not `force`
 *         ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION, ERR_INPUT; then `ca` is to be closed
 */
MUST_USE bool ca_rollover_retire(struct ca *ca, bool force, struct err *e);

/* ---- bundles: what a client gets ---- */

#define CA_SERIAL_TEXT 41 /* 20 octets in hexadecimal, RFC 5280 section 4.1.2.2 */

/* How a client connects, and with what kind of certificate; all borrowed. */
struct ca_bundle {
    const char *user, *host, *database;
    const char *tenant; /* NULL: none */
    int port;
    const char *path; /* the directory where the files will be at the client's */
    enum key_type key_type;
    int64_t lifetime_s; /* 0: client_lifetime */
    bool is_privileged;
    bool is_legacy;              /* PKCS#12 for programs that do not know AES there */
    const char *password;        /* of the PKCS#12; NULL: a random one */
    bool has_random_password;    /* the password was a random one of ours */
    const struct str *trust_pem; /* what the server's certificate ends in; NULL: a public root,
                                    which the client's system trusts */
};

/* A bundle as it was found. Strings are owned. */
struct ca_bundle_found {
    char *user, *host, *database, *path, *serial, *password;
    char *tenant; /* NULL: none */
    int port;
    enum key_type key_type;
    int64_t lifetime_s, not_before_s, not_after_s;
    bool is_privileged, is_legacy, has_random_password;
};

#define own_ca_bundle_found __attribute__((cleanup(ca_bundle_found_done)))

/* Where the bundle of a user is kept: clients/USER, or clients/USER@TENANT, with what cannot stand
 * in the name of a file as %XX; free() it. NULL: out of memory. */
MUST_USE char *ca_bundle_directory(const struct ca_config *config, const char *tenant,
                                   const char *user);

/* Adds the directories of all bundles that are kept, sorted. ERR_SYSTEM, ERR_PERMISSION. */
MUST_USE bool ca_bundle_list(const struct ca_config *config, struct list *directories,
                             struct err *e);

/*
 * Makes a key, signs a certificate for it, and puts both into a directory (0700, files 0600) in the
 * forms that clients read, with what they need to connect. The directory is there whole or not at
 * all; one that is replaced is gone afterwards.
 *
 * Takes:  replace    the directory is a bundle that is to be replaced; else it must not be there,
 *                    or be empty
 * Gives:  serial     free() it
 * Errors: ERR_INPUT  the directory is there; the name cannot be a role's
 *         and those of ca_sign_client()
 */
MUST_USE bool ca_bundle_make(struct ca *ca, const struct ca_bundle *bundle, const char *directory,
                             bool replace, char **serial, struct err *e);

/* One of several bundles. */
struct ca_bundle_order {
    const struct ca_bundle *bundle; /* borrowed, and so is the directory */
    const char *directory;
    bool replace;
    char serial[CA_SERIAL_TEXT]; /* given */
};

#define CA_BUNDLES_AT_ONCE 1024 /* more than that give nothing but need more memory */

/*
 * Does what ca_bundle_make() does for many, on all cores, with one fsync of the index, and one sync
 * of the file system before the directories get their names. One that fails does not stop the
 * others.
 *
 * Gives:  errors  one for each order, with ERR_NONE before; of those that failed
 * Errors: none was made; as ca_bundle_make()
 */
MUST_USE bool ca_bundle_make_all(struct ca *ca, struct ca_bundle_order *orders, struct err *errors,
                                 size_t count, struct err *e);

/*
 * Writes a bundle again for the key and the certificate that one has: into another directory, or
 * into its own. Nothing is signed. As whole as ca_bundle_make().
 *
 * Takes:  bundle     what the files say; user, key_type, lifetime_s and is_privileged are to be
 *                    those of the one that is read, and its password is to be given
 *         from       the directory of that one
 *         directory  where it goes; `replace` as in ca_bundle_make()
 * Errors: ERR_INPUT  the directory is there; what is read is damaged
 *         ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION, ERR_INTERNAL
 */
MUST_USE bool ca_bundle_write_again(const struct ca_bundle *bundle, const char *from,
                                    const char *directory, bool replace, struct err *e);

/*
 * Reads what is in a bundle's directory.
 *
 * Gives:  found  empty before
 * Errors: ERR_INPUT  it is no bundle; ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool ca_bundle_read(const char *directory, struct ca_bundle_found *found, struct err *e);

void ca_bundle_found_done(struct ca_bundle_found *found);

/* The subject of the certificate in a bundle, as PostgreSQL 14 and later compare it (cert_dn());
 * free() it. NULL and ERR_INPUT, ERR_SYSTEM, ERR_PERMISSION. */
MUST_USE char *ca_bundle_dn(const char *directory, struct err *e);

/* The same of a certificate that `client sign` gives a user of a tenant (NULL: of none); free() it.
 * NULL and ERR_INPUT: the name cannot be a role's. */
MUST_USE char *ca_client_dn(const char *tenant, const char *user, struct err *e);

#endif
