/* export.h: the index for other programs. */
#ifndef PGCERT_CA_EXPORT_H
#define PGCERT_CA_EXPORT_H

#include "ca/index.h"

/*
 * As OpenSSL's index.txt: the certificates of one CA, as openssl-ca(1) keeps them.
 *
 * Takes:  issuer        the key id of the CA
 *         organization  of the CAs below it; NULL: none
 * Gives:  text          appended
 * Errors: ERR_INTERNAL, ERR_SYSTEM (out of memory)
 */
MUST_USE bool export_openssl(const struct index *index, const char *issuer,
                             const char *organization, int64_t now_s, struct str *text,
                             struct err *e);

/* As CSV (RFC 4180) with a header, all of them. ERR_SYSTEM: out of memory. */
MUST_USE bool export_csv(const struct index *index, int64_t now_s, struct str *text, struct err *e);

/* "valid", "expired" or "revoked". */
const char *export_state(const struct index_entry *one, int64_t now_s);

#endif
