/* reload.h: the face of the room that puts a key and chain in front of PostgreSQL.
 *
 * A deployment is: check what is to be deployed (verify), ask the server for its settings (target),
 * put the file in place as the owner of its directory (install), reload, and prove by a TLS
 * handshake on every address that the server now serves it (prove). When the proof fails, the
 * previous file is put back, reloaded and proved.
 */
#ifndef PGCERT_RELOAD_RELOAD_H
#define PGCERT_RELOAD_RELOAD_H

#include "base/cert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fiber.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/option.h"
#include "base/progress.h"

/* ---- what is to be served ---- */

struct material {
    const struct str *key_pem;
    const struct str *chain_pem;
    const struct list *names; /* which the leaf must cover */
    const char *trust_file;   /* NULL: the system's roots alone */
    int64_t valid_for_s;      /* it must be valid for at least that much longer */
    bool any_root;            /* whatever the chain ends in is trusted: it is for a test */
};

/*
 * Checks everything that PostgreSQL checks when it loads the pair, and what it forgets to check:
 * strict PEM; the key matches the leaf; the chain ordered and complete, each signature, up to a
 * trusted root; serverAuth; every name covered; valid now and long enough; key strength by the
 * system's security level; loads into an SSL_CTX as be_tls_init() makes it; a handshake in memory
 * that passes verify-full for each name.
 *
 * Errors: ERR_INPUT  one sentence
 * Source: PostgreSQL src/backend/libpq/be-secure-openssl.c, be_tls_init()
 */
MUST_USE bool reload_check(const struct material *m, struct clock *clock, struct err *e);

/* ---- targets ---- */

struct target_type; /* reload/target.h */

/* A configured [target NAME]. */
struct target {
    char *name;
    const struct target_type *type;
    void *config;
    struct service_config *service; /* reload/service.h; NULL: that type has its own way */
    struct fiber_lock lock;         /* one deployment at a time */
};

/* `type` and whatever else all targets have; the options of each type follow from its table, and
 * for all but PostgreSQL from that of files and proofs. NULL: `i` is past the last, or it has none.
 */
extern const struct option target_options[];
extern const char *const target_type_words[];
const struct option *target_type_options(size_t i);
const struct option *target_service_options(size_t i);

/* Binds a section. NULL and ERR_CONFIG. */
MUST_USE struct target *target_new(const struct conf_section *s, struct err *e);
void target_free(struct target *t);

/* Does it take more than a Unix socket and a proof: a connection over the network, or a program,
 * which may need anything? */
bool reload_needs_network(const struct target *t);

/* Is it told by a program which root runs, and which may count on root's rights? */
bool reload_needs_root(const struct target *t);

/* The hosts where the settings say that it is proved. False when memory ran out. */
MUST_USE bool reload_add_hosts(const struct target *t, struct list *hosts);

/* How TLS begins. */
enum probe_how {
    PROBE_POSTGRES, /* SSLRequest first */
    PROBE_DIRECT,   /* TLS at once, with ALPN "postgresql" (PostgreSQL 17 and later) */
    PROBE_TLS,      /* TLS at once, as any other server has it */
};

/* One address that was asked what it serves. */
struct endpoint {
    char *address;                 /* "127.0.0.1:5432", "[::1]:5432" */
    char sha256[CERT_SHA256_TEXT]; /* of the leaf; "" when `error` is not NULL */
    char *error;                   /* one sentence, or NULL */
};

#define SERVED_FILES_MAX 8

/* A file of several, and a digest of the bytes in it. */
struct served_file {
    char *path;
    char sha256[CERT_SHA256_TEXT];
};

/* What was found out about a target. `{0}` is empty. */
struct served {
    char *file; /* pgcert's file there, of several the first; NULL: not known */
    struct served_file files[SERVED_FILES_MAX]; /* where it has several: all, as they are now */
    size_t file_count;
    bool is_unprovable;                     /* nobody can be asked what it serves */
    enum probe_how how;                     /* it is asked ... */
    char *server_name;                      /* ... with this name (SNI); NULL: none */
    char deployed_sha256[CERT_SHA256_TEXT]; /* leaf in that file; "" : none, or not readable */
    char served_sha256[CERT_SHA256_TEXT];   /* when all endpoints agree; else "" */
    struct endpoint *endpoints;
    size_t endpoint_count;
    bool did_install; /* the file was replaced in this call */
    bool did_keep;    /* and what was in it, which loads, is kept as FILE.previous */
    bool did_reload;
};

#define own_served __attribute__((cleanup(served_done)))
void served_done(struct served *s);

/*
 * Looks without touching: which file, what is in it, what is served.
 *
 * Gives:  out  as much as could be found, also when it fails
 * Errors: ERR_NETWORK     the server cannot be reached
 *         ERR_CONFIG      ssl is off, or its settings name another file; what to do
 *         ERR_PERMISSION
 */
MUST_USE bool reload_look(struct target *t, struct clock *clock, struct served *out, struct err *e);

/*
 * Only compares bytes: is `file` (from an earlier run's struct served) exactly this key and chain?
 * No network, no other process; a file that is not there or not readable is not the same.
 */
bool reload_is_deployed(const char *file, const struct material *m);

/* The same for one of several files: has it these bytes still? */
bool reload_is_unchanged(const char *file, const char *sha256);

/*
 * Brings the target to the material: installs unless deployed already, reloads, proves; puts back
 * when the proof fails. When what is deployed is served already, it only proves.
 *
 * Errors: ERR_INPUT     the material is not acceptable; nothing was touched
 *         ERR_CONFIG    the server does not use pgcert's file (try: pgcert setup NAME); untouched
 *         ERR_NETWORK   the server is down; the file is installed nevertheless if it is known from
 *                       the settings in the configuration (file =), so that a start serves it
 *         ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION  the file could not be installed; the old one is
 * there ERR_PUT_BACK  not served; the previous one was put back and is proved to be served
 *         ERR_UNPROVED  not served, and the previous one not proved either
 */
MUST_USE bool reload_deploy(struct target *t, const struct material *m, struct clock *clock,
                            struct progress *progress, struct served *out, struct err *e);

/* Which comes first where a certificate has several targets. */
enum reload_rank { RANK_STANDBY, RANK_PRIMARY, RANK_COMPANION };

/* Asks the server. One that is down, or is not known to be a standby, is a primary; what is no
 * database is a companion. */
enum reload_rank reload_rank(struct target *t);

/*
 * Puts back what was there before the last deployment (FILE.previous), reloads and proves.
 *
 * Gives:  out     as reload_deploy()
 * Errors: ERR_INPUT     there is nothing before it that loads; nothing was touched
 *         ERR_NETWORK   the server is down; the files are back if it is known where they are
 *         ERR_UNPROVED  it is not served
 *         others as reload_deploy()
 */
MUST_USE bool reload_take_back(struct target *t, struct clock *clock, struct progress *progress,
                               struct served *out, struct err *e);

/* ---- what is trusted of clients ---- */

/* Which certificates of clients a server accepts; all borrowed. */
struct client_trust {
    const struct str *pem;      /* CAs, and a CRL of each: one file, that both settings name */
    const struct str *accepted; /* a canary, key and chain: it is let in by that ... */
    const struct str *refused;  /* ... and one that is revoked in it */
    const struct str *retired;  /* one of a CA that is not in it any more; empty: none */
    const struct str *gone;     /* CAs (PEM) whose clients are locked out on purpose; empty: none */
};

/* Somebody who is connected with a certificate; strings as pg_stat_ssl has them. */
struct client_session {
    int pid;
    char *role, *database, *address;
    char *serial; /* decimal */
    char *issuer; /* "/O=Example/CN=client CA", at most 63 bytes */
};

struct client_sessions {
    struct client_session *items;
    size_t count;
};

/* What became of it. `{0}` is empty. */
struct client_trusted {
    char *file;
    bool did_install;
    struct client_sessions ended; /* of CAs that are gone */
};

#define own_client_trusted __attribute__((cleanup(client_trusted_done)))
void client_trusted_done(struct client_trusted *t);

/* Do its settings say that pgcert is to keep what it trusts of clients (mutual_tls)? */
bool reload_wants_clients(const struct target *t);

/* Only compares bytes, as reload_is_deployed() does. */
bool reload_clients_deployed(const char *file, const struct str *pem);

/*
 * Brings the target to trust that of clients: checks it (a CRL for each CA, all valid, the two
 * canaries judged as wanted), and that everybody who is connected with a certificate comes from one
 * of the CAs; puts the file in place, reloads, and proves on every address that one canary is let
 * in and the other is not; puts the old file back when the proof fails. Then sessions of CAs that
 * are gone are ended.
 *
 * Errors: ERR_INPUT    the file would lock clients out; nothing was touched
 *         ERR_CONFIG   the server does not use pgcert's file (try: pgcert setup --mutual-tls NAME);
 *                      or somebody is connected who would not be let in again; untouched
 *         ERR_NETWORK, ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION, ERR_PUT_BACK, ERR_UNPROVED as
 *                      reload_deploy()
 * Source: PostgreSQL src/backend/libpq/be-secure-openssl.c, be_tls_init()
 */
MUST_USE bool reload_deploy_clients(struct target *t, const struct client_trust *trust,
                                    struct clock *clock, struct progress *progress,
                                    struct client_trusted *out, struct err *e);

#define own_client_sessions __attribute__((cleanup(client_sessions_done)))
void client_sessions_done(struct client_sessions *s);

/* Was that certificate signed by the CA (NULL: by any), and, unless serial is NULL, is that its
 * number (hexadecimal)? */
bool client_session_is_of(const struct client_session *s, const X509 *ca, const char *serial);

/* Who is connected with a certificate. `out` is empty before. Errors: ERR_PERMISSION  the role may
 * not see that; ERR_NETWORK and others of sql_query() */
MUST_USE bool reload_sessions(struct target *t, struct client_sessions *out, struct err *e);

/*
 * Ends the sessions that were opened with the certificates of a CA with these serial numbers.
 *
 * Takes:  serials  hexadecimal; NULL: all that these CAs have signed
 *         cas      PEM; each of them counts
 * Gives:  ended    those, gone when this returns; empty before
 * Errors: as reload_sessions(); ERR_TIMEOUT  one does not end
 */
MUST_USE bool reload_end_sessions(struct target *t, const struct list *serials,
                                  const struct str *cas, struct clock *clock,
                                  struct client_sessions *ended, struct err *e);

/* What setup did or would do, line by line, for people. */
struct setup_plan {
    struct list lines; /* "ssl_cert_file = 'pgcert.pem'" ... */
    char *where;       /* the file written, or "ALTER SYSTEM" */
    char *by_hand;     /* not NULL: somebody else keeps these settings; what he must be told */
};
void setup_plan_done(struct setup_plan *p);

/* One setup; all pointers are borrowed. */
struct setup {
    const struct material *material;
    const struct client_trust *trust; /* for a target with mutual_tls; NULL: none, or dry */
    bool dry;                         /* only fill `plan` */

    struct setup_plan plan;
    struct served *served;
    struct client_trusted trusted;
};

#define own_setup __attribute__((cleanup(setup_done)))
void setup_done(struct setup *s);

/*
 * Points the server at pgcert's file and turns TLS on, by reload: installs the material, writes the
 * settings (a file in the cluster's conf.d where postgresql.conf includes one, else ALTER SYSTEM),
 * reloads, proves; undoes the settings and the files when the proof fails. The same for what is to
 * be trusted of clients. Does nothing where all holds already.
 */
MUST_USE bool reload_setup(struct target *t, struct setup *s, struct clock *clock,
                           struct progress *progress, struct err *e);

/* ---- who may log in: pg_hba.conf and pg_ident.conf ---- */

#define HBA_MAP "pgcert" /* the name of the map in pg_ident.conf */

enum hba_file { HBA_RULES, HBA_IDENT, HBA_FILES };

/* One client: with the certificate of that name it may log in to one database, from there, and is
 * refused for everything else over TCP. All borrowed. */
struct hba_client {
    const char *user;
    const char *database;       /* NULL: the user is not let in at all */
    const char *dn;             /* as cert_dn() has it; NULL without a database */
    const struct list *sources; /* as reload_hba_source() gives them; for reload_hba() also NULL:
                                   those of the block that is there, else from everywhere */
};

/* Where a client may come from, as pg_hba.conf has it: "192.0.2.7" is a range of one. free() it.
 * ERR_USAGE: neither an address, a range, nor one of the words all samehost samenet. */
MUST_USE bool reload_hba_source(const char *given, char **source, struct err *e);

/*
 * Appends the lines of clients, user by user: what each may, and that all else is refused.
 *
 * Takes:  by_dn      the certificate is known by its whole name, as PostgreSQL 14 and later can;
 * else by its common name, and pg_ident.conf gets nothing Errors: ERR_INPUT  a name that cannot
 * stand there Source: PostgreSQL's manual, "The pg_hba.conf File" and "User Name Maps"
 */
MUST_USE bool reload_hba_lines(const struct hba_client *clients, size_t count, bool by_dn,
                               struct str *hba, struct str *ident, struct err *e);

/* What was done, or would be; strings are owned, `{0}` is empty. */
struct hba_plan {
    struct {
        char *path;       /* as the server's settings have it */
        struct str lines; /* of the block; none: there is to be no block */
        bool is_changed;
    } files[HBA_FILES];
    bool did_reload;
};

#define own_hba_plan __attribute__((cleanup(hba_plan_done)))
void hba_plan_done(struct hba_plan *p);

/*
 * Brings the block in both files to these clients (none: there is no block), each file in one step
 * and as its owner, with owner, group and mode as they were; has the server judge both before it
 * reloads them; and sees that it did and still lets us in. Where it objects, or does not let us in,
 * both files are put back. Where all holds already it does nothing.
 *
 * Takes:  dry   only fill `plan`
 * Gives:  plan  empty before; also when it fails, as far as it got
 * Errors: ERR_CONFIG      the block is damaged, or the server would not load a file; nothing is
 *                         changed
 *         ERR_INPUT       a name cannot stand there
 *         ERR_PUT_BACK    it did not let us in any more; what was before is loaded again
 *         ERR_UNPROVED    neither
 *         ERR_BUSY        somebody else is changing the files
 *         ERR_NETWORK, ERR_TIMEOUT, ERR_PERMISSION, ERR_CREATE, ERR_SYSTEM
 */
MUST_USE bool reload_hba(struct target *t, const struct hba_client *clients, size_t count, bool dry,
                         struct clock *clock, struct hba_plan *plan, struct err *e);

/* A PostgreSQL cluster found on this machine. */
struct cluster {
    char *name;      /* "15-main" */
    char *directory; /* data directory */
    char *socket;    /* directory of its socket */
    int port;
    uid_t owner;
    bool running;
};
struct clusters {
    struct cluster *items;
    size_t count;
};
void clusters_done(struct clusters *c);

/* Finds running servers by their sockets in /var/run/postgresql and /tmp, and Debian's clusters in
 * /etc/postgresql/VERSION/NAME. */
MUST_USE bool reload_find_clusters(struct clusters *out, struct err *e);

/*
 * Replaces a file that everybody may read (0644), or makes it, whole or not at all, as the owner of
 * its directory, with the same care as what the server reads.
 *
 * Takes:  path  absolute
 * Errors: ERR_CREATE, ERR_SYSTEM, ERR_CONFIG, ERR_BUSY; ERR_PERMISSION  neither root nor the owner
 *         of the directory, or others could replace the file
 */
MUST_USE bool reload_write_public(const char *path, const struct str *bytes, mode_t mode,
                                  struct err *e);

/* ---- any endpoint, for `check` ---- */

struct probe {
    const char *server_name; /* to be asked for (SNI) instead of the host; borrowed, may be NULL */
    char address[128];       /* numeric, with the port */
    char protocol[16];       /* "TLSv1.3" */
    char cipher[64];
    struct chain chain;   /* as sent */
    bool verified;        /* up to a trusted root, valid now, and the name matches */
    struct list problems; /* sentences */
};

#define own_probe __attribute__((cleanup(probe_done)))
void probe_done(struct probe *p);

/*
 * Makes a handshake and looks at what is served. No client certificate is sent, no password.
 *
 * Takes:  host       name or address; a name is also sent as SNI
 *         names      which the certificate must cover; NULL: the host
 *         trust_file NULL: the system's roots
 * Errors: ERR_NETWORK (no connection), ERR_TIMEOUT, ERR_FOUND (it answers, but not with TLS: ssl is
 *         off, or not PostgreSQL), ERR_PROTOCOL
 * A bad certificate is not an error here: see verified and problems.
 */
MUST_USE bool reload_probe(const char *host, int port, enum probe_how how, const struct list *names,
                           const char *trust_file, int64_t timeout_ms, struct clock *clock,
                           struct probe *out, struct err *e);

/*
 * Looks at a PEM file as if it were served: chain, dates, purpose, trust; with a private key in it
 * also whether PostgreSQL would load the file for both settings.
 *
 * Gives:  out  protocol and cipher stay empty
 * Errors: ERR_INPUT (no certificate, or damaged), ERR_SYSTEM, ERR_PERMISSION
 */
MUST_USE bool reload_probe_file(const char *path, const char *trust_file, struct clock *clock,
                                struct probe *out, struct err *e);

/* ---- for `doctor`: what will go wrong with a server ---- */

/* A server and its files, looked at once. */
struct examination;

#define own_examination __attribute__((cleanup(reload_examination_drop)))

/*
 * Asks the server, and looks at its files as its user; changes nothing.
 *
 * Gives:  f  what could not be looked at
 * Errors: NULL and ERR_SYSTEM: out of memory; that the server is down is a finding
 */
MUST_USE struct examination *reload_examine(struct target *t, struct clock *clock,
                                            struct findings *f, struct err *e);
void reload_examination_drop(struct examination **x);

/* The name of the target, borrowed. */
const char *reload_examined_name(const struct examination *x);

/* How many seconds the server's clock was before ours when it was asked; 0 also where it is not
 * known. */
int64_t reload_examined_ahead(const struct examination *x);

/* Would PostgreSQL and libpq use a private key with that owner and mode, read by that user?
 * Source: PostgreSQL src/backend/libpq/be-secure-common.c, check_ssl_key_file_permissions();
 * src/interfaces/libpq/fe-secure-openssl.c, initialize_SSL() */
bool reload_takes_key(uid_t owner, unsigned mode, uid_t reader);

/* What would stop or change the next restart: settings, pg_hba.conf, and files that do not load as
 * be_tls_init() loads them. */
void reload_find_restart(const struct examination *x, struct findings *f);

/* Owners and modes of keys that PostgreSQL, or libpq for its user, refuses. */
void reload_find_keys(const struct examination *x, struct findings *f);

/* Certificates, CAs and CRLs in use that have ended or soon will. */
void reload_find_expiry(const struct examination *x, struct findings *f);

/* CAs of clients without a CRL where CRLs are used, and CAs that sign for anybody. */
void reload_find_clients(const struct examination *x, struct findings *f);

/* Who gets in without TLS, or without being asked for anything. */
void reload_find_access(const struct examination *x, struct findings *f);

/* Settings of TLS that let in what is broken, or that pgcert does not follow. */
void reload_find_tls(const struct examination *x, struct findings *f);

/* What pg_basebackup and pg_rewind stumble over, and keys that they take along. */
void reload_find_backup(const struct examination *x, struct findings *f);

/* Temporary files of killed runs, and copies of keys, in the data directory or beside the file. */
void reload_find_leftovers(const struct examination *x, struct findings *f);

/* The version of libpq that runs; loads it. NULL: it cannot be loaded. */
const char *reload_library(void);

#endif
