/* profile.h: the kinds of certificates, and what each may be used for. */
#ifndef PGCERT_CA_PROFILE_H
#define PGCERT_CA_PROFILE_H

#include <stdbool.h>

/* The three CAs. */
enum ca_role { CA_ROOT, CA_SERVERS, CA_CLIENTS, CA_ROLE_COUNT };

/* In the order of the table. */
enum profile_id {
    PROFILE_ROOT,
    PROFILE_SERVER_CA,
    PROFILE_CLIENT_CA,
    PROFILE_SERVER,
    PROFILE_CLIENT,
    PROFILE_COUNT,
};

struct profile {
    const char *word;    /* in the index */
    enum ca_role issuer; /* who signs it */
    bool is_ca;
    int path_length; /* -1: no limit said */
    int purpose;     /* NID of the one extended key usage; 0: any */
};

extern const struct profile profiles[PROFILE_COUNT];

/* The profile of that word; PROFILE_COUNT: there is none. */
enum profile_id profile_find(const char *word);

#endif
