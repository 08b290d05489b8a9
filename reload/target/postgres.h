/* postgres.h: what the files of the target type `postgres` share. */
#ifndef PGCERT_RELOAD_TARGET_POSTGRES_H
#define PGCERT_RELOAD_TARGET_POSTGRES_H

#include "reload/hba.h"
#include "reload/sql.h"
#include "reload/target.h"

#define POSTGRES_FILE "pgcert.pem"                 /* in the data directory */
#define POSTGRES_CLIENTS_FILE "pgcert-clients.pem" /* beside it */

/* In the order of the words of `layout`. */
enum postgres_layout { POSTGRES_COMBINED, POSTGRES_PAIR };

/* The settings of a [target NAME] with type = postgres. */
struct postgres_config {
    char *connection;
    char *file;
    int layout;
    char *key_file, *cert_file; /* of a pair, as the administrator says; NULL: he does not */
    struct list prove;
    int64_t prove_timeout_s;
    char *run_as;
    int sslnegotiation; /* enum probe_how */
    bool mutual_tls;
};

/* The server's settings that matter here. */
enum postgres_setting {
    PG_VERSION,
    PG_SSL,
    PG_SSL_CERT_FILE,
    PG_SSL_KEY_FILE,
    PG_SSL_CA_FILE,
    PG_SSL_CRL_FILE,
    PG_DATA_DIRECTORY, /* "" for a role that may not see it, as the next one */
    PG_CONFIG_FILE,
    PG_LISTEN_ADDRESSES,
    PG_PORT,
    PG_ROLE,       /* ours */
    PG_MAY_RELOAD, /* "t" */
    PG_IS_STANDBY, /* "t" */
    PG_SETTING_COUNT,
};

extern const char *const postgres_setting_names[PG_SETTING_COUNT];

struct postgres_session {
    const struct postgres_config *config;
    struct sql *sql;
    char *settings[PG_SETTING_COUNT]; /* NULL before look() */
    char *file;                       /* the view's first; with a pair, the key's */
    char *cert_file;                  /* with a pair; else NULL */
    bool uses_file;                   /* as in the view, as the next two */
    char *clients_file;
    bool uses_clients_file;

    /* what setup has written so far */
    char *written;         /* the file in conf.d */
    char *replaced;        /* what was in it before; NULL: it was not there */
    struct list altered;   /* names given to ALTER SYSTEM */
    struct list restoring; /* one statement for each of them, which undoes it */
};

/* Finds pgcert's files, and fills the view with them and with what the settings name. Errors:
 * ERR_CONFIG  it cannot be known where they are */
MUST_USE bool postgres_find_files(struct postgres_session *s, struct target_view *view,
                                  struct err *e);

/* See reload/target.h. */
bool postgres_sessions(void *session, struct client_sessions *out, struct err *e);
bool postgres_end_sessions(void *session, const struct client_sessions *which, struct err *e);

/* For setup, see reload/target.h. */
bool postgres_plan(void *session, struct setup_plan *plan, struct err *e);
bool postgres_write(void *session, struct setup_plan *plan, struct err *e);
bool postgres_undo(void *session, struct err *e);

/* For doctor, see reload/target.h. */
bool postgres_examine(void *session, struct doctor_facts *facts, struct findings *f, struct err *e);

/* pg_hba.conf and pg_ident.conf, see reload/hba.h. */
extern const struct target_hba postgres_hba;

#endif
