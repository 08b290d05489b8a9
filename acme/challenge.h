/* challenge.h: the three ways in which the DNS can prove control of a name, and where their record
 * is. */
#ifndef PGCERT_ACME_CHALLENGE_H
#define PGCERT_ACME_CHALLENGE_H

#include "acme/acme.h"

/* "dns-01" ..., NULL-ended, in the order of enum acme_challenge: the words of the setting
 * challenge, and the types in a challenge object. */
extern const char *const challenge_words[];

/*
 * The name of the record: "_acme-challenge.NAME.", "_LABEL._acme-challenge.NAME.",
 * "_validation-persist.NAME."; the "*." of a wildcard is left out.
 *
 * Takes:  account_url  as the server gave it; LABEL is made of it alone
 * Gives:  to be free()d; NULL and `e` on failure
 * Errors: ERR_PROTOCOL  together they are longer than a DNS name may be
 *         ERR_INTERNAL  the digest failed; ERR_SYSTEM
 * Source: RFC 8555 section 8.4, draft-ietf-acme-dns-account-label-03,
 * draft-ietf-acme-dns-persist-02
 */
MUST_USE char *challenge_fqdn(enum acme_challenge type, const char *name, const char *account_url,
                              struct err *e);

#endif
