/* config.h: which section feeds which room. */
#ifndef PGCERT_CLI_CONFIG_H
#define PGCERT_CLI_CONFIG_H

#include "acme/acme.h"
#include "base/conf.h"
#include "base/key.h"
#include "base/option.h"
#include "ca/ca.h"
#include "cli/files.h"
#include "reload/reload.h"

#define CONFIG_PATH "/etc/pgcert/pgcert.conf"

/* [pgcert] */
struct settings {
    char *state;
    int64_t keep_generations;
    int64_t prove_again_s;
    int64_t lock_wait_s;
    char *metrics_file; /* NULL: none is wanted */
    char *status_page;  /* the same */
    char *deploy_group; /* NULL: who obtains deploys as well */
};

/* A server and our account there, made when first needed, for the whole run. */
struct reach {
    struct acme_issuer acme; /* the settings as they hold there; all borrowed */
    char *account_dir;
    struct acme_access access; /* of all that; http NULL: not made yet */
    struct client *client;
};

/* In the order of the words of `type`. */
enum issuer_type { ISSUER_ACME, ISSUER_CA, ISSUER_FILES };

/* Their words, NULL-ended. */
extern const char *const config_issuer_types[];

/* [issuer NAME] */
struct issuer {
    char *name;
    int type;                   /* enum issuer_type */
    char *root;                 /* ISSUER_CA: the file of its root */
    const struct ca_config *ca; /* ISSUER_CA: where it is; borrowed. Else NULL */
    struct acme_issuer acme;    /* ISSUER_ACME; else zeroed */
    struct files files;         /* ISSUER_FILES; else zeroed */
    struct issuer *stand_in;    /* borrowed: its `fallback`; NULL: none */
    struct reach real, rehearsal;
};

/* [certificate NAME] */
struct certificate {
    char *name;
    char *issuer_name;
    struct list names;     /* with the addresses at the end */
    struct list addresses; /* IP, as inet_ntop(3) writes them */
    int key_type;          /* enum key_type */
    struct option_share renew_before;
    int64_t renew_at_most_every_s;
    struct list deploy;    /* names of targets */
    struct issuer *issuer; /* borrowed from the config */
};

struct config {
    struct conf conf; /* as read */
    struct settings settings;
    struct ca_config ca;
    struct issuer *issuers;
    size_t issuer_count;
    struct dns **dns;
    size_t dns_count;
    struct target **targets;
    size_t target_count;
    struct certificate *certificates;
    size_t certificate_count;
};

/*
 * Reads and binds everything; touches nothing else.
 *
 * Gives:  c  empty before; also half filled after a failure
 * Errors: ERR_CONFIG with file and line
 */
MUST_USE bool config_read(struct config *c, const char *path, struct clock *clock, struct err *e);

/* The same while the file itself does not exist yet: of what is beside it alone. */
MUST_USE bool config_read_beside(struct config *c, const char *path, struct clock *clock,
                                 struct err *e);

/* NULL when there is none. */
struct certificate *config_certificate(const struct config *c, const char *name);
struct issuer *config_issuer(const struct config *c, const char *name);
struct target *config_target(const struct config *c, const char *name);
struct dns *config_dns(const struct config *c, const char *name);

/* Is that an IP address, not a DNS name? */
bool config_is_address(const char *text);

/* Roots in which what it issues ends, besides the system's; NULL: those alone. Borrowed. */
const char *config_trust_file(const struct issuer *issuer);

/* The option tables of one kind of section, NULL-ended, for what is in `s`. */
struct config_tables {
    const struct option *tables[4];
};
/* See struct config_tables. */
struct config_tables config_tables(const struct conf_section *s);

/* Every kind of section with a table and the word for the manual; `i` from 0; false at the end. */
bool config_kind(size_t i, const char **kind, const char **variant, const struct option **table);

/* Has a section of that kind a name of its own, as [dns NAME]? */
bool config_kind_is_named(const char *kind);

void config_done(struct config *c);

#endif
