/* cloud.h: providers that publish through the HTTP API of a service: what they have in common.
 *
 * Such a provider says how its service finds a zone, lists TXT records, and changes them: either
 * record by record, or set by set (all values of a name at once). The rest is here: which zone a
 * record is in, what is there already, and that nobody else's values are touched.
 */
#ifndef PGCERT_ACME_CLOUD_H
#define PGCERT_ACME_CLOUD_H

#include "acme/rest.h"
#include "base/dns.h"

/* What each of them has; its own struct begins with this one. */
struct cloud_config {
    char *token_file;
    char *endpoint;
    char *ca_file;
};

/* The rows for it; CLOUD_PLACE without the token, for those which have other secrets. */
/* clang-format off */
#define CLOUD_OPTIONS(token_help, endpoint_type, endpoint_standard)                                \
    {"token_file", OPTION_PATH, offsetof(struct cloud_config, token_file), NULL,                   \
     .help = token_help, .required = true},                                                        \
    CLOUD_PLACE(endpoint_type, endpoint_standard)
#define CLOUD_PLACE(endpoint_type, endpoint_standard)                                              \
    {"endpoint", endpoint_type, offsetof(struct cloud_config, endpoint), endpoint_standard,        \
     .help = "URL of the service"},                                                                \
    {"ca_file", OPTION_PATH, offsetof(struct cloud_config, ca_file), NULL,                         \
     .help = "roots to trust for the service's https, besides the system's"}
/* clang-format on */

struct cloud_zone {
    char name[DNS_NAME_SIZE]; /* without the final dot, as all names here */
    char id[REST_ID_SIZE];
    int64_t least_ttl_s; /* 0: the service does not say */
};

/* One TXT record. */
struct cloud_record {
    char name[DNS_NAME_SIZE];
    char *value; /* without quotation marks; in sets, as the service has it */
    char id[REST_ID_SIZE];
    int64_t ttl_s; /* for add(): of what is at the name already, if list() says; 0: nothing is */
};

struct cloud_records {
    struct cloud_record *items;
    size_t count;
    struct json_t *origin; /* the set as the service gave it, if write() wants it; else NULL */
};

#define own_cloud_records __attribute__((cleanup(cloud_records_done)))

/* All values of a name, as they shall be; none: the set is deleted. */
struct cloud_set {
    char name[DNS_NAME_SIZE];
    struct list values; /* in quotation marks */
    int64_t ttl_s;
    struct json_t *origin; /* which list() kept; NULL: none, or the set is new */

    /* What list() said before, for a service that can compare it with what it has. */
    struct list before;
    int64_t before_ttl_s;
};

struct cloud_service {
    const char *header; /* "Authorization: Bearer ", the token follows; NULL: start() */
    bool plain_loopback;
    int64_t least_ttl_s; /* of every zone; 0: find_zone() tells, or nobody does */
    bool refuses_twins;  /* add() of what is there has no effect: it is not looked for before */
    bool hides_zones;    /* a zone that we may not see, or that is none, is ERR_PERMISSION of
                          * find_zone() alike: the others are looked for first */
    bool by_name;        /* list() of a whole zone would cost too much: each name is asked for */

    /* Where the service is, when `endpoint` is not set. NULL: it always is. */
    bool (*find_endpoint)(struct dns *d, char **endpoint, struct err *e);

    /* Reads other proofs of who we are than one token: sets r->authorize, r->proof, and, for
     * errors, r->token_file. Nobody is asked. stop() frees r->proof, also after start() has failed;
     * NULL: there is none. Both NULL: the token is all. */
    bool (*start)(struct dns *d, struct rest *r, struct err *e);
    void (*stop)(struct rest *r);

    /* Finds the zone of that very name, or, when the service tells, the one that holds it. *found
     * is false at first; id and least_ttl_s may be left empty. */
    bool (*find_zone)(struct rest *r, const char *name, struct cloud_zone *zone, bool *found,
                      struct err *e);

    /* Adds TXT records to `out`: of one name, or of the whole zone when it is NULL. It does no harm
     * to add others. Sets are asked for by name only. */
    bool (*list)(struct rest *r, const struct cloud_zone *zone, const char *name,
                 struct cloud_records *out, struct err *e);

    /* Record by record. That it is gone already is no failure of drop(); when the service has no
     * certain word for that, ERR_PERMISSION will do: the record is looked for then. */
    bool (*add)(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record,
                struct err *e);
    bool (*drop)(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record,
                 struct err *e);

    /* In place of add(), for a service that takes several at a time. NULL: it is one by one. */
    bool (*add_all)(struct rest *r, const struct cloud_zone *zone,
                    const struct cloud_records *records, struct err *e);

    /* Makes what was added or dropped, maybe by an earlier run that ended too soon, take effect.
     * NULL: that it does by itself. */
    bool (*apply)(struct rest *r, const struct cloud_zone *zone, struct err *e);

    /* Set by set; NULL: record by record. When the service tells that a set is not what list() said
     * any more, that is no failure, and nothing needs to be written: all is read again afterwards.
     */
    bool (*write)(struct rest *r, const struct cloud_zone *zone, const struct cloud_set *sets,
                  size_t count, struct err *e);

    /* Waits until all name servers of the service show what was published. NULL: it does not tell.
     */
    bool (*settle)(struct rest *r, struct err *e);
};

/* Functions of struct dns_provider, for those with a `cloud`. */
bool cloud_open(struct dns *d, struct err *e);
bool cloud_publish(struct dns *d, const struct dns_txt *records, size_t count, struct err *e);
bool cloud_remove(struct dns *d, const struct dns_txt *records, size_t count, struct err *e);
void cloud_close(struct dns *d);

/* All four, in the table of a provider. */
#define CLOUD_FUNCTIONS                                                                            \
    .open = cloud_open, .publish = cloud_publish, .remove = cloud_remove, .close = cloud_close

/* Adds a copy; quotation marks around the value are left out unless `raw`. False: out of memory,
 * or the name cannot be one. */
MUST_USE bool cloud_records_add(struct cloud_records *all, const char *name, const char *value,
                                bool raw);

void cloud_records_done(struct cloud_records *all);

/* Is the name the zone's own, or below it? */
bool cloud_is_within(const char *name, const char *zone);

/* "_acme-challenge.db" of "_acme-challenge.db.example.org", "@" of the zone's own name. */
void cloud_relative(char relative[static DNS_NAME_SIZE], const struct cloud_zone *zone,
                    const char *name);

/* The same, but "" for the zone's own name. */
void cloud_subname(char relative[static DNS_NAME_SIZE], const struct cloud_zone *zone,
                   const char *name);

/* The other way round; for a name that cannot be one: "". */
void cloud_absolute(char name[static DNS_NAME_SIZE], const struct cloud_zone *zone,
                    const char *relative);

/* The lifetime of a new record: `ttl` of the section, or the least that the zone takes. */
int64_t cloud_ttl(const struct rest *r, const struct cloud_zone *zone);

/* Chooses the longest of `domains`, objects with a "domain", that the name is in; for a service
 * which has to be asked for all of them, page by page: *found and `zone` are those of the pages
 * before. ERR_PROTOCOL when it is no such list. */
MUST_USE bool cloud_take_domains(struct rest *r, const struct json_t *domains, const char *name,
                                 struct cloud_zone *zone, bool *found, struct err *e);

/* Adds the values of a set, texts as the service has them. ERR_PROTOCOL when it is no such list. */
MUST_USE bool cloud_take_values(struct rest *r, const struct json_t *values, const char *name,
                                int64_t ttl_s, struct cloud_records *out, struct err *e);

#endif
