/* import.h: what another ACME client has here: accounts, certificates, and how it was told to renew
 * them. A client is a file cli/import_NAME.c and a line in the table of cli/import.c; it reads, and
 * neither writes nor asks anybody.
 */
#ifndef PGCERT_CLI_IMPORT_H
#define PGCERT_CLI_IMPORT_H

#include "base/assign.h"
#include "base/cert.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/json.h"

#define IMPORT_SECRETS_MAX 2

/* A secret of a DNS provider, which will be a file of its own. */
struct import_secret {
    const char *setting; /* of [dns NAME] */
    struct str text;
};

/* How the client published its records, as settings of ours. All is owned. */
struct import_dns {
    const char *provider; /* NULL: there is none that would do the same */
    char *why;            /* provider NULL: what it is then, for a sentence */
    char *origin;         /* the file that it stands in */
    struct list settings; /* "name = value" */
    struct import_secret secrets[IMPORT_SECRETS_MAX];
    size_t secret_count;
};

struct import_account {
    char *label;    /* for people: a file */
    struct str key; /* as acme_account_import() takes it */
    struct list contact;
};

struct import_certificate {
    char *name;
    char *server;                         /* URL of the ACME directory */
    const struct import_account *account; /* borrowed; NULL: not known */
    struct list names;                    /* that were asked for; empty: those in it */
    struct str key_pem, chain_pem;
    char *renew_before; /* as the setting; NULL: not said */
    struct import_dns dns;
    const char *key_type; /* a word of key_type_words; NULL: none of them */
    char sha256[CERT_SHA256_TEXT];
    char *issuer;      /* the name of the section; NULL: not known yet */
    struct list did;   /* "settings", "certificate" */
    struct list notes; /* what was not taken over of it, as sentences */
    struct err e;      /* why it was not taken over at all; ERR_NONE: it was */
    struct err unfit;  /* why key and certificate are not taken over */
};

/* What is found. */
struct import {
    const struct import_client *client;
    char *directory;         /* where the client keeps all; absolute */
    const char *server;      /* what --server says; NULL: nothing */
    const struct conf *conf; /* the settings that are there */
    struct import_account **accounts;
    size_t account_count;
    struct import_certificate **certificates;
    size_t certificate_count;
    struct list elsewhere; /* files outside of the directory, to which its files have led */
    struct list notes;     /* what was not taken over, and concerns all */
};

/* What ends a client's own renewals. */
struct import_stop {
    const char *path;    /* it goes when this is there; NULL: always */
    const char *command; /* {directory} stands for that of the client */
};

struct import_client {
    const char *name;
    const char *directory; /* the usual one; "~" is that of whoever calls */
    /* Finds all there is. One that cannot be read has its error; ERR_INPUT: there is nothing. */
    bool (*read)(struct import *im, struct err *e);
    struct import_stop stop[2]; /* the first one that goes */
    const char *stop_one;       /* for the certificate {name} alone */
};

extern const struct import_client import_clients[5];

/* NULL when there is none of that name. */
const struct import_client *import_find(const char *name);

/* The usual directory, "~" replaced; free() it. NULL: out of memory. */
MUST_USE char *import_directory(const struct import_client *client);

/* What ends the client's renewals of that certificate, or of all (NULL); free() it. NULL: out of
 * memory. */
MUST_USE char *import_stop(const struct import *im, const char *name);

#define own_import __attribute__((cleanup(import_done)))
void import_done(struct import *im);

/* ---- for those who read ---- */

/* One more, empty but for its name. ERR_INPUT  there are too many; ERR_SYSTEM. */
MUST_USE struct import_certificate *import_add_certificate(struct import *im, const char *name,
                                                           struct err *e);

/*
 * Gives a certificate the account whose key is in that file; the same file again is the same
 * account.
 *
 * Gives:  account  NULL when there is no such file, which is noted
 */
MUST_USE bool import_set_account(struct import *im, struct import_certificate *c,
                                 const char *key_file, struct import_account **account,
                                 struct err *e);

/* Who is told of problems: the "contact" of an ACME account object (RFC 8555 section 7.1.2; NULL:
 * there is none), unless that is known already. */
MUST_USE bool import_set_contact(struct import_account *account, const struct json_t *contact,
                                 struct err *e);

/* May it be the name of a certificate's section, and part of a path? */
bool import_is_name(const char *name);

/* Is it a path below another one: not absolute, without "..", of printable characters? */
bool import_is_below(const char *path);

/* May it be the value of a setting, on one line and without what would be a comment? */
bool import_is_value(const char *text);

/* Adds a sentence; false when memory ran out. */
MUST_USE bool import_note(struct list *notes, const char *format, ...) PRINTF(2, 3);

/* Remembers a path that a file of the client names, when it is outside of its directory.
 * ERR_PERMISSION: others than root and us have written that, and would have us read what they may
 * not. */
MUST_USE bool import_follow(struct import *im, const char *path, struct err *e);

/* Reads key and chain of a certificate; a failure is in c->e. */
void import_read_pair(struct import_certificate *c, const char *key_file, const char *chain_file);

/* Reads a script of assignments; where there is none there are no assignments. */
MUST_USE bool import_read_script(struct assigns *a, const char *path, struct err *e);

/* The directory of that host, as "acme-v02.api.letsencrypt.org" or "localhost_14000": that of
 * --server, of an issuer in the settings, or of a public CA; free() it. NULL: not known. */
MUST_USE char *import_server_at(const struct import *im, const char *host);

/* What a section for the server of that URL would be called; free() it. NULL: out of memory. */
MUST_USE char *import_issuer_name(const char *server);

extern const char import_letsencrypt[];
extern const char import_https[]; /* what the URL of every server begins with */

#endif
