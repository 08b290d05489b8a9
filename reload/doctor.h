/* doctor.h: what is known of a server and its files, asked once; what each check judges by. */
#ifndef PGCERT_RELOAD_DOCTOR_H
#define PGCERT_RELOAD_DOCTOR_H

#include "reload/deployment.h"
#include "reload/reload.h"

/* ---- what the server says ---- */

/* A setting: {0} where it has none of that name. */
struct doctor_setting {
    const char *name;
    const char *now;   /* in the running server */
    const char *next;  /* after a restart: what its files say; as `now` where that is not known */
    const char *where; /* "FILE:LINE", which says so; "" */
};

/* Rows, flat, of as many fields each as the words behind have. */
struct doctor_facts {
    struct list settings;     /* name, now, next, where */
    struct list errors;       /* of the settings files: "FILE:LINE", name, what is wrong */
    struct list hba_errors;   /* of pg_hba.conf: "FILE:LINE", what is wrong */
    struct list ident_errors; /* of pg_ident.conf: the same */
    struct list rules;        /* of pg_hba.conf: enum doctor_rule */
    int64_t now_s;            /* by the server's clock */
    bool is_local;            /* the server is on this machine */
};

#define DOCTOR_SETTING_FIELDS 4
#define DOCTOR_ERROR_FIELDS 3
#define DOCTOR_LINE_FIELDS 2

/* The fields of a rule; lists are joined by commas, and an address is "all", "samenet", a name, or
 * the address with its mask in the next field. */
enum doctor_rule {
    RULE_WHERE,
    RULE_TYPE,
    RULE_DATABASE,
    RULE_USER,
    RULE_ADDRESS,
    RULE_NETMASK,
    RULE_METHOD,
    RULE_OPTIONS,
    RULE_FIELDS,
};

/* Finds a setting. */
struct doctor_setting doctor_setting(const struct doctor_facts *facts, const char *name);

/* Is a boolean setting on, in whatever word a file has it? */
bool doctor_is_on(const char *value);

void doctor_facts_done(struct doctor_facts *facts);

/* ---- what is in its files, seen by its user ---- */

/* A file as the server's user sees it. */
struct doctor_file {
    char *path;   /* absolute */
    int trouble;  /* errno; 0: it could be looked at, and read where it was to be; EFBIG: too large
                   * to be read here, which is no word on it */
    bool is_link; /* the path itself is a symbolic link */
    bool has_key; /* a private key in PEM is in it */
    mode_t mode;  /* of what it leads to */
    uid_t owner;
    int64_t changed_s;
    struct str text; /* the content, unless it was only to be looked at */
};

#define DOCTOR_TEXT_MIB 3 /* a larger file is not read */

struct doctor_files {
    struct doctor_file *items;
    size_t count;
};

/*
 * Looks at files as another user, without following pipes or waiting for anybody.
 *
 * Takes:  paths   absolute; one that ends in a slash is a directory, of which the entries that are
 *                 called as OpenSSL looks CRLs up ("1d3472b9.r0") are read, too
 *         peeked  the same; these are looked at, and not read
 * Gives:  files   empty before
 * Errors: ERR_PERMISSION  we cannot become that user; ERR_TIMEOUT, ERR_INTERNAL, ERR_SYSTEM
 */
MUST_USE bool doctor_files_read(uid_t user, const struct list *paths, const struct list *peeked,
                                struct doctor_files *files, struct err *e);

/*
 * Looks at what is in a directory, but for what in a data directory is the server's own business
 * (base, pg_wal ...), so many levels deep.
 *
 * Gives:  files  appended
 * Errors: as doctor_files_read()
 */
MUST_USE bool doctor_files_walk(uid_t user, const char *directory, size_t depth,
                                struct doctor_files *files, struct err *e);

/* NULL when it is not among them. */
const struct doctor_file *doctor_files_find(const struct doctor_files *files, const char *path);

void doctor_files_done(struct doctor_files *files);

/* Could one not be read for its size? */
bool doctor_files_have_large(const struct doctor_files *files);

/* ---- all of it ---- */

struct examination {
    const struct target *target; /* borrowed */
    int64_t now_s;
    int64_t ahead_s; /* the server's clock before ours */
    bool is_asked;   /* the server has answered; else nothing below is known */
    bool has_files;
    bool has_data;
    struct target_view view;
    struct doctor_facts facts;
    struct doctor_files files; /* that its settings name */
    struct doctor_files data;  /* in its data directory, and beside pgcert's file */
    char *directory;           /* that one; NULL: not known */
    char *home_key;            /* ~/.postgresql/postgresql.key of its user; NULL: not known */
};

/* The file that a value of a setting names, absolute; free() it. NULL: it names none, or it is not
 * known where it is. */
MUST_USE char *doctor_path(const struct examination *x, const char *value);

/* May root be told to paste a command about the file? Its name is the choice of the server's user,
 * and so is where a link leads. */
bool doctor_is_pastable(const struct doctor_file *file);

#define DOCTOR_USER_SIZE 64

/* A user's name, or number: `text`. */
const char *doctor_user(uid_t user, char text[static DOCTOR_USER_SIZE]);

/* The remedy for a key which its server's user is to have, with mode 0600. */
void doctor_advise_key(const struct examination *x, const struct doctor_file *file,
                       struct findings *f);

#endif
