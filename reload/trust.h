/* trust.h: what a server is to trust of clients, judged before it gets it. */
#ifndef PGCERT_RELOAD_TRUST_H
#define PGCERT_RELOAD_TRUST_H

#include "reload/pair.h"
#include "reload/reload.h"

/* The file, read. */
struct trust {
    STACK_OF(X509) * cas;
    STACK_OF(X509_CRL) * crls;
};

#define own_trust_file __attribute__((cleanup(trust_done)))

/*
 * Reads certificates and CRLs, of which there may be none.
 *
 * Gives:  t  empty before
 * Errors: ERR_INPUT  it is damaged, or has no certificate
 */
MUST_USE bool trust_read(struct trust *t, const struct str *pem, struct err *e);

/*
 * Would PostgreSQL load it for ssl_ca_file and ssl_crl_file, let one client in and refuse the
 * other? All are CAs, valid now, with a CRL each that holds for 5 minutes more; an expired one
 * locks every client out.
 *
 * Takes:  pem  which `t` was read from
 * Errors: ERR_INPUT
 * Source: PostgreSQL src/backend/libpq/be-secure-openssl.c, be_tls_init(); RFC 5280 section 6.3
 */
MUST_USE bool trust_check(const struct trust *t, const struct str *pem, const struct pair *accepted,
                          const struct pair *refused, int64_t now_s, struct err *e);

void trust_done(struct trust *t);

#endif
