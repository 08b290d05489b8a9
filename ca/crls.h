/* crls.h: the CRL files of a CA, made when they are due. */
#ifndef PGCERT_CA_CRLS_H
#define PGCERT_CA_CRLS_H

#include "ca/authority.h"

#define CRLS_FILE_MAX ((size_t)1 << 30)

enum crls_how {
    CRLS_FORCE = 1,     /* all of them */
    CRLS_LONG_ROOT = 2, /* the root's holds as long as the root, for its key goes away */
};

/* What is remembered of the CRL of one CA. */
struct crls_state {
    int64_t number;
    int64_t this_update_s, next_update_s;
    int64_t revoked; /* events in the index that it was made from */
};

/* What is remembered of the CRL of each, in the order of ca->all; zeroed where nothing is. */
void crls_look(const struct ca *ca, struct crls_state *states);

/* What is remembered of the next CAs is that of the present ones from now on; done again it changes
 * nothing. ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION. */
MUST_USE bool crls_promote(const struct ca *ca, struct err *e);

/* The path of the file that has the CRL of a CA: the published one, clients.crl; or its own, of a
 * root. free() it; NULL: out of memory. */
MUST_USE char *crls_path(const struct ca *ca, const struct authority *a);

/* Is there a CRL that crls_refresh() would make? Errors as index_read(). */
MUST_USE bool crls_are_due(struct ca *ca, int how, bool *due, struct err *e);

/* See ca_refresh(); how: enum crls_how. */
MUST_USE bool crls_refresh(struct ca *ca, int how, bool *did, struct err *e);

#endif
