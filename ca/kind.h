/* kind.h: the kinds of certificates, and what each may be used for. */
#ifndef PGCERT_CA_KIND_H
#define PGCERT_CA_KIND_H

#include <stdbool.h>

/* What a CA is there for; of tenants there are any number. */
enum ca_role { CA_ROOT, CA_SERVERS, CA_CLIENTS, CA_TENANT };

/* In the order of the table. */
enum kind_id {
    KIND_ROOT,
    KIND_SERVER_CA,
    KIND_CLIENT_CA,
    KIND_TENANT_CA,
    KIND_SERVER,
    KIND_CLIENT,
    KIND_CANARY, /* a client nobody is, by whom it is proved what a server trusts */
    KIND_COUNT,
};

struct kind {
    const char *word;    /* in the index */
    enum ca_role issuer; /* who signs it; a client of a tenant: CA_TENANT */
    bool is_ca;
    int path_length; /* -1: no limit said */
    int purpose;     /* NID of the one extended key usage; 0: any */
};

extern const struct kind kinds[KIND_COUNT];

/* The kind of that word; KIND_COUNT: there is none. */
enum kind_id kind_find(const char *word);

#endif
