/* target.h: the interface of a kind of server, and the registry.
 *
 * To add one: write reload/target/NAME.c, add a line to reload/target.c and its word to the table.
 */
#ifndef PGCERT_RELOAD_TARGET_H
#define PGCERT_RELOAD_TARGET_H

#include "reload/addresses.h"
#include "reload/form.h"
#include "reload/install.h"
#include "reload/reload.h"

/* A file of pgcert's at a target. */
struct target_file {
    char *path; /* absolute */
    enum form form;
    mode_t mode; /* 0: as install.h has it */
};

/* What a server says about itself. */
struct target_view {
    struct target_file files[INSTALL_FILES_MAX]; /* in the order in which they are renamed */
    size_t file_count;                           /* 0: not known */
    char *password;                              /* of a PKCS#12; NULL: there is none */
    bool uses_file;     /* the running server's settings name it, and TLS is on */
    struct err why_not; /* when it does not: ERR_CONFIG and what to do */
    struct err may_not; /* ERR_PERMISSION and what to do when we may not reload it */
    bool tls_on;        /* it serves some certificate: */
    char *cert_file;    /* the ones its settings name, absolute; NULL: not known */
    char *key_file;
    char *clients_file;         /* what it is to trust of clients; NULL: it is not kept by us */
    bool uses_clients_file;     /* the running server's settings name it */
    struct err clients_why_not; /* when they do not */
    uid_t user;                 /* it runs as; (uid_t)-1: not known */
    gid_t group;                /* that user's; (gid_t)-1: not known */
    struct addresses addresses; /* where to prove; may be none when look() failed */
    enum probe_how how;
    char *server_name;  /* which the proof asks for (SNI); NULL: none */
    bool is_unprovable; /* nobody can be asked what it serves */
    bool is_standby;    /* of a primary elsewhere: it goes first */
    int64_t prove_timeout_ms;
};

#define own_view __attribute__((cleanup(target_view_done)))
void target_view_done(struct target_view *v);

/* pgcert's file there, of several the first; NULL: not known. Borrowed. */
const char *target_view_file(const struct target_view *v);

/* One more file; takes the path (NULL: out of memory). */
MUST_USE bool target_view_add(struct target_view *v, char *path, enum form form, mode_t mode,
                              struct err *e);
void target_view_forget_files(struct target_view *v);

/* Do both paths name one file? Directories may be reached through links. */
bool target_same_path(const char *a, const char *b);

/* The first group of a user; (gid_t)-1: not known. */
gid_t target_group_of(uid_t user);

struct target_hba;
struct doctor_facts;

struct target_type {
    const char *name;
    const struct option *options; /* its own settings, ended by a row without name */
    size_t config_size;           /* bytes of the struct which they fill; 0: none */
    bool is_service;              /* files, user and proof are those of reload/service.h */
    bool finds_files;             /* of a service: where no setting says, its look() does */
    bool needs_network;           /* other than for proofs; a program may need anything */
    enum probe_how how;           /* of a service: how it is asked, unless its settings say */
    int port;                     /* and where, if they do not; 0: PostgreSQL's */

    /* Do the settings make sense together? ERR_CONFIG. NULL: any do, as for guess(). */
    bool (*check)(const struct target *t, struct err *e);

    /* Is it told by a program which root runs, and which may count on root's rights? NULL: no. */
    bool (*needs_root)(const struct target *t);

    /* How libpq is to connect. NULL: it does not. Borrowed. */
    const char *(*connection)(const struct target *t);

    /* Where it is proved, unless it says so itself. NULL: that is service.h's. Borrowed. */
    const struct list *(*proved_at)(const struct target *t);

    /* What is known without the server: file, user, group. What is not stays as it was. */
    void (*guess)(const struct target *t, struct target_view *view);

    /* A session with the server. NULL and `e`; see sql_open() for the codes. */
    void *(*open)(const struct target *t, struct err *e);

    /* Fills the view, as far as it gets also when it fails. A service's is filled before; NULL:
     * that is all. ERR_NETWORK, ERR_PERMISSION, ERR_CONFIG. */
    bool (*look)(void *session, struct target_view *view, struct err *e);

    /* Before each reload: what is in the view's files now; both borrowed until it has ended. NULL:
     * it need not know. */
    void (*announce)(void *session, const struct target_view *view, const X509 *leaf);

    /* Tells the server to read its files again. */
    bool (*reload)(void *session, struct err *e);

    /* Who is connected with a certificate, and ends those. Both NULL: it has no such thing. See
     * reload_sessions(). */
    bool (*sessions)(void *session, struct client_sessions *out, struct err *e);
    bool (*end_sessions)(void *session, const struct client_sessions *which, struct err *e);

    /* Are the settings such that clients' certificates are ours to keep? */
    bool (*wants_clients)(const struct target *t);

    /* For setup: what would have to be written that the server uses pgcert's file; no lines:
     * nothing. Called after look(). NULL: the administrator writes its settings. */
    bool (*plan)(void *session, struct setup_plan *plan, struct err *e);

    /* Writes what plan() said, and undoes what write() did, as far as it did. The server has not
     * reloaded yet when write() returns. When plan->where is another after it, the place was found
     * not to do, and is as it was: call it again for the new one. */
    bool (*write)(void *session, struct setup_plan *plan, struct err *e);
    bool (*undo)(void *session, struct err *e);

    void (*close)(void *session);

    const struct target_hba *hba; /* reload/hba.h; NULL: it knows nothing of the kind */

    /* For doctor, after look(): what the server says of its settings and files (reload/doctor.h);
     * what it does not let us see is a finding. NULL: it says nothing. Those of sql_query(). */
    bool (*examine)(void *session, struct doctor_facts *facts, struct findings *f, struct err *e);
};

extern const struct target_type target_postgres;
extern const struct target_type target_command;
extern const struct target_type target_haproxy;
extern const struct target_type target_pgbackrest;
extern const struct target_type target_pgbouncer;
extern const struct target_type target_patroni;
extern const struct target_type target_pidfile;
extern const struct target_type target_systemd;

#endif
