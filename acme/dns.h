/* dns.h: how the TXT records of challenges are published: the provider interface and its registry.
 *
 * To add a provider: write acme/dns/NAME.c with its table of options, add a line to acme/dns.c.
 */
#ifndef PGCERT_ACME_DNS_H
#define PGCERT_ACME_DNS_H

#include "base/clock.h"
#include "base/err.h"
#include "base/fiber.h"
#include "base/option.h"
#include "base/progress.h"

/* One TXT record. The last three are for programs that want to know what it proves; each is NULL
 * when that is not known, as in the journal of an earlier version. */
struct dns_txt {
    const char *fqdn;              /* "_acme-challenge.db.example.org." or an alias, A-labels, the
                                      final dot */
    const char *value;             /* 43 characters of base64url */
    const char *domain;            /* the identifier, without the "*." of a wildcard */
    const char *token;             /* of the challenge, base64url */
    const char *key_authorization; /* RFC 8555 section 8.1: the token, ".", a thumbprint */
};

/* What every [dns NAME] section has, whatever its provider; see dns_options. */
struct dns_config {
    int provider; /* index in dns_provider_words */
    int64_t ttl_s;
    int propagation;       /* enum dns_propagation */
    int64_t wait_s;        /* how long `wait` waits */
    struct list resolvers; /* HOST[:PORT]; empty: the system's (/etc/resolv.conf) */
    int64_t timeout_s;
    char *alias; /* where every record goes, as dns_name_copy() has it; NULL: to its own name */
};

enum dns_propagation { DNS_AUTHORITATIVE, DNS_RECURSIVE, DNS_WAIT };

/* The options of struct dns_config; `provider` is one of them. */
extern const struct option dns_options[];

/* The names of the providers, NULL-ended, in order of name. */
extern const char *const dns_provider_words[];

struct dns;

struct dns_provider {
    const char *name;
    const struct option *options; /* its own settings, ended by a row without name */
    size_t config_size;           /* bytes of the struct which they fill */

    /* Reads keys and whatever else can be wrong before anything is asked for; fills d->session.
     * NULL when there is nothing. ERR_CONFIG, ERR_PERMISSION. Called before an order is made. */
    bool (*open)(struct dns *d, struct err *e);

    /* All records of one call go out in as few updates as can be. Both may be called again after
     * success or failure with the same effect; remove() deletes these very values only, and a
     * record that is not there is no error. d->provider_config is the filled struct. publish NULL:
     * it publishes nothing, and the only challenge for it is dns-persist-01. */
    bool (*publish)(struct dns *d, const struct dns_txt *records, size_t count, struct err *e);
    bool (*remove)(struct dns *d, const struct dns_txt *records, size_t count, struct err *e);

    /* Frees d->session; NULL when the provider keeps none. */
    void (*close)(struct dns *d);

    bool runs_programs;                /* of the administrator's */
    bool listens;                      /* at a port of its own */
    const struct cloud_service *cloud; /* how cloud.h asks this one; NULL: the provider knows */
};

/* What orders that are under way at the same time want to be published; see publish.h. */
struct publish_board {
    struct publish_wish *first;
    size_t expected;              /* orders that may still have something to publish */
    size_t published;             /* orders that will have something to remove */
    bool is_busy;                 /* somebody carries out what is there */
    struct fiber_queue waiting;   /* for that */
    struct fiber_queue gathering; /* the one who waits for the orders that may come */
};

/* A configured provider: one [dns NAME] section. */
struct dns {
    char *name; /* of the section */
    struct dns_config config;
    const struct dns_provider *provider;
    void *provider_config;
    void *session;       /* the provider's own; NULL at first */
    struct zones *zones; /* found so far, by whomever (acme/zone.h); NULL at first */
    struct clock *clock;
    struct fiber_lock lock; /* session and zones, from their first question to the last answer */
    struct publish_board board;
};

/* Binds a section. NULL and ERR_CONFIG. */
MUST_USE struct dns *dns_new(const struct conf_section *s, struct clock *clock, struct err *e);

void dns_free(struct dns *d);

/* The tables of options of provider number i (for `config show` and the manual). */
const struct dns_provider *dns_provider_get(size_t i);

#endif
